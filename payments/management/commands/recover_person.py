"""Restore the access of a person who lost device or password, where nobody can do so in the admin."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from payments.core.errors import NotFound
from payments.management.answering import AnsweringCommand
from payments.people.models import OneTimeLink, SignIn, User
from payments.people.services import one_time_links, sign_ins


class Command(AnsweringCommand):
    help = "End a person's sign-ins and print a link, good once and for a day, for a new password and second factor."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="the name the person signs in with")

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise NotFound("Nobody signs in by this name. `invite` makes an account.")
        with transaction.atomic():
            sign_ins.end(user, SignIn.Ended.FACTOR, actor=self.ACTOR)
            new = one_time_links.issue(user, OneTimeLink.Purpose.RECOVERY, actor=self.ACTOR)
        return {"id": user.pk, "link": new.url, "good_until": new.link.expires_at.isoformat()}

"""Invite a person: `manage.py invite --email E (--superuser | --merchant M --role R [--channel C])`."""

from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction

from payments.core.errors import Invalid
from payments.management.answering import AnsweringCommand, merchant_of
from payments.people.models import OneTimeLink, Role
from payments.people.services import one_time_links
from payments.services import colleagues


class Command(AnsweringCommand):
    help = "Make an account and print the link, good once and for seven days, by which its person joins."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email", required=True, help="the name to sign in with; the link is sent there too")
        parser.add_argument("--name", default="")
        parser.add_argument("--superuser", action="store_true", help="who may do everything at every merchant")
        parser.add_argument("--merchant", help="mer_…")
        parser.add_argument("--channel", help="chn_…: in this channel only; without it in every channel")
        parser.add_argument("--role", choices=Role.Name.values)

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        if options["superuser"] == bool(options["merchant"] and options["role"]):
            raise Invalid("validation_failed", "Say --superuser, or --merchant and --role.", param="role")
        with transaction.atomic():
            new = self._superuser(options) if options["superuser"] else self._colleague(options)
        return {"id": new.link.user_id, "link": new.url, "good_until": new.link.expires_at.isoformat()}

    def _superuser(self, options: dict[str, Any]) -> one_time_links.NewLink:
        user = colleagues.new_user(address=options["email"], name=options["name"], is_superuser=True, by=self.ACTOR)
        return one_time_links.issue(user, OneTimeLink.Purpose.INVITATION, actor=self.ACTOR)

    def _colleague(self, options: dict[str, Any]) -> one_time_links.NewLink:
        return colleagues.invite(
            address=options["email"],
            name=options["name"],
            merchant_id=merchant_of(options).id,
            channel_id=options["channel"],
            role=Role.Name(options["role"]),
            by=self.ACTOR,
        )

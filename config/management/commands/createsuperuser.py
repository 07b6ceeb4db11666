"""Django's `createsuperuser`; a password alone opens nothing, so it prints the link for the second factor too."""

from typing import Any

from django.contrib.auth.management.commands import createsuperuser

from payments.people.models import OneTimeLink, User
from payments.people.services import one_time_links


class Command(createsuperuser.Command):
    help = "Create a superuser, and print the link by which they join."

    def handle(self, *args: Any, **options: Any) -> None:
        earlier = set(User.objects.values_list("pk", flat=True))
        super().handle(*args, **options)
        for user in User.objects.exclude(pk__in=earlier):
            new = one_time_links.issue(user, OneTimeLink.Purpose.INVITATION, actor="command")
            self.stdout.write("Open this once, within seven days, to choose a password and set up the second factor:")
            self.stdout.write(new.url)

"""Change encryption keys for real: `manage.py reencrypt [--check] [--json]`; exits 1 while anything is left."""

import json
from typing import Any

from django.core.management.base import CommandParser

from payments.management.answering import CheckFailed, JsonCommand
from payments.services import reencrypt


class Command(JsonCommand):
    help = "Encrypt stored secrets again with the first of ENCRYPTION_KEYS, and count what is left of the others."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="only count what is left")

    def handle(self, *args: Any, **options: Any) -> None:
        counted = reencrypt.count() if options["check"] else reencrypt.reencrypt(self._progress)
        left = sum(column.left for column in counted)
        unreadable = {str(column): column.unreadable for column in counted if column.unreadable}
        if options["json"]:
            by_column = {str(column): column.left for column in counted}
            self.stdout.write(json.dumps({"left": left, "columns": by_column, "unreadable": unreadable}))
        else:
            for column in counted:
                self.stdout.write(f"{column}: {column.seen} encrypted, {column.left} left")
            for name, keys in unreadable.items():
                self.stdout.write(f"{name}: no key opens {', '.join(keys)}. Add the key it was written with.")
            self.stdout.write(_conclusion(left))
        if left:
            raise CheckFailed(f"{left} left.")

    def _progress(self, column: reencrypt.Column) -> None:
        self.stderr.write(f"{column}: {column.seen} seen, {column.written} written again")


def _conclusion(left: int) -> str:
    if left:
        return "Keep all of ENCRYPTION_KEYS: see that every process knows the first of them, then do this again."
    return "Nothing is left: all but the first of ENCRYPTION_KEYS can be dropped (HASH_KEY stays as it is)."

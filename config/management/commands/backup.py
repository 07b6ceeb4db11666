"""`manage.py backup FILE`: everything but the keys in one file; the servers may run meanwhile."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config import backup, places


class Command(BaseCommand):
    help = "Write a backup: the database as of one moment and the files handed in, without the encryption keys."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"]
        if not target.name or not target.absolute().parent.is_dir():
            raise CommandError("Name a file in an existing folder: make backup FILE=onetill.backup")
        try:
            backup.write(target.absolute())
        except (backup.BackupError, places.EmbeddedError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Written: {target}")
        self.stderr.write(
            f"Its keys are kept apart: {settings.ONETILL_HOME / 'secrets.json'}, or your ENCRYPTION_KEYS."
        )

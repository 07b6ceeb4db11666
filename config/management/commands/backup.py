"""`manage.py backup FILE`: everything but the keys in one encrypted file; the servers may run meanwhile."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.standalone import backup, backup_key, paths


class Command(BaseCommand):
    help = "Write a backup: the database as of one moment and the files handed in, encrypted, without any key."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)

    def handle(self, *args: Any, **options: Any) -> None:
        target: Path = options["file"]
        if not target.name or not target.absolute().parent.is_dir():
            raise CommandError("Name a file in an existing folder: make backup FILE=onetill.backup")
        try:
            backup.write(target.absolute())
        except (backup.BackupError, backup_key.KeyUnusable, paths.EmbeddedError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Written: {target}")
        self.stderr.write(backup_key.whereabouts())
        self.stderr.write(
            "The credentials in it are encrypted once more, with your ENCRYPTION_KEYS "
            f"(unless they are set: {settings.ONETILL_HOME / 'secrets.json'}). Keep those elsewhere, too."
        )

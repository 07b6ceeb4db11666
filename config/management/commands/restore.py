"""`manage.py restore FILE`: put a backup in the place of what is here, while nothing runs."""

import tarfile
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.standalone import backup, backup_key, home, paths, reset


class Command(BaseCommand):
    help = "Restore a backup in the place of what is here. End make run first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--replace-live", action="store_true", help="also where a live merchant's books are here")

    def handle(self, *args: Any, **options: Any) -> None:
        source: Path = options["file"].absolute()
        try:
            if tarfile.is_tarfile(source):
                self.stderr.write(
                    "This backup is not encrypted: an earlier version made it, with the sessions and codes of its "
                    "time. They are void once it is restored. Make a new backup, and destroy this one."
                )
            backup.restore(source, replace_live=options["replace_live"])
        except (
            backup.BackupError,
            backup_key.KeyUnusable,
            OSError,
            reset.LiveMerchant,
            home.Running,
            paths.EmbeddedError,
        ) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Restored: {options['file']}")

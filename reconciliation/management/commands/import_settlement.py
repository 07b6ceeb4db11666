"""Import one file and wait for it: `manage.py import_settlement FILE [--format F] [--merchant M] [--json]`."""

import json
import time
from pathlib import Path
from typing import Any, Final

from django.core.files import File
from django.core.management.base import CommandError, CommandParser

from payments.management.answering import CheckFailed, JsonCommand
from payments.models import Merchant
from reconciliation import payloads
from reconciliation.models import SettlementFile
from reconciliation.services.import_file import import_file
from reconciliation.services.upload import upload

LOOK_EVERY: Final = 0.5  # seconds, while a worker is at it


class Command(JsonCommand):
    help = "Import a settlement, a bank statement or a confirmation, and show what became of it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, help="the file to import")
        parser.add_argument("--format", default="", help="what it is, where that cannot be recognized")
        parser.add_argument("--merchant", help="whose file it is; may be left out where there is one merchant")

    def handle(self, *args: Any, **options: Any) -> None:
        merchant = _merchant(options["merchant"])
        row = _finished(self._upload(merchant, options["file"], options["format"]))
        shape = payloads.settlement_file(row)
        self.stdout.write(json.dumps(shape) if options["json"] else _text(row))
        if row.status == SettlementFile.Status.REFUSED:
            raise CheckFailed("The file was refused; nothing of it is booked.")

    def _upload(self, merchant: Merchant, path: Path, asked_format: str) -> SettlementFile:
        try:
            with path.open("rb") as content:
                return upload(
                    merchant=merchant,
                    file=File(content, name=path.name),
                    name=path.name,
                    actor="system:command",
                    asked_format=asked_format,
                )
        except OSError as fault:
            raise CommandError(f"{path} cannot be read: {fault.strerror}.") from fault


def _merchant(merchant_id: str | None) -> Merchant:
    merchants = Merchant.objects.filter(id=merchant_id) if merchant_id else Merchant.objects.all()
    found = list(merchants[:2])
    if len(found) == 1:
        return found[0]
    raise CommandError("There is no such merchant." if merchant_id else "Say whose file it is: --merchant mer_…")


def _finished(row: SettlementFile) -> SettlementFile:
    """Do the work here, unless a worker is quicker."""
    while row.status == SettlementFile.Status.PROCESSING:
        import_file(row.id)
        row.refresh_from_db()
        if row.status == SettlementFile.Status.PROCESSING:
            time.sleep(LOOK_EVERY)
    return row


def _text(row: SettlementFile) -> str:
    lines = [f"{row.id} {row.status}: {row.format or 'no format'}, {row.lines} lines"]
    lines += [f"  line {one['line'] or '–'}: {one['code']}: {one['detail']}" for one in row.problems]
    return "\n".join(lines)

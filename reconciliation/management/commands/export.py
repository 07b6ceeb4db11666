"""Export the books and wait: `manage.py export KIND --from DAY --to DAY [-o FILE] [--merchant M] … [--json]`."""

import datetime as dt
import json
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

from django.core.management.base import CommandError, CommandParser

from payments.core.errors import Fault, ValidationFailed
from payments.management.answering import CheckFailed, JsonCommand
from payments.models import Channel, Merchant
from reconciliation import payloads, registry
from reconciliation.models import Export
from reconciliation.services.download_export import open_export
from reconciliation.services.make_export import make_export
from reconciliation.services.request_export import ExportRequest, request_export

BY: Final = "system:command"
LOOK_EVERY: Final = 0.5  # seconds, while a worker is at it


class Command(JsonCommand):
    help = "Export the books of some days for the accountant's software; without -o the file is printed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("kind", help=f"what to make: {', '.join(registry.export_kinds())}")
        parser.add_argument("--from", dest="first", type=_day, required=True, help="the first day, as 2026-01-31")
        parser.add_argument("--to", dest="last", type=_day, required=True, help="the last day, which is included")
        parser.add_argument("-o", "--output", type=Path, help="the file to write")
        parser.add_argument("--merchant", help="whose books; may be left out where there is one merchant")
        parser.add_argument("--profile", default="", help="the columns of a journal: exact, twinfield …")
        parser.add_argument("--currency", default="", help="the merchant's own if left out")
        parser.add_argument("--account", default="", help="of a statement: receivable:pac_…, or the account's id")
        parser.add_argument("--channel", help="entries of one channel alone")

    def handle(self, *args: Any, **options: Any) -> None:
        merchant = _merchant(options["merchant"])
        wanted = ExportRequest(
            merchant=merchant,
            kind=options["kind"],
            first=options["first"],
            last=options["last"],
            profile=options["profile"],
            currency=options["currency"],
            account=options["account"],
            channel=_channel(merchant, options["channel"]),
        )
        export = _finished(request_export(wanted, actor=BY))
        if export.status == Export.Status.READY:
            self._hand_over(export, options)
        if options["json"]:
            self.stdout.write(json.dumps(payloads.export(export)))
        for one in export.problems:
            self.stderr.write(f"{one['code']}: {one['detail']}")
        if export.status == Export.Status.FAILED:
            raise CheckFailed("The export was not released.")

    def _hand_over(self, export: Export, options: dict[str, Any]) -> None:
        if options["output"] is None and options["json"]:
            return
        with open_export(export, actor=BY) as content:
            if options["output"] is None:
                shutil.copyfileobj(content, sys.stdout.buffer)
                return
            try:
                with open(options["output"], "wb") as file:
                    shutil.copyfileobj(content, file)
            except OSError as fault:
                raise CommandError(f"{options['output']} cannot be written: {fault.strerror}.") from fault


def _day(text: str) -> dt.date:
    return dt.date.fromisoformat(text)


def _merchant(merchant_id: str | None) -> Merchant:
    merchants = Merchant.objects.filter(id=merchant_id) if merchant_id else Merchant.objects.all()
    found = list(merchants[:2])
    if len(found) == 1:
        return found[0]
    raise CommandError("There is no such merchant." if merchant_id else "Say whose books: --merchant mer_…")


def _channel(merchant: Merchant, channel_id: str | None) -> Channel | None:
    if channel_id is None:
        return None
    found = Channel.objects.filter(merchant=merchant, id=channel_id).first()
    if found is None:
        raise ValidationFailed([Fault("channel", "not_found", "The merchant has no such channel.")])
    return found


def _finished(export: Export) -> Export:
    """Do the work here, unless a worker is quicker."""
    while export.status == Export.Status.PROCESSING:
        make_export(export.id)
        export.refresh_from_db()
        if export.status == Export.Status.PROCESSING:
            time.sleep(LOOK_EVERY)
    return export

"""Make the file of an export: written to the end and proven, then stored and released, or not at all."""

import datetime as dt
import hashlib
import logging
import tempfile
from typing import IO, Final

from django.core.files import File
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from payments.runtime.sweeps import Sweep
from reconciliation import registry
from reconciliation.models import Export
from reconciliation.services.deliver_export import deliver
from reconciliation.services.export_books import NotReleased, Problem, Tally, write_books
from reconciliation.sql import session

WORK: Final = "reconciliation.make_export"
MOST_ATTEMPTS: Final = 5
AT_ONCE: Final = 20
NAMED: Final = 10  # earlier exports of the same days
PIECE: Final = 1 << 20

logger = logging.getLogger(__name__)


def make_export(export_id: str) -> None:
    """Do the work of one export, wherever an earlier attempt died; harmless if it is done or being done.

    A merchant's exports take turns, so that one merchant's years never keep every worker waiting.
    """
    waiting = Export.objects.filter(id=export_id, status=Export.Status.PROCESSING).first()
    if waiting is None:
        return
    with session.session_lock(f"exports:{waiting.merchant_id}") as free:
        export = _begin(export_id) if free else None
        if export is not None:
            _make(export)


def make_due() -> int:
    """Make exports that were not enqueued, or whose worker died (beat). Return how many."""
    sweep = Sweep(WORK)
    due = Export.objects.filter(due_at__lte=timezone.now()).exclude(id__in=sweep.resting)
    exports = list(due.order_by("due_at").values_list("id", "merchant_id")[:AT_ONCE])
    for export_id, merchant_id in exports:
        with sweep.item(export_id, merchant_id=merchant_id):
            make_export(export_id)
    return len(exports)


def _begin(export_id: str) -> Export | None:
    waiting = Export.objects.filter(id=export_id, status=Export.Status.PROCESSING)
    # Counted before anything else, so that an export that kills its worker is not tried for ever.
    if not waiting.update(attempts=F("attempts") + 1):
        return None
    export = waiting.select_related("merchant", "schedule").get()
    if export.attempts <= MOST_ATTEMPTS:
        return export
    detail = f"It was cut short {MOST_ATTEMPTS} times. Ask for it again; if that fails too, ask who runs this server."
    _fail(export, [{"code": "export_failed", "detail": detail, "account": None}])
    return None


def _make(export: Export) -> None:
    kind = registry.export_kinds()[export.kind]
    with tempfile.TemporaryFile() as file:
        try:
            tally = write_books(export, kind, file)
        except NotReleased as refusal:
            _fail(export, refusal.problems)
            return
        _store(export, file)
    _release(export, tally)


def _store(export: Export, file: IO[bytes]) -> None:
    digest, export.size = hashlib.sha256(), file.tell()
    file.seek(0)
    while piece := file.read(PIECE):
        digest.update(piece)
    file.seek(0)
    export.sha256 = digest.hexdigest()
    export.file.storage.delete(export.file.field.generate_filename(export, ""))  # of an attempt that died
    export.file.save("export", File(file), save=False)


def _release(export: Export, tally: Tally) -> None:
    export.entries, export.postings = tally.entries, tally.postings
    export.first_entry = tally.first and tally.first[1]
    export.last_entry = tally.last and tally.last[1]
    export.entries_sha256 = tally.entries_sha256
    export.opening, export.closing = tally.opening, tally.closing
    export.debit, export.credit = tally.debit, tally.credit
    export.status, export.due_at, export.finished_at = Export.Status.READY, None, timezone.now()
    with transaction.atomic():
        # Of two workers that made it, one has written it down already, with the same bytes.
        if Export.objects.select_for_update().get(id=export.id).status == Export.Status.PROCESSING:
            export.problems = [*_notes(export), *exported_before(export)]
            export.save()
            deliver(export)


def _fail(export: Export, problems: list[Problem]) -> None:
    export.status, export.problems = Export.Status.FAILED, problems
    export.due_at, export.finished_at = None, timezone.now()
    export.save(update_fields=["status", "problems", "due_at", "finished_at"])
    logger.warning("%s is not released: %s", export.id, ", ".join(sorted({one["code"] for one in problems})))


def _notes(export: Export) -> list[Problem]:
    """What its reader should know of a file that is released all the same."""
    if not registry.export_kinds()[export.kind].one_fiscal_year or export.merchant.vat_number:
        return []
    detail = "The merchant has no VAT number; the audit file has its place filled. Enter it in the merchant's settings."
    return [{"code": "vat_number_missing", "detail": detail, "account": None}]


def exported_before(export: Export) -> list[Problem]:
    """The earlier exports with some of the same days for the same software: nobody books them twice unseen."""
    same = Export.objects.filter(
        merchant_id=export.merchant_id,
        kind=export.kind,
        profile=export.profile,
        currency=export.currency,
        account=export.account,
        status=Export.Status.READY,
        first__lte=export.last,
        last__gte=export.first,
    )
    # The exports of two channels hold no entry together, but for one that moves money between them.
    if export.channel_id is not None:
        same = same.filter(Q(channel_id=None) | Q(channel_id=export.channel_id))
    return [_before(earlier) for earlier in same.exclude(id=export.id).order_by("-id")[:NAMED]]


def _before(earlier: Export) -> Problem:
    made = (earlier.finished_at or earlier.created_at).astimezone(dt.UTC)
    detail = (
        f"{earlier.id} of {made:%Y-%m-%d} holds days from {earlier.first} to {earlier.last} already. "
        "Import one of them, not both."
    )
    return {"code": "exported_before", "detail": detail, "account": None}

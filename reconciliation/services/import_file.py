"""Import one file: read and match it outside of any transaction, then book it whole in one, or refuse it whole."""

import logging
from typing import Final

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from payments.notify.services.emit import NewEvent, emit
from payments.runtime.fail_points import fail_point
from payments.runtime.sweeps import Sweep
from reconciliation import payloads
from reconciliation.formats.base import Kind, Problem
from reconciliation.models import SettlementFile
from reconciliation.services import settlements, statements
from reconciliation.services.keep_masked import MOST_ATTEMPTS, WORK, keep_masked, last_error
from reconciliation.services.staging import MOST_PROBLEMS, Reading, stage
from reconciliation.sql import session

AT_ONCE: Final = 20  # a file may take minutes: the rest comes with the next beat

logger = logging.getLogger(__name__)


def import_file(file_id: str) -> None:
    """Do the work of one file, wherever an earlier attempt died; harmless if it is done or being done.

    A merchant's files take turns: where another is being imported, this one is left to the sweep, so that one
    merchant's million lines never keep every worker waiting.
    """
    waiting = SettlementFile.objects.filter(id=file_id, status=SettlementFile.Status.PROCESSING).first()
    if waiting is None or not keep_masked(waiting):
        return
    with session.session_lock(f"merchant:{waiting.merchant_id}") as free:
        fail_point("import.locked")
        file = _begin(file_id) if free else None
        if file is not None:
            _import(file)


def _import(file: SettlementFile) -> None:
    with session.staging():
        fail_point("import.begun")
        reading = stage(file)
        fail_point("import.staged")
        if not reading.problems:
            reading.problems = _book(file, reading)
        if reading.problems:
            _refuse(file, reading)


def import_due() -> int:
    """Import files that were not enqueued, or whose worker died (beat). Return how many."""
    sweep = Sweep(WORK)
    due = SettlementFile.objects.filter(due_at__lte=timezone.now()).exclude(id__in=sweep.resting)
    files = list(due.order_by("due_at").values_list("id", "merchant_id")[:AT_ONCE])
    for file_id, merchant_id in files:
        with sweep.item(file_id, merchant_id=merchant_id):
            import_file(file_id)
    return len(files)


def _begin(file_id: str) -> SettlementFile | None:
    waiting = SettlementFile.objects.filter(id=file_id, status=SettlementFile.Status.PROCESSING)
    # Counted before anything else, so that a file that kills its worker is not tried for ever.
    if not waiting.update(attempts=F("attempts") + 1):
        return None
    file = waiting.select_related("merchant", "provider_account").get()
    if file.attempts <= MOST_ATTEMPTS:
        return file
    why = last_error(file_id)
    detail = (
        f"The import was cut short {MOST_ATTEMPTS} times{why}. Send the file again; if that fails too, ask whoever "
        "runs this installation."
    )
    _refuse(file, Reading(problems=[Problem(None, "import_failed", detail)]))
    return None


def _book(file: SettlementFile, reading: Reading) -> list[Problem]:
    """Match, then book in one transaction; return what forbids it."""
    kind = reading.format.kind if reading.format is not None else Kind.INTERIM
    if kind == Kind.INTERIM:
        _finish(file, reading, SettlementFile.Status.RECOGNIZED)
        return []
    settles = kind == Kind.SETTLEMENT
    problems = settlements.match(file, reading) if settles else statements.match(file, reading)
    if not problems:
        fail_point("import.matched")
        with transaction.atomic():
            fail_point("import.opened")
            # Another worker that imports this file waits here, and then finds it done.
            if SettlementFile.objects.select_for_update().get(id=file.id).status == SettlementFile.Status.PROCESSING:
                (settlements.book if settles else statements.book)(file, reading)
                _finish(file, reading, SettlementFile.Status.IMPORTED)
            fail_point("import.booked")
        fail_point("import.committed")
    return problems


def _refuse(file: SettlementFile, reading: Reading) -> None:
    file.partial = False
    _finish(file, reading, SettlementFile.Status.REFUSED)


def _finish(file: SettlementFile, reading: Reading, status: SettlementFile.Status) -> None:
    file.status = status
    file.problems = [
        {"line": problem.line, "code": problem.code, "detail": reading.text(problem.detail)}
        for problem in reading.problems[:MOST_PROBLEMS] or reading.noted
    ]
    file.format = reading.format.code if reading.format is not None else None
    file.lines = reading.lines
    file.masked += reading.masked  # in addition to what was masked before it was stored
    file.due_at = None
    file.finished_at = timezone.now()
    _sum_up(file, reading)
    if file.masked:
        logger.warning("%s held %d card numbers; they were masked.", file.id, file.masked)
    with transaction.atomic():
        fail_point("finish.opened")
        file.save()
        if status == SettlementFile.Status.IMPORTED:
            emit([_imported_event(file)])
        fail_point("finish.written")
    fail_point("finish.committed")


def _sum_up(file: SettlementFile, reading: Reading) -> None:
    """The file's own sums, where there is one currency (and one account) to sum over."""
    sums = [trailer for _, trailer in reading.settlements]
    currencies = {header.currency for header, _ in reading.settlements}
    currencies |= {header.currency for header, _ in reading.booked if header.currency}
    file.currency = currencies.pop() if len(currencies) == 1 else None
    if sums and file.currency:
        file.gross = sum(one.gross.amount for one in sums)
        file.vat = sum(one.vat.amount for one in sums)
        file.fees = file.vat + sum(one.fee.amount for one in sums)
        file.net = sum(one.net.amount for one in sums)
    booked = reading.booked
    if booked and file.currency and len({header.account for header, _ in booked}) == 1:
        opening, closing = booked[0][0].opening, booked[-1][1].closing
        file.opening = opening.amount if opening is not None else None
        file.closing = closing.amount if closing is not None else None


def _imported_event(file: SettlementFile) -> NewEvent:
    return NewEvent(
        merchant_id=file.merchant_id,
        channel_id=None,
        type="settlement.imported",
        object_type=file.OBJECT,
        object_id=file.id,
        data={"object": payloads.settlement_file(file)},
        test_mode=file.merchant.test_mode,
    )

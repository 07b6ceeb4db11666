"""Refunds, reversals and later truths that came before what they are about: kept, and applied when it comes.

What a post of the same terminal brings frees them at once; the sweep frees those whose sale came another way. A
refund whose sale nobody has brought in two days is booked as what it is: one that no sale is known for.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Final

from django.db.models import QuerySet
from django.utils import timezone

from payments.db import bulk
from payments.models import CardEvidence
from payments.runtime.sweeps import Sweep
from payments.services.card_present.register import register
from payments.services.card_present.types import DeviceTransaction, Kind, Registered, RegistrationStatus
from terminals import schemas, translate
from terminals.models import Terminal, TerminalTransaction
from terminals.queries import operations_of
from terminals.services import judge_shifts
from terminals.services.actions.answered import follow_actions

PATIENCE: Final = timedelta(hours=48)  # a till that was offline over a weekend has sent its sales by then
LIMIT: Final = 500  # as many as a batch may bring
WORK: Final = "terminals.apply_waiting"


def freed_by(terminal: Terminal, transactions: Sequence[schemas.Transaction]) -> list[TerminalTransaction]:
    """The waiting rows that may go on now that these have come, and those that wait for one of those."""
    failing = set(Sweep(WORK).failing)  # tried by the sweep alone, where it stops nothing else
    waiting = [row for row in _waiting(terminal, terminal.series) if str(row.id) not in failing]
    arrived = {one.sequence for one in transactions}
    sold_on_order = any(one.type == "sale" and (one.order or one.order_reference) for one in transactions)
    freed: list[TerminalTransaction] = []
    found = True
    # One that is freed may free another: a refund of a sale that itself waited.
    while found:
        free = [row for row in waiting if row.waits_for in arrived or (row.waits_for is None and sold_on_order)]
        found = bool(free)
        freed += free
        arrived |= {row.sequence for row in free}
        waiting = [row for row in waiting if row not in free]
    return freed


def bring_again(rows: Sequence[TerminalTransaction], *, now: datetime | None = None) -> list[DeviceTransaction]:
    """Waiting transactions as they were posted; with `now`, what has waited too long waits no more."""
    if not rows:
        return []
    recorded_at = {row.sequence: row.recorded_at for row in rows}
    terminal_id = rows[0].terminal_id
    evidence = list(
        CardEvidence.objects.filter(terminal_id=terminal_id, series=rows[0].series, sequence__in=recorded_at)
    )
    requested = operations_of(terminal_id, actions_in(evidence))
    return [
        translate.device_transaction(
            schemas.again(one.posted),
            one.posted,
            operation_id=requested.get(one.posted.get("action") or ""),
            evidence_id=one.id,
            # A reversal waits for its sale for ever: without it there is nothing that it took back.
            patient=now is None or one.type == Kind.REVERSAL or recorded_at[one.sequence] > now - PATIENCE,
        )
        for one in evidence
    ]


def actions_in(evidence: Iterable[CardEvidence]) -> list[str]:
    """The actions that these transactions answer."""
    return [one.posted["action"] for one in evidence if one.posted.get("action")]


def write_results(rows: Sequence[TerminalTransaction], results: Mapping[int, Registered]) -> int:
    """Write what became of waiting rows; return how many wait no more."""
    applied = [row for row in rows if results[row.sequence].status == RegistrationStatus.RECORDED]
    for row in applied:
        result = results[row.sequence]
        row.status, row.waits_for = TerminalTransaction.Status.RECORDED, None
        row.payment_id, row.refund_id = result.payment_id, result.refund_id
        row.discrepancies = [{"id": found.id, "kind": found.kind} for found in result.discrepancies]
        row.to_tell = True
    bulk.update(applied, ["status", "waits_for", "payment_id", "refund_id", "discrepancies", "to_tell"])
    return len(applied)


def take_resolved(terminal: Terminal) -> list[TerminalTransaction]:
    """Return what was applied after waiting and not yet reported to the device, and mark it reported.

    The answer is stored under its webhook-id, so that a device which repeats a lost request gets it too.
    """
    rows = TerminalTransaction.objects.filter(terminal=terminal, series=terminal.series, to_tell=True)
    # The terminal's row is locked: no other request of the device takes the same news.
    news = list(rows.order_by("sequence")[:LIMIT])
    for row in news:
        row.to_tell = False
    bulk.update(news, ["to_tell"])
    return news


def keep(terminal: Terminal, transaction: schemas.Transaction, content: bytes, now: datetime, error: Exception) -> None:
    """Keep a transaction that could not be taken in, for the sweep: the device has done its part."""
    posted = schemas.posted(transaction)
    references = translate.device_transaction(transaction, posted).references
    CardEvidence.objects.create(
        merchant=terminal.merchant,
        terminal_id=terminal.id,
        series=terminal.series,
        sequence=transaction.sequence,
        type=transaction.type,
        amount=transaction.amount,
        currency=transaction.currency,
        occurred_at=transaction.occurred_at,
        posted=posted,
        **asdict(references),
    )
    row = TerminalTransaction.objects.create(
        terminal=terminal,
        series=terminal.series,
        sequence=transaction.sequence,
        type=transaction.type,
        content=content,
        status=TerminalTransaction.Status.WAITING,
        recorded_at=now,
    )
    Sweep(WORK).failed(str(row.id), error, merchant_id=terminal.merchant_id)


def sweep() -> int:
    """Try every waiting transaction again, one series at a time; return how many could be applied."""
    sweep = Sweep(WORK)
    waiting = TerminalTransaction.objects.filter(status=TerminalTransaction.Status.WAITING)
    named = waiting.values_list("terminal__merchant_id", "terminal_id", "series", "id").order_by("terminal_id", "id")
    applied: list[int] = []
    for (merchant_id, terminal_id, series), rows in groupby(named, key=itemgetter(0, 1, 2)):
        ids = [row[3] for row in rows if str(row[3]) not in sweep.resting]
        for start in range(0, len(ids), LIMIT):
            sweep.together(
                ids[start : start + LIMIT],
                partial(_collect, applied, terminal_id, series),
                subject=str,
                merchant_id=merchant_id,
            )
    return sum(applied)


def _collect(applied: list[int], terminal_id: str, series: int, ids: Sequence[int]) -> None:
    applied.append(_try(terminal_id, series, ids))


def _try(terminal_id: str, series: int, ids: Sequence[int]) -> int:
    """Try some of what waits in a series, within the caller's transaction; return how many could be applied."""
    terminals = Terminal.objects.select_related("merchant", "channel", "provider_account")
    terminal = terminals.select_for_update(of=("self",), no_key=True).get(id=terminal_id)
    rows = list(_waiting(terminal, series).filter(id__in=ids))
    now = timezone.now()
    brought = bring_again(rows, now=now)
    results = register(
        merchant=terminal.merchant,
        device=translate.device_of(terminal, series=series),
        transactions=brought,
        actor=terminal.id,
        now=now,
    )
    follow_actions(terminal, [one.operation_id for one in brought], now)
    applied = write_results(rows, {result.sequence: result for result in results})
    if applied:
        judge_shifts.follow(terminal, [row.sequence for row in rows], series=series, now=now)
    return applied


def _waiting(terminal: Terminal, series: int) -> QuerySet[TerminalTransaction]:
    rows = TerminalTransaction.objects.filter(terminal=terminal, status=TerminalTransaction.Status.WAITING)
    return rows.filter(series=series).order_by("id")

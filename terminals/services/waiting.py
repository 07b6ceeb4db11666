"""Refunds, reversals and later truths that came before what they are about: kept, and applied when it comes.

What a post of the same terminal brings frees them at once; the sweep frees those whose sale came by another door. A
refund whose sale nobody has brought in two days is booked as what it is: one that no sale is known for.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from payments import bulk
from payments.models import CardEvidence
from payments.services.device import Became, DeviceTransaction, Kind, Registered
from payments.services.register import register
from payments.sweeping import guarded
from terminals import translate, wire
from terminals.models import Terminal, TerminalTransaction

PATIENCE: Final = timedelta(hours=48)
LIMIT: Final = 500


def freed_by(terminal: Terminal, told: Sequence[wire.Transaction]) -> list[TerminalTransaction]:
    """The waiting rows that may go on now that these have come, and those that wait for one of those."""
    waiting = list(_waiting(terminal, terminal.series))
    arrived = {one.sequence for one in told}
    sold_on_order = any(one.type == "sale" and (one.order or one.order_reference) for one in told)
    freed: list[TerminalTransaction] = []
    found = True
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
    evidence = CardEvidence.objects.filter(
        terminal_id=rows[0].terminal_id, series=rows[0].series, sequence__in=recorded_at
    )
    return [
        translate.transaction(
            wire.again(one.posted),
            one.posted,
            evidence_id=one.id,
            patient=now is None or one.type == Kind.REVERSAL or recorded_at[one.sequence] > now - PATIENCE,
        )
        for one in evidence
    ]


def settle(rows: Sequence[TerminalTransaction], results: Mapping[int, Registered]) -> int:
    """Write what became of waiting rows; return how many wait no more."""
    applied = [row for row in rows if results[row.sequence].became == Became.RECORDED]
    for row in applied:
        result = results[row.sequence]
        row.status, row.waits_for = TerminalTransaction.Status.RECORDED, None
        row.payment_id, row.refund_id = result.payment_id, result.refund_id
        row.discrepancies = [{"id": found.id, "kind": found.kind} for found in result.discrepancies]
    bulk.update(applied, ["status", "waits_for", "payment_id", "refund_id", "discrepancies"])
    return len(applied)


def sweep() -> int:
    """Try every waiting transaction again, one series at a time; return how many could be applied."""
    waiting = TerminalTransaction.objects.filter(status=TerminalTransaction.Status.WAITING)
    applied = 0
    for terminal_id, series in waiting.values_list("terminal_id", "series").distinct():
        with guarded("what waits in series %s of %s could not be tried", series, terminal_id):
            applied += _sweep(terminal_id, series)
    return applied


@transaction.atomic
def _sweep(terminal_id: str, series: int) -> int:
    terminals = Terminal.objects.select_related("merchant", "channel", "provider_account")
    terminal = terminals.select_for_update(of=("self",), no_key=True).get(id=terminal_id)
    rows = list(_waiting(terminal, series)[:LIMIT])
    now = timezone.now()
    results = register(
        merchant=terminal.merchant,
        device=translate.device(terminal, series=series),
        transactions=bring_again(rows, now=now),
        actor=terminal.id,
        now=now,
    )
    return settle(rows, {result.sequence: result for result in results})


def _waiting(terminal: Terminal, series: int) -> QuerySet[TerminalTransaction]:
    rows = TerminalTransaction.objects.filter(terminal=terminal, status=TerminalTransaction.Status.WAITING)
    return rows.filter(series=series).order_by("id")

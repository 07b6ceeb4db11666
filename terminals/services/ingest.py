"""Take in what a device posts: each sequence once, in any order, batching and repetition.

The terminal's row is locked by the caller, so that a device's posts are taken one after another. A transaction whose
sequence is taken is a duplicate, or a conflict if it says something else; a conflict is kept beside the first.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction

from payments.core.errors import Fault
from payments.core.input_faults import place
from payments.db import bulk
from payments.services.card_present.register import register
from payments.services.card_present.types import DeviceTransaction, Registered, RegistrationStatus
from terminals import schemas, sequences, translate
from terminals.models import Terminal, TerminalTransaction
from terminals.queries import operations_of
from terminals.services import conflicts, deferred, judge_shifts, sequence_gaps
from terminals.services.actions.answered import follow_actions
from terminals.services.posted import LEAP, Readable, Rejected, Result, read
from terminals.sql import DeviceRequestState

logger = logging.getLogger(__name__)

_STATUS: Final = {
    RegistrationStatus.RECORDED: TerminalTransaction.Status.RECORDED,
    RegistrationStatus.WAITING: TerminalTransaction.Status.WAITING,
}


def ingest(
    terminal: Terminal,
    items: Sequence[Any],
    *,
    places: Sequence[str],
    now: datetime,
    state: DeviceRequestState,
    only_action: str | None = None,
) -> tuple[list[Result], list[bulk.Part]]:
    """Record posted transactions; return a result for each, in the order sent, and what the caller is to write beside.

    `places` says where each stands in the request (`transactions[3]`); `only_action` is the action they answer by the
    address they were sent to. One bad item never stops the others.
    """
    posted = read(terminal, items, places, only_action=only_action)
    readable = [each for each in posted if isinstance(each, Readable)]
    taken = _taken(terminal, readable)
    differing: list[Readable] = []
    rows: list[TerminalTransaction] = []
    while readable:
        fresh, readable = _sort(readable, taken, differing)
        if rows:  # a number that was refused and comes once more: what waits by now may be freed by it
            bulk.insert(rows)
            state = replace(state, waits=True)
        if state.careful:
            rows = []
            for each in fresh:  # each draws numbers of its own: what one used comes back free if it fails
                _register_alone(terminal, each, taken, now, replace(state, open_items=()))
        else:
            rows = _register(terminal, fresh, taken, now, state) if fresh else []
        state = replace(state, open_items=())  # a number is used once
    conflicts.keep(terminal, differing, taken)
    rows = _follow_shifts(terminal, posted, rows, state, now)
    left = _advance(terminal, posted, taken, now)
    return [each.result for each in posted], [*bulk.insertion(rows), *left]


def _taken(terminal: Terminal, readable: Sequence[Readable]) -> dict[int, TerminalTransaction]:
    """What was recorded under these numbers; none above the last was, and none that is missing."""
    numbers = [each.sequence for each in readable]
    numbers = sequences.recorded(terminal.missing, terminal.last_sequence, numbers)
    if not numbers:
        return {}
    rows = TerminalTransaction.objects.filter(terminal=terminal, series=terminal.series, sequence__in=numbers)
    return {row.sequence: row for row in rows}


def _sort(
    readable: Sequence[Readable], taken: dict[int, TerminalTransaction], differing: list[Readable]
) -> tuple[list[Readable], list[Readable]]:
    """Split off what was recorded before; the first of each other number is fresh, the rest is looked at after it."""
    fresh: dict[int, Readable] = {}
    later: list[Readable] = []
    for each in readable:
        row = taken.get(each.sequence)
        if row is None:
            first = fresh.setdefault(each.sequence, each)
            if first is not each:
                later.append(each)
        elif bytes(row.content) == each.content:
            _answer(each.result, row, "duplicate")
        else:
            each.result.status = "conflict"
            differing.append(each)
    return list(fresh.values()), later


def _register(
    terminal: Terminal,
    fresh: Sequence[Readable],
    taken: dict[int, TerminalTransaction],
    now: datetime,
    state: DeviceRequestState,
) -> list[TerminalTransaction]:
    """Register the fresh ones, and with them what waited for one of them; return the rows of their numbers."""
    transactions = {each.sequence: each.transaction for each in fresh}
    freed = deferred.freed_by(terminal, list(transactions.values())) if state.waits and not state.careful else []
    named = [one.action for one in transactions.values() if one.action is not None]
    requested = operations_of(terminal.id, named) if named else {}
    customers = translate.customers_of(terminal.merchant_id, list(transactions.values()))
    brought: list[DeviceTransaction] = [
        translate.device_transaction(
            one,
            schemas.posted(one),
            operation_id=requested.get(one.action or ""),
            customer=customers.get(translate.customer_key(one)),
        )
        for one in transactions.values()
    ]
    brought += deferred.bring_again(freed)
    device = translate.device_of(terminal, series=terminal.series)
    results = register(
        merchant=terminal.merchant,
        device=device,
        transactions=brought,
        actor=terminal.id,
        now=now,
        open_items=state.open_items,
    )
    follow_actions(terminal, [one.operation_id for one in brought], now)
    by_sequence = {result.sequence: result for result in results}
    found = [_row(terminal, each, by_sequence[each.sequence], now) for each in fresh]
    rows = [row for row in found if row is not None]
    taken |= {row.sequence: row for row in rows}
    deferred.write_results(freed, by_sequence)
    return rows


def _register_alone(
    terminal: Terminal, each: Readable, taken: dict[int, TerminalTransaction], now: datetime, state: DeviceRequestState
) -> None:
    """Register one by itself; what a defect of ours keeps out is kept for the sweep, and counts as recorded."""
    try:
        with transaction.atomic():
            bulk.insert(_register(terminal, [each], taken, now, state))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("sequence %d of %s cannot be taken in; it is kept", each.sequence, terminal.id)
        taken.pop(each.sequence, None)
        each.result = Result(sequence=each.sequence)
        with transaction.atomic():
            deferred.keep(terminal, each.transaction, each.content, now, error)
        taken |= _taken_now(terminal, each.sequence)


def _taken_now(terminal: Terminal, sequence: int) -> dict[int, TerminalTransaction]:
    rows = TerminalTransaction.objects.filter(terminal=terminal, series=terminal.series, sequence=sequence)
    return {row.sequence: row for row in rows}


def _row(terminal: Terminal, each: Readable, registered: Registered, now: datetime) -> TerminalTransaction | None:
    """The row of one number, unless the transaction was refused: then the number is still to be used."""
    if registered.fault is not None:
        fault = registered.fault
        each.result.status = "refused"
        each.result.faults = [Fault(place(each.at, fault.param), fault.code, fault.detail)]
        return None
    row = TerminalTransaction(
        terminal=terminal,
        series=terminal.series,
        sequence=each.sequence,
        type=each.transaction.type,
        content=each.content,
        status=_STATUS[registered.status],
        waits_for=registered.waits_for,
        payment_id=registered.payment_id,
        refund_id=registered.refund_id,
        discrepancies=[{"id": found.id, "kind": found.kind} for found in registered.discrepancies],
        recorded_at=now,
    )
    _answer(each.result, row, "recorded")
    return row


def _answer(result: Result, row: TerminalTransaction, status: str) -> None:
    result.status = status
    result.payment, result.refund = row.payment_id, row.refund_id
    result.discrepancies = row.discrepancies


def _follow_shifts(
    terminal: Terminal,
    posted: Sequence[Readable | Rejected],
    rows: list[TerminalTransaction],
    state: DeviceRequestState,
    now: datetime,
) -> list[TerminalTransaction]:
    """Compare shifts again that were closed before some of this came; return the rows that are not written yet."""
    numbers = [each.sequence for each in posted if isinstance(each, Readable)]
    numbers = [number for number in numbers if number <= state.shifts_reach]
    # The usual case: everything came before its shift was closed.
    if not numbers and not (state.waits and state.shifts_reach):
        return rows
    bulk.insert(rows)
    judge_shifts.follow(terminal, numbers, series=terminal.series, now=now, differing=state.waits)
    return []


def _advance(
    terminal: Terminal, posted: Sequence[Readable | Rejected], taken: dict[int, TerminalTransaction], now: datetime
) -> list[bulk.Part]:
    """Move the series on, and follow its gaps; return what is to be written of the terminal."""
    before = terminal.missing
    limit = terminal.last_sequence + LEAP  # a number beyond is a slip of the counter, and leaves no gap behind it
    numbers = [each.result.sequence for each in posted if each.result.sequence is not None]
    seen = [number for number in numbers if number <= limit]
    terminal.missing, terminal.last_sequence = sequences.after(
        before, terminal.last_sequence, seen=seen, recorded=[number for number in seen if number in taken]
    )
    terminal.last_seen_at = now
    sequence_gaps.follow(terminal, before)
    return bulk.change([terminal], ["missing", "last_sequence", "last_seen_at"])

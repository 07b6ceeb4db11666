"""Take in what a device posts: each sequence once, in any order, batching and repetition.

The terminal's row is locked by the caller, so that a device's posts are taken one after another. A transaction whose
sequence is taken is a duplicate, or a conflict if it says something else; a conflict is kept beside the first.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.utils.translation import gettext_noop

from payments import audit_log
from payments.core.errors import Fault
from payments.db import bulk
from payments.models import Channel, Discrepancy
from payments.models.discrepancy import DiscrepancyKind
from payments.services import discrepancy
from payments.services.card_present.register import register
from payments.services.card_present.types import DeviceTransaction, Registered, RegistrationStatus
from payments.text.messages import message_columns
from terminals import schemas, sequences, translate, validation_messages
from terminals.models import SequenceConflict, Terminal, TerminalTransaction
from terminals.services import deferred, sequence_gaps
from terminals.sql import DeviceRequestState

logger = logging.getLogger(__name__)

LEAP: Final = 100_000  # how far a sequence may lie above the highest seen

_STATUS: Final = {
    RegistrationStatus.RECORDED: TerminalTransaction.Status.RECORDED,
    RegistrationStatus.WAITING: TerminalTransaction.Status.WAITING,
}


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of one posted transaction; a refused one has its faults."""

    sequence: int | None
    status: str = "recorded"
    payment: str | None = None
    refund: str | None = None
    discrepancies: list[dict[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class _Posted:
    """One item of the request on its way to a result."""

    at: str
    item: Any
    result: Result
    transaction: schemas.Transaction | None = None
    content: bytes = b""


def ingest(
    terminal: Terminal, items: Sequence[Any], *, places: Sequence[str], now: datetime, state: DeviceRequestState
) -> tuple[list[Result], list[bulk.Part]]:
    """Record posted transactions; return a result for each, in the order sent, and what the caller is to write beside.

    `places` says where each stands in the request (`transactions[3].`). One bad item never stops the others.
    """
    limit = terminal.last_sequence + LEAP
    posted = [_read(item, at, limit) for item, at in zip(items, places, strict=True)]
    readable = [each for each in posted if each.transaction is not None]
    _mask(terminal, readable)
    taken = _taken(terminal, readable)
    conflicts: list[_Posted] = []
    rows: list[TerminalTransaction] = []
    while readable:
        fresh, readable = _sort(readable, taken, conflicts)
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
    _keep_conflicts(terminal, conflicts, taken)
    left = _advance(terminal, posted, taken, now)
    return [each.result for each in posted], [*bulk.insertion(rows), *left]


def _read(item: Any, at: str, limit: int) -> _Posted:
    parsed = schemas.read(item, at)
    if isinstance(parsed, schemas.Transaction) and parsed.sequence > limit:
        detail = f"The highest seen is {limit - LEAP}; one is at most {LEAP} above it. Check the device's counter."
        parsed = [Fault(f"{at}sequence", validation_messages.OUT_OF_RANGE, detail)]
    if isinstance(parsed, schemas.Transaction):
        return _Posted(at, item, Result(sequence=parsed.sequence), parsed)
    return _Posted(at, item, Result(sequence=schemas.sequence_of(item), status="refused", faults=parsed))


def _mask(terminal: Terminal, readable: Sequence[_Posted]) -> None:
    """Card numbers are masked before anything is compared or kept; that a device sends them is written down."""
    found: dict[str, list[str]] = {}
    for each in readable:
        assert each.transaction is not None
        fields = schemas.mask(each.transaction, is_numbered=partial(_is_numbered, terminal))
        if fields:
            found[str(each.transaction.sequence)] = fields
        each.content = schemas.content(each.transaction)
    if found:
        logger.warning("terminal %s reported card numbers; they were masked: %s", terminal.id, found)
        audit_log.write(
            actor=terminal.id,
            action="card_number.masked",
            subject=terminal,
            merchant_id=terminal.merchant_id,
            after={"series": terminal.series, "fields": found},
        )


def _is_numbered(terminal: Terminal, field: str) -> bool:
    """Whether orders have numbers here; what is given back may have been bought in any channel."""
    if field == "order_reference":
        return terminal.channel.numeric_references
    return Channel.objects.filter(merchant_id=terminal.merchant_id, numeric_references=True).exists()


def _taken(terminal: Terminal, readable: Sequence[_Posted]) -> dict[int, TerminalTransaction]:
    """What was recorded under these numbers; none above the last was, and none that is missing."""
    numbers = [each.transaction.sequence for each in readable if each.transaction is not None]
    numbers = sequences.recorded(terminal.missing, terminal.last_sequence, numbers)
    if not numbers:
        return {}
    rows = TerminalTransaction.objects.filter(terminal=terminal, series=terminal.series, sequence__in=numbers)
    return {row.sequence: row for row in rows}


def _sort(
    readable: Sequence[_Posted], taken: dict[int, TerminalTransaction], conflicts: list[_Posted]
) -> tuple[list[_Posted], list[_Posted]]:
    """Split off what was recorded before; the first of each other number is fresh, the rest is looked at after it."""
    fresh: dict[int, _Posted] = {}
    later: list[_Posted] = []
    for each in readable:
        assert each.transaction is not None
        row = taken.get(each.transaction.sequence)
        if row is None:
            first = fresh.setdefault(each.transaction.sequence, each)
            if first is not each:
                later.append(each)
        elif bytes(row.content) == each.content:
            _answer(each.result, row, "duplicate")
        else:
            each.result.status = "conflict"
            conflicts.append(each)
    return list(fresh.values()), later


def _register(
    terminal: Terminal,
    fresh: Sequence[_Posted],
    taken: dict[int, TerminalTransaction],
    now: datetime,
    state: DeviceRequestState,
) -> list[TerminalTransaction]:
    """Register the fresh ones, and with them what waited for one of them; return the rows of their numbers."""
    transactions = {each.transaction.sequence: each.transaction for each in fresh if each.transaction is not None}
    freed = deferred.freed_by(terminal, list(transactions.values())) if state.waits and not state.careful else []
    brought: list[DeviceTransaction] = [
        translate.device_transaction(one, schemas.posted(one)) for one in transactions.values()
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
    by_sequence = {result.sequence: result for result in results}
    found = [_row(terminal, each, by_sequence[each.result.sequence or 0], now) for each in fresh]
    rows = [row for row in found if row is not None]
    taken |= {row.sequence: row for row in rows}
    deferred.write_results(freed, by_sequence)
    return rows


def _register_alone(
    terminal: Terminal, each: _Posted, taken: dict[int, TerminalTransaction], now: datetime, state: DeviceRequestState
) -> None:
    """Register one by itself; what a defect of ours keeps out is kept for the sweep, and counts as recorded."""
    assert each.transaction is not None
    try:
        with transaction.atomic():
            bulk.insert(_register(terminal, [each], taken, now, state))
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:
        logger.exception("sequence %d of %s cannot be taken in; it is kept", each.transaction.sequence, terminal.id)
        taken.pop(each.transaction.sequence, None)
        each.result = Result(sequence=each.transaction.sequence)
        with transaction.atomic():
            deferred.keep(terminal, each.transaction, each.content, now, error)
        taken |= _taken_now(terminal, each.transaction.sequence)


def _taken_now(terminal: Terminal, sequence: int) -> dict[int, TerminalTransaction]:
    rows = TerminalTransaction.objects.filter(terminal=terminal, series=terminal.series, sequence=sequence)
    return {row.sequence: row for row in rows}


def _row(terminal: Terminal, each: _Posted, registered: Registered, now: datetime) -> TerminalTransaction | None:
    """The row of one number, unless the transaction was refused: then the number is still to be used."""
    assert each.transaction is not None
    if registered.fault is not None:
        fault = registered.fault
        each.result.status = "refused"
        each.result.faults = [Fault(f"{each.at}{fault.param}", fault.code, fault.detail)]
        return None
    row = TerminalTransaction(
        terminal=terminal,
        series=terminal.series,
        sequence=each.transaction.sequence,
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


def _keep_conflicts(terminal: Terminal, conflicts: Sequence[_Posted], taken: dict[int, TerminalTransaction]) -> None:
    """Both versions are kept, and a discrepancy opened; what was booked stays as it is."""
    if not conflicts:
        return
    rows = [
        SequenceConflict(
            terminal=terminal,
            series=terminal.series,
            sequence=each.transaction.sequence,
            content=each.content,
            posted=schemas.posted(each.transaction),
        )
        for each in conflicts
        if each.transaction is not None
    ]
    bulk.insert(rows, ignore_conflicts=True)
    raised = {
        row.key: row for row in discrepancy.open_discrepancies([_discrepancy(terminal, row, taken) for row in rows])
    }
    for each in conflicts:
        found = raised.get(_conflict_key(terminal, each.result.sequence or 0))
        row = taken[each.result.sequence or 0]
        each.result.payment, each.result.refund = row.payment_id, row.refund_id
        each.result.discrepancies = [{"id": found.id, "kind": found.kind}] if found is not None else []


def _discrepancy(terminal: Terminal, row: SequenceConflict, taken: dict[int, TerminalTransaction]) -> Discrepancy:
    return Discrepancy(
        merchant=terminal.merchant,
        kind=DiscrepancyKind.SEQUENCE_CONFLICT,
        key=_conflict_key(terminal, row.sequence),
        amount=row.posted["amount"],
        currency=row.posted["currency"],
        channel_id=terminal.channel_id,
        terminal_id=terminal.id,
        payment_id=taken[row.sequence].payment_id,
        sequences=[[row.sequence, row.sequence]],
        **message_columns(
            gettext_noop("{terminal} used sequence {sequence} for two transactions; the first one is booked."),
            terminal=terminal.label,
            sequence=row.sequence,
        ),
    )


def _conflict_key(terminal: Terminal, sequence: int) -> str:
    return f"sequence_conflict:{terminal.id}/{terminal.series}/{sequence}"


def _advance(
    terminal: Terminal, posted: Sequence[_Posted], taken: dict[int, TerminalTransaction], now: datetime
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

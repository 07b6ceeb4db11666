"""What a device posts, read: each transaction is `Readable`, masked and comparable, or `Rejected` with its faults."""

import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from payments import audit_log
from payments.core.errors import Fault
from payments.core.input_faults import inside
from payments.core.inputs import convert
from payments.models import Channel
from terminals import schemas
from terminals.models import Terminal
from terminals.queries import operations_of

logger = logging.getLogger(__name__)

LEAP: Final = 100_000  # how far a sequence may lie above the highest seen


@dataclass(slots=True, kw_only=True)
class Result:
    """What became of one posted transaction; a refused one has its faults."""

    sequence: int | None
    status: str = "recorded"
    payment: str | None = None
    refund: str | None = None
    discrepancies: list[dict[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Rejected:
    """A transaction that cannot be recorded as it is; its sequence is known where that much can be read."""

    result: Result


@dataclass(slots=True, kw_only=True)
class Readable:
    """A transaction on its way to a result. `at` is its place in the request; `content` tells it from another."""

    at: str
    transaction: schemas.Transaction
    result: Result
    content: bytes = b""

    @property
    def sequence(self) -> int:
        """The number that the device gave it."""
        return self.transaction.sequence


def read(
    terminal: Terminal, items: Sequence[Any], places: Sequence[str], *, only_action: str | None = None
) -> list[Readable | Rejected]:
    """Read transactions, in the order sent; `places` says where each stands in the request (`transactions[3]`).

    `only_action` is the action that they answer by the address they were sent to, if by that.
    """
    limit = terminal.last_sequence + LEAP
    posted = [_read(item, at, limit) for item, at in zip(items, places, strict=True)]
    posted = _with_known_actions(terminal, posted, only_action)
    _mask(terminal, [each for each in posted if isinstance(each, Readable)])
    return posted


def _with_known_actions(
    terminal: Terminal, posted: Sequence[Readable | Rejected], only_action: str | None
) -> list[Readable | Rejected]:
    """Reject what answers an action that this terminal was never given: a slip of the pen, as any unknown id."""
    named = {each.transaction.action for each in posted if isinstance(each, Readable)} - {None}
    if not named:
        return list(posted)
    known = set(operations_of(terminal.id, named))
    return [each if isinstance(each, Rejected) else _checked(each, known, only_action) for each in posted]


def _checked(each: Readable, known: AbstractSet[str], only_action: str | None) -> Readable | Rejected:
    action, at = each.transaction.action, inside(each.at, "action")
    if action is None or (action in known and only_action in (None, action)):
        return each
    if action in known:
        fault = Fault(at, "not_together", "The address names another action than the transaction. Send one of them.")
    else:
        fault = Fault(at, "not_found", "This terminal has not been asked for any such payment or refund.")
    return Rejected(result=Result(sequence=each.sequence, status="refused", faults=[fault]))


def _read(item: Any, at: str, limit: int) -> Readable | Rejected:
    found = convert(schemas.Transaction, item, at=at)
    if isinstance(found, schemas.Transaction):
        if found.sequence <= limit:
            return Readable(at=at, transaction=found, result=Result(sequence=found.sequence))
        detail = f"The highest seen is {limit - LEAP}; one is at most {LEAP} above it. Check the device's counter."
        found = [Fault(inside(at, "sequence"), schemas.OUT_OF_RANGE, detail)]
    return Rejected(result=Result(sequence=schemas.sequence_of(item), status="refused", faults=found))


def _mask(terminal: Terminal, readable: Sequence[Readable]) -> None:
    """Card numbers are masked before anything is compared or kept; that a device sends them is written down."""
    found: dict[str, list[str]] = {}
    for each in readable:
        fields = schemas.mask(each.transaction, is_numbered=partial(_is_numbered, terminal))
        if fields:
            found[str(each.sequence)] = fields
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

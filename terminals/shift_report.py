"""A shift as a device reports it: opened, or closed with what it counted per brand and type."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from payments.core.errors import Fault
from payments.core.input_types import Currency, minor_units, one_of, text
from payments.core.inputs import Input, Together
from payments.core.money import MAX_AMOUNT
from terminals.schemas import EARLIEST, LATEST, MAX_SEQUENCE, NO_TIME_OF_OURS, Clock, Sequence
from terminals.totals import Counted, Group

MOST_TOTALS: Final = 200
SALE, REFUND, REVERSAL, DECLINED = "sale", "refund", "reversal", "declined"
# What nexo's totals call them (TransactionTotals.TransactionType); what failed was not approved either.
_NEXO: Final = {
    "Debit": SALE,
    "Credit": REFUND,
    "ReverseDebit": REVERSAL,
    "ReverseCredit": REVERSAL,
    "Declined": DECLINED,
    "Failed": DECLINED,
}
_TYPES: Final = (SALE, REFUND, REVERSAL, DECLINED, *_NEXO)


class Total(Input, kw_only=True):
    """What the device counted of one brand and type; `amount` is positive, whatever the type."""

    brand: Annotated[str, text(32)] | None = None
    """Card brand; left out where the device counts them together."""
    type: Annotated[str, one_of(_TYPES)]
    """What is counted, in our words or in those of nexo's totals."""
    count: Annotated[int, minor_units(least=0, most=MAX_SEQUENCE)]
    """How many transactions."""
    amount: Annotated[int, minor_units(least=0, most=MAX_AMOUNT)]
    """Their sum in minor units, positive whatever the type."""
    currency: Currency
    """Currency of the sum."""

    @property
    def group(self) -> Group:
        """What it is compared by."""
        return Group((self.brand or "").lower(), _NEXO.get(self.type, self.type), self.currency)


class ShiftInput(Input, kw_only=True):
    """A shift. Without `closed_at`, `last_sequence` and `totals` it is opened; with all three it is closed."""

    rules = (Together(("closed_at", "last_sequence", "totals")),)

    shift: Annotated[str, text(64)] | Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)]
    """Number or name of the shift, unique on the device."""
    opened_at: Clock
    """When the shift was opened, by the device's clock."""
    first_sequence: Sequence
    """Number of its first transaction."""
    closed_at: Clock | None = None
    """When it was closed; left out while it is open."""
    last_sequence: Annotated[int, Meta(ge=0, le=MAX_SEQUENCE)] | None = None
    """Number of its last transaction; one less than `first_sequence` where there was none."""
    totals: Annotated[list[Total], Meta(max_length=MOST_TOTALS)] | None = None
    """What the device counted, per brand, type and currency."""

    def contradictions(self) -> Iterator[Fault]:
        for name, moment in (("opened_at", self.opened_at), ("closed_at", self.closed_at)):
            if moment is not None and not EARLIEST <= moment < LATEST:
                yield Fault(name, "out_of_range", NO_TIME_OF_OURS)
        if self.closed_at is not None and self.closed_at < self.opened_at:
            yield Fault("closed_at", "out_of_range", "A shift is closed after it was opened.")
        if self.last_sequence is not None and self.last_sequence < self.first_sequence - 1:
            detail = "Send the last number used in the shift; one less than first_sequence where there was none."
            yield Fault("last_sequence", "out_of_range", detail)
        seen: set[tuple[str, str, str]] = set()
        for at, total in enumerate(self.totals or ()):
            named = ((total.brand or "").lower(), total.type, total.currency)
            if named in seen:
                yield Fault(f"totals[{at}]", "named_twice", "Send one total per brand, type and currency.")
            seen.add(named)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftReport:
    """A shift as read: `totals` are added up by group and sorted, None while it is only opened."""

    label: str
    opened_at: datetime
    first_sequence: int
    closed_at: datetime | None
    last_sequence: int | None
    totals: list[dict[str, Any]] | None

    @classmethod
    def of(cls, given: ShiftInput) -> "ShiftReport":
        """Take what was posted."""
        return cls(
            label=str(given.shift),
            opened_at=given.opened_at,
            first_sequence=given.first_sequence,
            closed_at=given.closed_at,
            last_sequence=given.last_sequence,
            totals=None if given.totals is None else _added_up(given.totals),
        )

    @property
    def kept(self) -> dict[str, Any]:
        """As plain JSON values."""
        kept: dict[str, Any] = msgspec.to_builtins(self)
        return kept

    @property
    def content(self) -> bytes:
        """The hash by which two reports of a shift are the same, whatever the order and capitals of their totals."""
        return sha256(msgspec.json.encode(self)).digest()


def counted(totals: list[dict[str, Any]]) -> dict[Group, Counted]:
    """Return kept totals by group."""
    return {
        Group(each["brand"] or "", each["type"], each["currency"]): Counted(each["count"], each["amount"])
        for each in totals
    }


def _added_up(totals: list[Total]) -> list[dict[str, Any]]:
    sums: dict[Group, Counted] = {}
    for total in totals:
        before = sums.get(total.group, Counted())
        sums[total.group] = Counted(before.count + total.count, before.amount + total.amount)
    # A total of nothing says as little as none; that of the declined ones says that the device counts them.
    return [
        {
            "brand": group.brand or None,
            "type": group.type,
            "count": sum_.count,
            "amount": sum_.amount,
            "currency": group.currency,
        }
        for group, sum_ in sorted(sums.items())
        if sum_ != Counted() or group.type == DECLINED
    ]

"""Mollie's settlement report as CSV: payments, refunds and chargebacks, and the costs that Mollie withholds.

There is no row for the payout: it is what the settlement amounts add up to. Costs have four decimals, so each is a
line in whole cents, and what is left of the fractions is a line of its own. Times are those of the dashboard.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import BinaryIO, ClassVar, Final
from zoneinfo import ZoneInfo

from payments.core.money import EXPONENTS, Money
from reconciliation.formats.base import (
    Kind,
    LineType,
    Record,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    Unreadable,
    guarded,
)
from reconciliation.formats.table import ISO, LONGEST_REFERENCE, Row, has_columns, moment, records, table

REQUIRED: Final = (
    *("Date", "Payment method", "Status", "ID", "Description"),
    *("Settlement currency", "Settlement amount", "Settlement reference"),
)
ZONE: Final = ZoneInfo("Europe/Amsterdam")
# By the beginning of Mollie's id: what it is where money comes in, and where it goes out.
TYPES: Final = {
    "tr": (LineType.SALE, LineType.REVERSAL),
    "cpt": (LineType.SALE, LineType.REVERSAL),
    "re": (LineType.REFUND_FAILED, LineType.REFUND),
    "chb": (LineType.CHARGEBACK_REVERSAL, LineType.CHARGEBACK),
}
# Of a payment's id in a row that claims to be about something else.
_WORDS: Final = {"refund": TYPES["re"], "chargeback": TYPES["chb"]}


class MollieSettlement:
    """Reads the settlements of a report; an export of the dashboard may hold several."""

    code: ClassVar[str] = "mollie_settlement"
    kind: ClassVar[Kind] = Kind.SETTLEMENT
    providers: ClassVar[tuple[str, ...]] = ("mollie", "external")

    def identify(self, head: bytes, name: str) -> bool:
        """It has the report's columns."""
        return has_columns(head, REQUIRED)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return guarded(_read(stream))


@dataclass(slots=True)
class _Settlement:
    reference: str
    currency: str
    place: int
    closed_at: datetime
    line: int = 0
    lines: int = 0  # what the lines make, in minor units
    exact: Decimal = field(default_factory=Decimal)  # what the file says, in major units


def _read(stream: BinaryIO) -> Iterator[Record]:
    settlements: dict[tuple[str, str], _Settlement] = {}
    yield from records(table(stream, REQUIRED), lambda row: _row(row, settlements))
    if not settlements:
        raise Unreadable(None, "file_truncated", "The report has no rows. Fetch it again from Mollie.")
    for settlement in settlements.values():
        yield from _end(settlement)


def _row(row: Row, settlements: dict[tuple[str, str], _Settlement]) -> Iterator[Record]:
    reference, currency = row.reference("Settlement reference"), row.currency("Settlement currency")
    if not reference:
        raise ValueError("Settlement reference is empty; export the settlement after it was paid out")
    at = moment(row["Date"], ISO, ZONE)
    settlement = settlements.get((reference, currency))
    if settlement is None:
        settlement = _Settlement(reference, currency, len(settlements), at)
        settlements[reference, currency] = settlement
        yield SettlementHeader(row.number, reference, currency, at)
    settlement.line, settlement.closed_at = row.number, max(settlement.closed_at, at)
    yield _line(row, settlement, at)


def _line(row: Row, settlement: _Settlement, at: datetime) -> SettlementLine:
    name, currency = row.reference("ID"), settlement.currency
    if name:
        gross = row.money("Settlement amount", currency)
        kind = _type(row, name, gross)
        exact = gross.to_decimal()
    else:
        kind, exact = LineType.FEE, row.decimal("Settlement amount")
        gross = _whole(exact, currency)
    settlement.lines += gross.amount
    settlement.exact += exact
    description = row["Description"][:LONGEST_REFERENCE]
    nothing = Money(0, currency)
    return SettlementLine(
        line=row.number,
        type=kind,
        reference=name or description,
        occurred_at=at,
        gross=gross,
        fee=nothing,
        vat=nothing,
        payment_reference=name if name.startswith("tr_") else "",
        order_reference=description if kind is LineType.SALE else "",
        settlement=settlement.place,
    )


def _type(row: Row, name: str, gross: Money) -> LineType:
    prefix = name.partition("_")[0]
    if prefix not in TYPES:
        raise ValueError(f"ID is {name!r}, which is no payment, capture, refund or chargeback of Mollie's")
    words = f"{row['Payment method']} {row['Status']}".lower()
    kinds = next(
        (kinds for word, kinds in _WORDS.items() if prefix == "tr" and gross.amount < 0 and word in words), None
    )
    incoming, outgoing = kinds or TYPES[prefix]
    if gross.amount == 0:
        return outgoing if incoming is LineType.REFUND_FAILED else incoming
    return incoming if gross.amount > 0 else outgoing


def _end(settlement: _Settlement) -> Iterator[Record]:
    """The line of what the fractions of cents leave, if they do, and the trailer."""
    paid, nothing = _whole(settlement.exact, settlement.currency), Money(0, settlement.currency)
    rounding = Money(paid.amount - settlement.lines, settlement.currency)
    if rounding.amount:
        yield SettlementLine(
            line=settlement.line + 1,
            type=LineType.ROUNDING,
            reference=settlement.reference,
            occurred_at=settlement.closed_at,
            gross=rounding,
            fee=nothing,
            vat=nothing,
            settlement=settlement.place,
        )
    yield SettlementTrailer(
        settlement.line,
        gross=paid,
        fee=nothing,
        vat=nothing,
        net=paid,
        payout_reference=settlement.reference,
        payout_on=settlement.closed_at.date(),
        closed_at=settlement.closed_at,
    )


def _whole(exact: Decimal, currency: str) -> Money:
    step = Decimal(1).scaleb(-EXPONENTS[currency])
    return Money.from_decimal(exact.quantize(step, ROUND_HALF_UP), currency)

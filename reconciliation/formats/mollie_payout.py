"""One settlement of Mollie's, a JSON object a line (as `reconciliation.sources` writes it).

Its lists hold what was sold, given back and taken back, each with its worth in the settlement. Costs are known a month
and method, in four decimals, and are lines with a fee and no amount. What they and the lists make differs from what is
paid by less than a cent: that is the rounding line, after each cost was rounded by itself. Where it differs by more,
the movements of the balance that stand in no list explain it; what is left even then is a line about nothing known,
which goes to suspense: a person asks Mollie.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import BinaryIO, ClassVar, Final

from payments.core.ids import is_id
from payments.core.money import EXPONENTS, MAX_AMOUNT, Money
from payments.providers.mollie.amounts import from_mollie
from payments.providers.mollie.requests import OPERATION
from payments.providers.mollie.translate import moment
from payments.providers.payload import Payload, part, text
from reconciliation.formats import fetched
from reconciliation.formats.base import (
    Kind,
    LineType,
    Problem,
    Record,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    Sums,
    Unreadable,
    guarded,
)

START: Final = b'{"object":"settlement","id":"stl_'
# What each list holds, and the sign of its worth.
_LISTS: Final = {
    "payment": (LineType.SALE, 1),
    "capture": (LineType.SALE, 1),
    "refund": (LineType.REFUND, -1),
    "chargeback": (LineType.CHARGEBACK, -1),
}
# By the type of a movement: where money comes in, and where it goes out.
_MOVEMENTS: Final = {
    "returned-refund": (LineType.REFUND_FAILED, LineType.REFUND),
    "chargeback-reversal": (LineType.CHARGEBACK_REVERSAL, LineType.CHARGEBACK),
    "returned-transfer": (LineType.PAYOUT_RETURNED, LineType.PAYOUT_RETURNED),
    **dict.fromkeys(
        ("balance-reserve", "balance-reserve-return", "rolling-reserve-hold", "rolling-reserve-release"),
        (LineType.RESERVE_RELEASE, LineType.RESERVE_HOLD),
    ),
    **dict.fromkeys(
        ("invoice-compensation", "invoice-rounding-compensation", "balance-charge-fee", "payment-fee"),
        (LineType.FEE, LineType.FEE),
    ),
}
_RESERVES: Final = frozenset({LineType.RESERVE_HOLD, LineType.RESERVE_RELEASE})
_SUBJECTS: Final = ("refundId", "chargebackId", "captureId", "settlementId")


class MolliePayout:
    """Reads one settlement a file."""

    code: ClassVar[str] = "mollie_payout"
    kind: ClassVar[Kind] = Kind.SETTLEMENT
    providers: ClassVar[tuple[str, ...]] = ("mollie",)

    def identify(self, head: bytes, name: str) -> bool:
        """Its first line is a settlement of Mollie's."""
        return head.startswith(START)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer."""
        return guarded(_read(stream))


@dataclass(slots=True)
class _Reading:
    """What is known so far: `exact` is what the lists make less the costs, `others` waits until it is needed."""

    paid: Money
    closed_at: datetime
    sums: Sums
    exact: Decimal = field(default_factory=Decimal)
    others: list[tuple[int, Payload]] = field(default_factory=list)

    @property
    def rest(self) -> Decimal:
        """What is paid beyond what is explained."""
        return self.paid.to_decimal() - self.exact

    @property
    def is_explained(self) -> bool:
        return abs(self.rest) < _step(self.paid.currency)


def _read(stream: BinaryIO) -> Iterator[Record]:
    settlement, rows = fetched.opened(stream)
    reference, paid = text(settlement, "reference"), _amount(settlement, "amount", 1)
    if reference is None or len(reference) > 255:
        raise Unreadable(1, "header_invalid", "Line 1 does not name its settlement.")
    closed_at = moment(settlement, "settledAt") or _at(settlement, 1)
    yield SettlementHeader(1, reference, paid.currency, closed_at)
    reading = _Reading(paid, closed_at, Sums(paid.currency))
    yield from fetched.parts(
        rows,
        lambda number, row: _line(number, row, reading),
        lambda number: _end(number, reference, reading),
    )


def _line(number: int, row: Payload, reading: _Reading) -> Iterator[Record]:
    kind = text(row, "object") or ""
    if kind == "balance_transaction":
        reading.others.append((number, row))
    elif kind == "cost":
        yield from _cost(number, row, reading)
    elif kind in _LISTS:
        yield from _listed(number, row, reading, *_LISTS[kind])
    else:
        raise Unreadable(number, "record_invalid", f"Line {number} is nothing that a settlement holds.")


def _listed(number: int, row: Payload, reading: _Reading, kind: LineType, sign: int) -> Iterator[Record]:
    # What is worth something else in the settlement than it was sold for says so; its sign differs between their lists.
    worth = from_mollie(row, "settlementAmount") or _amount(row, "amount", number)
    if worth.currency != reading.paid.currency:
        detail = f"Line {number} is in {worth.currency}, its settlement in {reading.paid.currency}."
        yield Problem(number, "currency_differs", detail)
        return
    operation = text(row, "metadata", OPERATION) or ""
    name = text(row, "id") or ""
    gross = Money(sign * abs(worth.amount), worth.currency)
    yield _counted(
        reading,
        SettlementLine(
            line=number,
            type=kind,
            reference=name,
            occurred_at=moment(row, "paidAt") or _at(row, number),
            gross=gross,
            fee=_nothing(gross),
            vat=_nothing(gross),
            operation_id=operation if is_id(operation, "op") else "",
            payment_reference=text(row, "paymentId") or (name if name.startswith("tr_") else ""),
            # As its terminal's driver names it, which knows no retrieval reference.
            rrn=name if text(row, "method") == "pointofsale" and kind is LineType.SALE else "",
        ),
    )
    reading.exact += gross.to_decimal()


def _cost(number: int, row: Payload, reading: _Reading) -> Iterator[Record]:
    """What is withheld for one method in one month, with its VAT."""
    currency = reading.paid.currency
    net, vat = _exact(row, "amountNet", number), _exact(row, "amountVat", number)
    said = f"{text(row, 'period') or ''} {text(row, 'description') or text(row, 'method') or ''}".strip()
    yield _counted(
        reading,
        SettlementLine(
            line=number,
            type=LineType.FEE,
            reference=said[:255],
            occurred_at=reading.closed_at,
            gross=Money(0, currency),
            fee=_rounded(net, currency),
            vat=_rounded(vat, currency),
        ),
    )
    reading.exact -= net + vat


def _end(number: int, reference: str, reading: _Reading) -> Iterator[Record]:
    """The movements in no list, where the lists do not explain what is paid; the rest; and the trailer."""
    if not reading.is_explained:
        for place, row in reading.others:
            yield from _movement(place, row, reading)
    missing = Money(reading.paid.amount - reading.sums.totals.get("net", 0), reading.paid.currency)
    if missing.amount:
        unknown = LineType.SALE if missing.amount > 0 else LineType.REFUND  # about nothing we know: suspense
        yield _counted(
            reading,
            SettlementLine(
                line=number,
                type=LineType.ROUNDING if reading.is_explained else unknown,
                reference=reference,
                occurred_at=reading.closed_at,
                gross=missing,
                fee=_nothing(missing),
                vat=_nothing(missing),
            ),
        )
    yield SettlementTrailer(number, *fetched.totals(reading.sums), reference, reading.closed_at.date())


def _movement(number: int, row: Payload, reading: _Reading) -> Iterator[Record]:
    gross = _amount(row, "resultAmount", number)
    if gross.currency != reading.paid.currency:
        return  # of another balance
    incoming, outgoing = _MOVEMENTS.get(text(row, "type") or "", (LineType.SALE, LineType.REFUND))
    kind = incoming if gross.amount > 0 else outgoing
    context = part(row, "context")
    named = next((text(context, name) for name in _SUBJECTS if text(context, name)), None)
    yield _counted(
        reading,
        SettlementLine(
            line=number,
            type=kind,
            # A reserve whose movements name none is one for all of them: their own ids would part it.
            reference="" if kind in _RESERVES else named or text(row, "id") or "",
            occurred_at=_at(row, number),
            gross=gross,
            fee=_nothing(gross),
            vat=_nothing(gross),
            payment_reference=text(context, "paymentId") or "",
        ),
    )
    reading.exact += gross.to_decimal()


def _counted(reading: _Reading, line: SettlementLine) -> SettlementLine:
    reading.sums.add(gross=line.gross, fee=line.fee, vat=line.vat, net=line.net)
    return line


def _nothing(money: Money) -> Money:
    return Money(0, money.currency)


def _step(currency: str) -> Decimal:
    return Decimal(1).scaleb(-EXPONENTS[currency])


def _rounded(exact: Decimal, currency: str) -> Money:
    return Money.from_decimal(exact.quantize(_step(currency), ROUND_HALF_UP), currency)


def _exact(row: Payload, name: str, number: int) -> Decimal:
    """An amount in four decimals; none where it is null, as VAT may be."""
    if row.get(name) is None:
        return Decimal(0)
    try:
        exact = Decimal(text(row, name, "value") or "")
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or abs(exact) > MAX_AMOUNT:
        raise Unreadable(number, "record_invalid", f"Line {number}: {name} cannot be read.")
    return exact


def _amount(row: Payload, name: str, number: int) -> Money:
    amount = from_mollie(row, name)
    if amount is None:
        raise Unreadable(number, "record_invalid", f"Line {number}: {name} cannot be read.")
    return amount


def _at(row: Payload, number: int) -> datetime:
    at = moment(row, "createdAt")
    if at is None:
        raise Unreadable(number, "record_invalid", f"Line {number} does not say when it was made.")
    return at

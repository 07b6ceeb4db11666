"""One payout of Stripe's with its balance transactions, a JSON object a line (as `reconciliation.sources` writes it).

Lines are classified by `reporting_category`, never by `type`: the latter says "adjustment" of a dispute and of its
return alike. What a category means is in `CATEGORIES`; what is not named there goes to suspense, to be looked at.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO, ClassVar, Final

from payments.core.ids import is_id
from payments.core.money import MAX_AMOUNT, Money
from payments.providers.payload import Payload, part, text, whole
from payments.providers.stripe.amounts import from_stripe
from payments.providers.stripe.payload import moment, name_of
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

START: Final = b'{"object":"payout","id":"po_'
CATEGORIES: Final = {
    "charge": LineType.SALE,
    "refund": LineType.REFUND,
    "partial_capture_reversal": LineType.REFUND,
    "refund_failure": LineType.REFUND_FAILED,
    "dispute": LineType.CHARGEBACK,
    "dispute_reversal": LineType.CHARGEBACK_REVERSAL,
    "fee": LineType.FEE,
    "network_cost": LineType.FEE,
    "tax": LineType.FEE,
    "payout_reversal": LineType.PAYOUT_RETURNED,
    "risk_reserved_funds": LineType.RESERVE_HOLD,
}
_OWN: Final = frozenset({"payout"})  # the transfer itself
OPERATION: Final = "onetill_operation"


class StripePayout:
    """Reads one payout a file."""

    code: ClassVar[str] = "stripe_payout"
    kind: ClassVar[Kind] = Kind.SETTLEMENT
    providers: ClassVar[tuple[str, ...]] = ("stripe",)

    def identify(self, head: bytes, name: str) -> bool:
        """Its first line is a payout of Stripe's."""
        return head.startswith(START)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield header, lines and trailer."""
        return guarded(_read(stream))


def _read(stream: BinaryIO) -> Iterator[Record]:
    payout, rows = fetched.opened(stream)
    amount = _amount(payout, "amount", 1)
    header = SettlementHeader(1, _name(payout, 1), amount.currency, _at(payout, 1))
    yield header
    sums = Sums(header.currency)
    yield from fetched.parts(
        rows,
        lambda number, row: _line(number, row, sums),
        lambda number: _trailer(number, payout, amount, sums),
    )


def _line(number: int, row: Payload, sums: Sums) -> Iterator[Record]:
    if text(row, "object") != "balance_transaction":
        raise Unreadable(number, "record_invalid", f"Line {number} is no balance transaction.")
    category = text(row, "reporting_category") or ""
    if category in _OWN:
        return
    gross, fee, net = (_amount(row, name, number) for name in ("amount", "fee", "net"))
    if gross.currency != sums.currency:
        detail = f"Line {number} is in {gross.currency}, its payout in {sums.currency}."
        yield Problem(number, "currency_differs", detail)
        return
    if net != gross - fee:
        yield Problem(number, "net_differs", f"Line {number}: net is {net}, but amount − fee is {gross - fee}.")
        return
    vat = _vat(row, fee)
    sums.add(gross=gross, fee=fee - vat, vat=vat, net=net)
    source = part(row, "source")
    operation = text(source, "metadata", OPERATION) or ""
    kind = line_type(category, gross)
    yield SettlementLine(
        line=number,
        type=kind,
        # A reserve whose movements name no reserve is one for all of them: their own ids would part it.
        reference=_reserve(row, source) if kind in _RESERVES else _reference(row, source),
        occurred_at=_at(row, number),
        gross=gross,
        fee=fee - vat,
        vat=vat,
        operation_id=operation if is_id(operation, "op") else "",
        payment_reference=_payment(source),
    )


_RESERVES: Final = (LineType.RESERVE_HOLD, LineType.RESERVE_RELEASE)


def line_type(category: str, gross: Money) -> LineType:
    """Return what a reporting category means, with the sign where that decides."""
    known = CATEGORIES.get(category)
    if known is LineType.RESERVE_HOLD and gross.amount > 0:
        return LineType.RESERVE_RELEASE
    if known is not None:
        return known
    return LineType.SALE if gross.amount > 0 else LineType.REFUND  # about nothing we know: suspense


def _reference(row: Payload, source: Payload) -> str:
    """The provider's name for the movement: a charge goes by its PaymentIntent, as everything of ours does."""
    if text(source, "object") == "charge":
        return name_of(source, "payment_intent") or text(source, "id") or ""
    return text(source, "id") or text(row, "source") or text(row, "id") or ""


def _reserve(row: Payload, source: Payload) -> str:
    return text(source, "id") or text(row, "source") or ""


def _payment(source: Payload) -> str:
    return name_of(source, "payment_intent") or name_of(source, "charge") or ""


def _vat(row: Payload, fee: Money) -> Money:
    """Return the tax in the fee, if Stripe reports it."""
    details = row.get("fee_details")
    parts = [each for each in details if isinstance(each, dict)] if isinstance(details, list) else []
    total = sum(whole(each, "amount") or 0 for each in parts if text(each, "type") == "tax")
    return from_stripe(total, fee.currency.lower()) if abs(total) <= MAX_AMOUNT else fee


def _trailer(number: int, payout: Payload, amount: Money, sums: Sums) -> Iterator[Record]:
    for difference in sums.differences(net=amount):
        yield Problem(number, "sums_differ", f"Line {number}: {difference}.")
    arrival = _at(payout, 1, "arrival_date")
    yield SettlementTrailer(number, *fetched.totals(sums), _name(payout, 1), arrival.date())


def _name(row: Payload, number: int) -> str:
    name = text(row, "id")
    if name is None or len(name) > 255:
        raise Unreadable(number, "header_invalid", f"Line {number} does not name its payout.")
    return name


def _at(row: Payload, number: int, field: str = "created") -> datetime:
    try:
        at = moment(row, field)
    except (OverflowError, ValueError, OSError):
        at = None
    if at is None or at < datetime(2000, 1, 1, tzinfo=UTC):
        raise Unreadable(number, "record_invalid", f"Line {number} does not say when it was made.")
    return at


def _amount(row: Payload, name: str, number: int) -> Money:
    amount, currency = whole(row, name), text(row, "currency")
    try:
        if amount is None or currency is None or abs(amount) > MAX_AMOUNT:
            raise ValueError("it is missing or too large")
        return from_stripe(amount, currency)
    except (ValueError, OverflowError, ArithmeticError) as fault:
        raise Unreadable(number, "record_invalid", f"Line {number}: {name} cannot be read: {fault}.") from None

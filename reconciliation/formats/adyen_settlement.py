"""Adyen's settlement detail report: every movement of a batch, and the payout that it nets to.

Columns are found by their names, in whatever order the report is set up. Amounts stand in a debit and a credit
column, fees in columns of their own, all of the net currency: gross is what net and fees make, so that the batch nets
to the cent whatever rate its gross was converted at. A merchant account's batch is one settlement per currency. It must
come to nothing together with its payout and with what it leaves to another batch, else the report is not complete.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, ClassVar, Final

from payments.core.ids import is_id
from payments.core.money import Money
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
from reconciliation.formats.table import ISO, Row, has_columns, moment, records, table, zone

REQUIRED: Final = (
    *("Merchant Account", "Psp Reference", "Creation Date", "TimeZone", "Type", "Modification Reference"),
    *("Net Currency", "Net Debit (NC)", "Net Credit (NC)", "Commission (NC)", "Batch Number"),
)
FEES: Final = {
    "commission": "Commission (NC)",
    "markup": "Markup (NC)",
    "scheme_fees": "Scheme Fees (NC)",
    "interchange": "Interchange (NC)",
}
# In wider reports; some of them only repeat what stands in the columns above.
MORE_FEES: Final = {"payment_fees": "Payment Fees (NC)", "dcc_markup": "DCC Markup (NC)"}
TYPES: Final = {
    **dict.fromkeys(("Settled", "SettledBulk", "SettledInstallment"), LineType.SALE),
    **dict.fromkeys(("Refunded", "RefundedBulk", "RefundedInstallment"), LineType.REFUND),
    **dict.fromkeys(("RefundedReversed", "RefundFailed", "RefundNotCleared"), LineType.REFUND_FAILED),
    **dict.fromkeys(("SettledReversed", "CaptureFailed"), LineType.REVERSAL),
    **dict.fromkeys(("Chargeback", "SecondChargeback"), LineType.CHARGEBACK),
    "ChargebackReversed": LineType.CHARGEBACK_REVERSAL,
    **dict.fromkeys(("Fee", "MiscCosts", "PaymentCost", "InvoiceDeduction"), LineType.FEE),
    **dict.fromkeys(("DepositCorrection", "ReserveAdjustment", "Balancetransfer"), LineType.BALANCE_CARRIED),
    **dict.fromkeys(("PaidOutReversed", "BankInstructionReturned"), LineType.PAYOUT_RETURNED),
}
# The provider's own bookings, about no payment: a person looks at them.
SUSPENSE: Final = frozenset({"ManualCorrected", "MerchantPayin", "MerchantPayinReversed", "XASTransfer"})
PAYOUTS: Final = frozenset({"MerchantPayout", "PaidOut", "AcquirerPayout"})
_AT_A_TERMINAL: Final = frozenset({LineType.SALE, LineType.REFUND})
_BATCH: Final = re.compile(r"\b(from|to) batch ([0-9]+)", re.IGNORECASE)
_TRANSFER: Final = re.compile(r"\bTX[0-9A-Z]+XT\b")


class AdyenSettlement:
    """Reads the batches of a report, several at once where it holds several merchant accounts or currencies."""

    code: ClassVar[str] = "adyen_settlement"
    kind: ClassVar[Kind] = Kind.SETTLEMENT
    providers: ClassVar[tuple[str, ...]] = ("adyen", "external")

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns that all of these reports have."""
        return has_columns(head, REQUIRED)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return guarded(_read(stream))


@dataclass(slots=True)
class _Batch:
    merchant: str
    number: str
    place: int
    sums: Sums
    closed_at: datetime
    paid: int = 0
    payout: str = ""
    paid_on: date | None = None
    line: int = 0

    @property
    def name(self) -> str:
        return f"{self.merchant} batch {self.number}"


def _read(stream: BinaryIO) -> Iterator[Record]:
    batches: dict[tuple[str, str, str], _Batch] = {}
    yield from records(table(stream, REQUIRED), lambda row: _row(row, batches))
    if not batches:
        raise Unreadable(None, "file_truncated", "The report has no rows. Fetch it again from Adyen.")
    for batch in batches.values():
        yield from _trailer(batch)


def _row(row: Row, batches: dict[tuple[str, str, str], _Batch]) -> Iterator[Record]:
    kind, currency = row["Type"], row.currency("Net Currency")
    if kind not in TYPES and kind not in SUSPENSE and kind not in PAYOUTS:
        raise ValueError(f"Type is {kind!r}, which is not known here; send this report to whoever maintains Onetill")
    at = moment(row["Creation Date"], ISO, zone(row["TimeZone"]))
    key = (row.reference("Merchant Account"), _number(row), currency)
    batch = batches.get(key)
    if batch is None:
        batch = batches[key] = _Batch(key[0], key[1], len(batches), Sums(currency), at)
        yield SettlementHeader(row.number, batch.name, currency, at)
    batch.line, batch.closed_at = row.number, max(batch.closed_at, at)
    net = row.money("Net Credit (NC)", currency) - row.money("Net Debit (NC)", currency)
    if kind in PAYOUTS:
        _pay(batch, row, net, at)
    else:
        yield _line(batch, row, kind, net, at)


def _number(row: Row) -> str:
    number = row["Batch Number"]
    if not number.isascii() or not number.isdigit():
        raise ValueError(f"Batch Number is {number!r}, and every row of this report is in a batch")
    return str(int(number))


def _pay(batch: _Batch, row: Row, net: Money, at: datetime) -> None:
    text = row.reference("Modification Reference")
    transfer = _TRANSFER.search(text)
    # As the bank prints it: the transfer's own number, else the batch with its merchant account.
    named = transfer[0] if transfer else f"batch {batch.number}, {batch.merchant}"
    batch.paid, batch.payout, batch.paid_on = batch.paid - net.amount, batch.payout or named, at.date()


def _line(batch: _Batch, row: Row, kind: str, net: Money, at: datetime) -> SettlementLine:
    parts = _fees(row, net)
    fee = Money(sum(part.amount for part in parts.values()), net.currency)
    gross = net + fee
    batch.sums.add(gross=gross, fee=fee, net=net)
    line_type = TYPES.get(kind) or (LineType.SALE if gross.amount > 0 else LineType.REFUND)
    about = kind not in SUSPENSE
    return SettlementLine(
        line=row.number,
        type=line_type,
        reference=_reference(batch, row, kind),
        occurred_at=at,
        gross=gross,
        fee=fee,
        vat=Money(0, net.currency),
        operation_id=_operation(row, line_type) if about else "",
        payment_reference=row.reference("Psp Reference") if about else "",
        authorization_code=row.reference("Authorisation Code") if line_type in _AT_A_TERMINAL else "",
        order_reference=row.reference("Merchant Reference") if about else "",
        settlement=batch.place,
        fee_parts=parts,
    )


def _fees(row: Row, net: Money) -> dict[str, Money]:
    """Return the fees that lie between gross and net."""
    parts = {part: row.money(column, net.currency) for part, column in FEES.items()}
    more = {part: row.money(column, net.currency) for part, column in MORE_FEES.items()}
    if any(part.amount for part in more.values()) and row["Gross Currency"].upper() == net.currency:
        gross = row.money("Gross Credit (GC)", net.currency) - row.money("Gross Debit (GC)", net.currency)
        if gross.amount - net.amount == sum(part.amount for part in (*parts.values(), *more.values())):
            parts |= more
    return {part: amount for part, amount in parts.items() if amount.amount}


def _reference(batch: _Batch, row: Row, kind: str) -> str:
    text = row.reference("Modification Reference")
    if kind == "Balancetransfer":
        return _transferred(batch, f"{row['Modification Merchant Reference']} {text}")
    if TYPES.get(kind) is LineType.BALANCE_CARRIED:
        return f"{kind} of {batch.merchant}"
    if TYPES.get(kind) is LineType.PAYOUT_RETURNED:
        transfer = _TRANSFER.search(text)
        return transfer[0] if transfer else text
    if kind in SUSPENSE:
        return f"{kind} {text or row.reference('Psp Reference')}".strip()
    return text


def _transferred(batch: _Batch, text: str) -> str:
    """Return a name that is the same in the batch that leaves the balance and in the one that takes it."""
    match = _BATCH.search(text)
    if match is None:
        raise ValueError(f"a Balancetransfer names no batch that it is from or to: {text.strip()!r}")
    other = int(match[2])
    pair = (other, int(batch.number)) if match[1].lower() == "from" else (int(batch.number), other)
    return f"{batch.merchant} batch {pair[0]} to {pair[1]}"


def _operation(row: Row, line_type: LineType) -> str:
    """Return our own id: a modification brings its own, a sale that is captured at once its payment's."""
    own, first = row["Modification Merchant Reference"], row["Merchant Reference"]
    if is_id(own, "op"):
        return own
    return first if line_type is LineType.SALE and is_id(first, "op") else ""


def _trailer(batch: _Batch) -> Iterator[Record]:
    currency, totals = batch.sums.currency, batch.sums.totals
    net, paid = Money(totals.get("net", 0), currency), Money(batch.paid, currency)
    if net != paid:
        stated = f"its payout is {paid}" if batch.payout else "no payout or balance transfer takes that"
        detail = f"The lines of {batch.name} make {net}, but {stated}. Fetch the whole report from Adyen."
        yield Problem(batch.line, "sums_differ", detail)
    yield SettlementTrailer(
        batch.line,
        gross=Money(totals.get("gross", 0), currency),
        fee=Money(totals.get("fee", 0), currency),
        vat=Money(0, currency),
        net=net,
        payout_reference=batch.payout,
        payout_on=batch.paid_on,
        closed_at=batch.closed_at,
    )

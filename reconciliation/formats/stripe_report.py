"""Stripe's payout reconciliation report as CSV: what `stripe_payout` reads through the API, downloaded by hand.

A payout is one settlement by either way: its name is the payout's own, and so are those of its movements. Amounts are
in major units, of every currency. A row is what its reporting category says, whatever its sign: of the payout's own row
exports disagree. Times are read as UTC, where Stripe keeps them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import BinaryIO, ClassVar, Final

from payments.core.ids import is_id
from payments.core.money import Money
from reconciliation.formats.base import (
    Kind,
    Problem,
    Record,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    Sums,
    Unreadable,
    guarded,
)
from reconciliation.formats.stripe_payout import OPERATION, line_type
from reconciliation.formats.table import ISO, Row, has_columns, moment, records, table

REQUIRED: Final = (
    *("balance_transaction_id", "automatic_payout_id", "currency", "gross", "fee", "net", "reporting_category"),
    "source_id",
)
_PAYOUT: Final = "payout"


class StripeReport:
    """Reads the payouts of a report, and refuses what is in none."""

    code: ClassVar[str] = "stripe_report"
    kind: ClassVar[Kind] = Kind.SETTLEMENT
    providers: ClassVar[tuple[str, ...]] = ("stripe",)

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns by which a movement and its payout are known."""
        return has_columns(head, REQUIRED)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return guarded(_read(stream))


@dataclass(slots=True)
class _Payout:
    reference: str
    place: int
    sums: Sums
    closed_at: datetime
    line: int = 0
    stated: Money | None = None  # by a row of its own, without a sign
    arrives_on: date | None = None


def _read(stream: BinaryIO) -> Iterator[Record]:
    payouts: dict[tuple[str, str], _Payout] = {}
    yield from records(table(stream, REQUIRED), lambda row: _row(row, payouts))
    if not payouts:
        raise Unreadable(None, "file_truncated", "The report has no rows. Make it again at Stripe.")
    for payout in payouts.values():
        yield from _trailer(payout)


def _row(row: Row, payouts: dict[tuple[str, str], _Payout]) -> Iterator[Record]:
    reference, currency = row.reference("automatic_payout_id"), row.currency("currency")
    if not reference:
        raise ValueError(
            f"{row['balance_transaction_id']} is in no automatic payout; report on payouts that are complete, as only "
            "of automatic ones Stripe tells what is in them"
        )
    at = _at(row, "created")
    payout = payouts.get((reference, currency))
    if payout is None:
        payout = payouts[reference, currency] = _Payout(reference, len(payouts), Sums(currency), at)
        yield SettlementHeader(row.number, reference, currency, at)
    payout.line, payout.closed_at = row.number, max(payout.closed_at, at)
    if row["automatic_payout_effective_at"] or row["automatic_payout_effective_at_utc"]:
        payout.arrives_on = _at(row, "automatic_payout_effective_at").date()
    if row["reporting_category"] == _PAYOUT:
        net = row.money("net", currency)
        payout.stated = max(net, -net, key=lambda amount: amount.amount)
    else:
        yield _line(row, payout, at)


def _line(row: Row, payout: _Payout, at: datetime) -> SettlementLine:
    currency, category = payout.sums.currency, row["reporting_category"]
    gross, fee, net = (row.money(column, currency) for column in ("gross", "fee", "net"))
    if net != gross - fee:
        raise ValueError(f"net is {net}, but gross − fee is {gross - fee}")
    payout.sums.add(gross=gross, fee=fee, net=net)
    payment = row.reference("payment_intent_id") or row.reference("charge_id")
    operation = row[f"payment_metadata[{OPERATION}]"]
    charged = category == "charge"
    source = row.reference("source_id") or row.reference("balance_transaction_id")
    return SettlementLine(
        line=row.number,
        type=line_type(category, gross),
        reference=row.reference("payment_intent_id") or source if charged else source,
        occurred_at=at,
        gross=gross,
        fee=fee,
        vat=Money(0, currency),
        operation_id=operation if charged and is_id(operation, "op") else "",
        payment_reference=payment,
        settlement=payout.place,
    )


def _at(row: Row, column: str) -> datetime:
    return moment(row[f"{column}_utc"] or row[column], ISO)


def _trailer(payout: _Payout) -> Iterator[Record]:
    currency, totals = payout.sums.currency, payout.sums.totals
    gross, fee, net = (Money(totals.get(name, 0), currency) for name in ("gross", "fee", "net"))
    if payout.stated is not None and payout.stated.amount != abs(net.amount):
        detail = (
            f"The lines of {payout.reference} make {net}, but the payout is {payout.stated}. Make the report again."
        )
        yield Problem(payout.line, "sums_differ", detail)
    yield SettlementTrailer(
        payout.line,
        gross=gross,
        fee=fee,
        vat=Money(0, currency),
        net=net,
        payout_reference=payout.reference,
        payout_on=payout.arrives_on or payout.closed_at.date(),
        closed_at=payout.closed_at,
    )

"""Settlements in columns that a merchant has described: for providers whose layout nobody has published.

A mapping says which column is what, how amounts, signs and dates are written, and what each type of row means. It is
taken to the letter: a cell that it cannot read is a problem with row, column and what to do, and nothing is guessed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import BinaryIO

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
    Transfer,
    Unreadable,
    guarded,
)
from reconciliation.formats.layout import IGNORE, PAYOUT, SIGNS, Layout
from reconciliation.formats.mapped_table import Cells, MappedTable
from reconciliation.formats.table import LONGEST_REFERENCE, Row, records


class MappedSettlement(MappedTable):
    """Reads settlements by one merchant's mapping; it has the shape of a `Format`, and is made for each file."""

    kind = Kind.SETTLEMENT

    def __init__(self, code: str, layout: Layout, account_id: str = "") -> None:
        super().__init__(code, layout)
        self.account_id = account_id
        self.movements_once = "reference" in layout.columns

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return guarded(self._read(stream))

    def _read(self, stream: BinaryIO) -> Iterator[Record]:
        groups: dict[tuple[str, str], _Group] = {}
        yield from records(self.rows(stream), lambda row: _row(row, self.layout, groups))
        if not groups:
            raise Unreadable(None, "file_truncated", "The file has no rows that bring or take money.")
        for group in groups.values():
            yield from _end(group)


@dataclass(slots=True)
class _Group:
    """One settlement: the rows of one name and currency."""

    reference: str
    place: int
    sums: Sums
    closed_at: datetime
    line: int = 0
    transfers: list[Transfer] = field(default_factory=list)


def _row(row: Row, layout: Layout, groups: dict[tuple[str, str], _Group]) -> Iterator[Record]:
    cells = Cells(row, layout)
    meaning = cells.meaning()
    if meaning == IGNORE:
        return
    currency = cells.currency()
    at = cells.at()
    gross, fee, vat = _amounts(cells, meaning, currency)
    name = cells.text("settlement")
    if cells.has("settlement") and not name:
        raise ValueError(f"{layout.columns['settlement']} is empty, and names the settlement that the row is in")
    group = groups.get((name, currency))
    if group is None:
        first = next(filter(None, map(cells.text, ("reference", "payment_reference", "rrn"))), str(gross.amount))
        reference = name or f"{layout.name} {at.date().isoformat()} {first}"[:LONGEST_REFERENCE]
        group = groups[name, currency] = _Group(reference, len(groups), Sums(currency), at)
        yield SettlementHeader(row.number, reference, currency, at)
    group.line, group.closed_at = row.number, max(group.closed_at, at)
    if meaning == PAYOUT:
        reference = cells.text("reference") or cells.text("description") or f"{group.reference} {at.date().isoformat()}"
        group.transfers.append(Transfer(row.number, reference, gross, at.date()))
        return
    group.sums.add(gross=gross, fee=fee, vat=vat, net=gross - fee - vat)
    yield _line(cells, group, meaning, at, (gross, fee, vat))


def _amounts(cells: Cells, meaning: str, currency: str) -> tuple[Money, Money, Money]:
    """Return gross, fee and VAT; a net amount that the file states must be what they make."""
    sign = -1 if cells.layout.fees == "negative" else 1
    fee, vat = (Money(sign * cells.money(name, currency).amount, currency) for name in ("fee", "vat"))
    if not cells.has("amount") and not cells.has("debit"):
        return cells.money("net", currency) + fee + vat, fee, vat
    gross = _gross(cells, meaning, currency)
    if cells.has("net") and meaning != PAYOUT:
        net = cells.money("net", currency)
        if net != gross - fee - vat:
            raise ValueError(f"{cells.layout.columns['net']} is {net}, but the other columns make {gross - fee - vat}")
    return gross, fee, vat


def _gross(cells: Cells, meaning: str, currency: str) -> Money:
    if cells.layout.sign == "debit_credit":
        return cells.two_sided(currency)
    if cells.layout.sign == "signed":
        return cells.money("amount", currency)
    amount = cells.unsigned(currency)
    out = meaning == LineType.FEE or (meaning in SIGNS and SIGNS[LineType(meaning)] < 0)
    return -amount if out else amount


def _line(
    cells: Cells, group: _Group, meaning: str, at: datetime, amounts: tuple[Money, Money, Money]
) -> SettlementLine:
    gross, fee, vat = amounts
    kind = LineType(meaning) if meaning else LineType.SALE if gross.amount >= 0 else LineType.REFUND
    if SIGNS[kind] * gross.amount < 0:
        way = "brings money in" if SIGNS[kind] > 0 else "takes money out"
        raise ValueError(f"a {kind.label} {way}, and here it is {gross}; give its type another meaning")
    operation = cells.text("operation")
    return SettlementLine(
        line=cells.row.number,
        type=kind,
        reference=cells.text("reference") or cells.text("description"),
        occurred_at=at,
        gross=gross,
        fee=fee,
        vat=vat,
        operation_id=operation if is_id(operation, "op") else "",
        payment_reference=cells.text("payment_reference"),
        rrn=cells.text("rrn"),
        tid=cells.text("tid"),
        stan=cells.text("stan"),
        authorization_code=cells.text("authorization_code"),
        order_reference=cells.text("order"),
        card_last4=cells.card(),
        settlement=group.place,
    )


def _end(group: _Group) -> Iterator[Record]:
    currency, totals = group.sums.currency, group.sums.totals
    gross, fee, vat, net = (Money(totals.get(name, 0), currency) for name in ("gross", "fee", "vat", "net"))
    paid = Money(sum(transfer.amount.amount for transfer in group.transfers), currency)
    # A payout leaves the provider (negative) or reaches the shop (positive): files write either.
    turned = -1 if paid.amount and paid.amount == -net.amount else 1
    if group.transfers and turned * paid.amount != net.amount:
        detail = f"The rows of {group.reference} make {net}, but its payout is {paid}. Fetch the whole file."
        yield Problem(group.line, "sums_differ", detail)
    yield SettlementTrailer(
        group.line,
        gross=gross,
        fee=fee,
        vat=vat,
        net=net,
        payout_reference="" if group.transfers else group.reference,
        payout_on=None if group.transfers else _day(group),
        transfers=tuple(
            Transfer(one.line, one.reference, Money(turned * one.amount.amount, currency), one.on)
            for one in group.transfers
        ),
        closed_at=group.closed_at,
    )


def _day(group: _Group) -> date:
    return group.closed_at.date()

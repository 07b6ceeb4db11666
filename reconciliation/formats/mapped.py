"""Settlements in columns that a merchant has described: for providers whose layout nobody has published.

A mapping says which column is what, how amounts, signs and dates are written, and what each type of row means. It is
taken to the letter: a cell that it cannot read is a problem with row, column and what to do, and nothing is guessed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import BinaryIO, Final

from payments.core.ids import is_id
from payments.core.money import Money
from reconciliation.formats import text
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
from reconciliation.formats.layout import IGNORE, PAYOUT, SIGNS, Layout, moment
from reconciliation.formats.table import LONGEST_REFERENCE, Row, money, records, table_at
from reconciliation.formats.workbook import SheetAsCsv

_TYPED: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")  # a cell that holds a number, as `workbook` writes it
_WRITTEN: Final = re.compile(r"[+-]?[0-9]+(?:,[0-9]+)?")  # one that holds text, with a decimal comma


class MappedSettlement:
    """Reads files by one merchant's mapping; it has the shape of a `Format`, and is made for each file."""

    kind = Kind.SETTLEMENT
    providers: tuple[str, ...] = ()

    def __init__(self, code: str, layout: Layout, account_id: str = "") -> None:
        self.code = code
        self.account_id = account_id
        self.layout = layout
        self.movements_once = "reference" in layout.columns

    def identify(self, head: bytes, name: str) -> bool:
        """Its header row has every column of the mapping."""
        lines = iter(head.decode(self._encoding(head), "replace").removeprefix("\ufeff").splitlines(keepends=True))
        try:
            self._table(lines)
        except Unreadable:
            return False
        return True

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return guarded(self._read(stream))

    def _read(self, stream: BinaryIO) -> Iterator[Record]:
        encoding = "utf-8" if isinstance(stream, SheetAsCsv) else self.layout.encoding
        groups: dict[tuple[str, str], _Group] = {}
        rows = self._table(text.lines(stream, encoding))
        yield from records(rows, lambda row: _row(row, self.layout, groups))
        if not groups:
            raise Unreadable(None, "file_truncated", "The file has no rows that bring or take money.")
        for group in groups.values():
            yield from _end(group)

    def _encoding(self, head: bytes) -> str:
        return "utf-8" if self.layout.format == "xlsx" else self.layout.encoding

    def _table(self, lines: Iterator[str]) -> Iterator[Row]:
        layout = self.layout
        delimiter = "," if layout.format == "xlsx" else layout.delimiter
        return table_at(lines, row=layout.header_row, delimiter=delimiter, required=layout.columns.values())


@dataclass(slots=True)
class _Group:
    """One settlement: the rows of one name and currency."""

    reference: str
    place: int
    sums: Sums
    closed_at: datetime
    line: int = 0
    transfers: list[Transfer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Cells:
    """A row seen through a layout."""

    row: Row
    layout: Layout

    def has(self, name: str) -> bool:
        return name in self.layout.columns

    def text(self, name: str) -> str:
        column = self.layout.columns.get(name)
        return "" if column is None else self.row.reference(column)

    def money(self, name: str, currency: str) -> Money:
        column = self.layout.columns.get(name)
        if column is None:
            return Money(0, currency)
        cell = self.row[column]
        try:
            written, mark = _number(cell, self.layout)
            return money(written, currency, mark=mark)
        except ValueError as fault:
            raise ValueError(f"{column} is {cell!r}: {fault}") from None

    def at(self) -> datetime:
        column = self.layout.columns["date"]
        cell = self.row[column]
        try:
            return moment(cell, self.layout)
        except ValueError as fault:
            raise ValueError(f"{column} is {cell!r}: {fault}") from None


def _number(cell: str, layout: Layout) -> tuple[str, str]:
    """Return what is read as an amount, and its decimal mark; of a sheet a number is a number, whatever the mark."""
    if layout.format != "xlsx" or not cell:
        return cell, layout.decimal
    if _TYPED.fullmatch(cell):
        return cell, "."
    if layout.decimal == "," and _WRITTEN.fullmatch(cell):
        return cell, ","
    raise ValueError("the cell holds no number; format the column as a number in Excel")


def _row(row: Row, layout: Layout, groups: dict[tuple[str, str], _Group]) -> Iterator[Record]:
    cells = _Cells(row, layout)
    meaning = _meaning(cells)
    if meaning == IGNORE:
        return
    currency = row.currency(layout.columns["currency"]) if cells.has("currency") else layout.currency
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


def _meaning(cells: _Cells) -> str:
    """Return what a row means: by its type, or (without a column for it) as nothing but sales and refunds."""
    if not cells.has("type"):
        return ""
    word = cells.text("type")
    meaning = cells.layout.types.get(word.casefold())
    if meaning is None:
        column = cells.layout.columns["type"]
        raise ValueError(f"{column} is {word!r}, which this mapping does not know; add it to the mapping's types")
    return meaning


def _amounts(cells: _Cells, meaning: str, currency: str) -> tuple[Money, Money, Money]:
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


def _gross(cells: _Cells, meaning: str, currency: str) -> Money:
    if cells.layout.sign == "debit_credit":
        debit, credit = cells.money("debit", currency), cells.money("credit", currency)
        if min(debit.amount, credit.amount) < 0:
            raise ValueError("an amount is negative, though the column says on which side it is")
        return credit - debit
    amount = cells.money("amount", currency)
    if cells.layout.sign == "signed":
        return amount
    column = cells.layout.columns["amount"]
    if amount.amount < 0:
        raise ValueError(f"{column} is {amount}, though the type of the row says whether money comes in or goes out")
    out = meaning == LineType.FEE or (meaning in SIGNS and SIGNS[LineType(meaning)] < 0)
    return -amount if out else amount


def _line(
    cells: _Cells, group: _Group, meaning: str, at: datetime, amounts: tuple[Money, Money, Money]
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

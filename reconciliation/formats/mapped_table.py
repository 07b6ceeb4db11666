"""Tables that a merchant has described: found by their header row, and read cell by cell as the mapping says."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Final

from payments.core.money import Money
from reconciliation.formats import text
from reconciliation.formats.base import Unreadable
from reconciliation.formats.layout import Layout, moment
from reconciliation.formats.table import Row, money, table_at
from reconciliation.formats.workbook import SheetAsCsv

_LAST4: Final = re.compile(r"(?:\A|[^0-9])[0-9]{4}\Z")  # what of a card number may be shown
_TYPED: Final = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")  # a cell that holds a number, as `workbook` writes it
_WRITTEN: Final = re.compile(r"[+-]?[0-9]+(?:,[0-9]+)?")  # one that holds text, with a decimal comma


class MappedTable:
    """What readers by a mapping share."""

    providers: tuple[str, ...] = ()

    def __init__(self, code: str, layout: Layout) -> None:
        self.code = code
        self.layout = layout

    def identify(self, head: bytes, name: str) -> bool:
        """Its header row has every column of the mapping."""
        encoding = "utf-8" if self.layout.format == "xlsx" else self.layout.encoding
        lines = iter(head.decode(encoding, "replace").removeprefix("\ufeff").splitlines(keepends=True))
        try:
            self._table(lines)
        except Unreadable:
            return False
        return True

    def rows(self, stream: BinaryIO) -> Iterator[Row]:
        """The rows below the header row."""
        encoding = "utf-8" if isinstance(stream, SheetAsCsv) else self.layout.encoding
        return self._table(text.lines(stream, encoding))

    def _table(self, lines: Iterator[str]) -> Iterator[Row]:
        layout = self.layout
        delimiter = "," if layout.format == "xlsx" else layout.delimiter
        return table_at(lines, row=layout.header_row, delimiter=delimiter, required=layout.columns.values())


@dataclass(frozen=True, slots=True)
class Cells:
    """A row as a layout sees it."""

    row: Row
    layout: Layout

    def has(self, name: str) -> bool:
        """Whether the layout has this part."""
        return name in self.layout.columns

    def currency(self) -> str:
        """The row's own currency, else that of the whole file.

        Raises:
            ValueError: the cell names no currency.
        """
        column = self.layout.columns.get("currency")
        return self.layout.currency if column is None else self.row.currency(column)

    def text(self, name: str) -> str:
        """A cell that is kept, "" where the layout has none.

        Raises:
            ValueError: it is longer than what is kept.
        """
        column = self.layout.columns.get(name)
        return "" if column is None else self.row.reference(column)

    def card(self) -> str:
        """The last four digits of the card, however the rest is hidden; "" where there are none.

        Raises:
            ValueError: a cell that does not end in four digits.
        """
        cell = self.text("card")
        if cell and not _LAST4.search(cell):
            raise ValueError(f"{self.layout.columns['card']} is {cell!r}, and does not end in four digits of a card")
        return cell[-4:]

    def money(self, name: str, currency: str) -> Money:
        """An amount; 0 of an empty cell, or where the layout has none.

        Raises:
            ValueError: anything else.
        """
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
        """When it was.

        Raises:
            ValueError: no date as the layout writes it.
        """
        column = self.layout.columns["date"]
        cell = self.row[column]
        try:
            return moment(cell, self.layout)
        except ValueError as fault:
            raise ValueError(f"{column} is {cell!r}: {fault}") from None

    def meaning(self) -> str:
        """What the row means, by its type; "" where there is no column for it.

        Raises:
            ValueError: a word that the mapping does not know.
        """
        if not self.has("type"):
            return ""
        word = self.text("type")
        meaning = self.layout.types.get(word.casefold())
        if meaning is None:
            column = self.layout.columns["type"]
            raise ValueError(f"{column} is {word!r}, which this mapping does not know; add it to the mapping's types")
        return meaning

    def two_sided(self, currency: str) -> Money:
        """What the columns for debit and credit make.

        Raises:
            ValueError: an amount that cannot be read, or has a sign.
        """
        debit, credit = self.money("debit", currency), self.money("credit", currency)
        if min(debit.amount, credit.amount) < 0:
            raise ValueError("an amount is negative, though the column says on which side it is")
        return credit - debit

    def unsigned(self, currency: str) -> Money:
        """The amount, of which the row's type says the direction.

        Raises:
            ValueError: it cannot be read, or has a sign.
        """
        amount = self.money("amount", currency)
        if amount.amount < 0:
            column = self.layout.columns["amount"]
            raise ValueError(
                f"{column} is {amount}, though the type of the row says whether money comes in or goes out"
            )
        return amount


def _number(cell: str, layout: Layout) -> tuple[str, str]:
    """Return what is read as an amount, and its decimal mark; of a sheet a number is a number, whatever the mark."""
    if layout.format != "xlsx" or not cell:
        return cell, layout.decimal
    if _TYPED.fullmatch(cell):
        return cell, "."
    if layout.decimal == "," and _WRITTEN.fullmatch(cell):
        return cell, ","
    raise ValueError("the cell holds no number; format the column as a number in Excel")

"""The journal as an Excel workbook, in the columns of a package (`profiles`): amounts are numbers, days are dates."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any, ClassVar, Final

import xlsxwriter

from payments.text.spreadsheets import no_formula
from reconciliation.exports.base import SOFTWARE, Books, Entry, Line
from reconciliation.exports.profiles import PROFILES, Amount, Cell, Value

ROWS_OF_SHEET: Final = 1_000_000  # Excel ends at 1,048,576
_MADE: Final = dt.datetime(2000, 1, 1)  # noqa: DTZ001 (a workbook knows no zone; fixed, so that the bytes are)


class JournalXlsx:
    """Rows go to the disk as they come; what does not fit on a sheet stands on the next."""

    code: ClassVar[str] = "journal_xlsx"
    suffix: ClassVar[str] = "xlsx"
    media_type: ClassVar[str] = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    profiles: ClassVar[tuple[str, ...]] = tuple(PROFILES)
    of_one_account: ClassVar[bool] = False
    by_channel: ClassVar[bool] = True
    by_journal: ClassVar[bool] = False
    one_fiscal_year: ClassVar[bool] = False
    most_decimals: ClassVar[int] = 3

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        columns = PROFILES[books.profile].columns
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(out, options) as workbook:
            workbook.set_properties({"author": SOFTWARE, "created": _MADE})
            sheets = _Sheets(workbook, books.exponent, [title for title, _ in columns])
            for entry in entries:
                for number, line in enumerate(entry.lines, 1):
                    sheets.add(_cells(books, entry, line, number, columns))
            if not sheets.any:
                sheets.next()


def _cells(
    books: Books, entry: Entry, line: Line, number: int, columns: tuple[tuple[str, Value], ...]
) -> Iterator[Cell]:
    return (value(books, entry, line, number) for _, value in columns)


class _Sheets:
    """The rows, on as many sheets as they need."""

    def __init__(self, workbook: Any, exponent: int, titles: list[str]) -> None:
        self._book, self._exponent, self._titles = workbook, exponent, titles
        places = f".{'0' * exponent}" if exponent else ""
        self._money = workbook.add_format({"num_format": f"0{places}"})
        self._day = workbook.add_format({"num_format": "yyyy-mm-dd"})
        self._sheet: Any = None
        self._row = self._count = 0

    @property
    def any(self) -> bool:
        return self._sheet is not None

    def next(self) -> None:
        """Begin a sheet, with its titles."""
        self._count += 1
        self._sheet = self._book.add_worksheet("Journal" if self._count == 1 else f"Journal {self._count}")
        for column, title in enumerate(self._titles):
            self._sheet.write_string(0, column, title)
        self._row = 0

    def add(self, cells: Iterator[Cell]) -> None:
        if self._sheet is None or self._row == ROWS_OF_SHEET:
            self.next()
        self._row += 1
        for column, cell in enumerate(cells):
            self._write(column, cell)

    def _write(self, column: int, cell: Cell) -> None:
        if isinstance(cell, str):
            if cell:
                self._sheet.write_string(self._row, column, no_formula(cell))
        elif isinstance(cell, Amount):
            exact = Decimal(cell.minor).scaleb(-self._exponent)
            self._sheet.write_number(self._row, column, exact, self._money)
        elif isinstance(cell, dt.date):
            self._sheet.write_datetime(self._row, column, cell, self._day)
        elif cell is not None:
            self._sheet.write_number(self._row, column, cell)

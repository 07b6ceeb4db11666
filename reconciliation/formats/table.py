"""What files in columns share: the header row found by its names, and cells read strictly by the name of their column.

A cell that cannot be read is a `ValueError` that names its column and what to do; the format makes a `Problem` with
the row's number of it.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from itertools import islice
from typing import BinaryIO, Final
from zoneinfo import ZoneInfo

from payments.core.money import EXPONENTS, MAX_AMOUNT, Money
from reconciliation.formats import text
from reconciliation.formats.base import Problem, Record, Unreadable

DELIMITERS: Final = ",;\t"
HEADER_WITHIN: Final = 20  # rows: some providers put a title above the columns
LONGEST_REFERENCE: Final = 255
_BLANKS: Final = re.compile(r"\s+")
# Digits in one run, or in groups of three; then decimals.
_NUMBERS: Final = {
    ".": re.compile(r"([+-]?)([0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.([0-9]{1,15}))?"),
    ",": re.compile(r"([+-]?)([0-9]{1,15}|[0-9]{1,3}(?:\.[0-9]{3}){1,4})(?:,([0-9]{1,15}))?"),
}
_MARKS: Final = {".": "point", ",": "comma"}
_GROUPS: Final = str.maketrans("", "", ".,")
_YEARS: Final = range(2000, 2100)
# Abbreviations as providers print them; one that means several zones (IST, say) is not among them.
_HOURS: Final = {
    "UTC": 0,
    "GMT": 0,
    "WET": 0,
    "WEST": 1,
    "BST": 1,
    "CET": 1,
    "CEST": 2,
    "EET": 2,
    "EEST": 3,
    "MSK": 3,
    "EST": -5,
    "EDT": -4,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
    "CDT": -5,
    "BRT": -3,
    "SGT": 8,
    "HKT": 8,
    "AWST": 8,
    "JST": 9,
    "KST": 9,
    "AEST": 10,
    "AEDT": 11,
    "NZST": 12,
    "NZDT": 13,
}
_ZONES: Final[dict[str, tzinfo]] = {name: timezone(timedelta(hours=hours), name) for name, hours in _HOURS.items()}


class Places(dict[str, int | None]):
    """Where each column stands, None for what is no column; a name is compared once and remembered."""

    def __missing__(self, column: str) -> int | None:
        place = self[column] = self.get(named(column))
        return place


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the number of its line, its cells, and where each column stands."""

    number: int
    cells: Sequence[str]
    places: "Places"

    def __getitem__(self, column: str) -> str:
        """Return the trimmed cell of a column, "" if the table has no such column."""
        place = self.places[column]
        return "" if place is None else self.cells[place].strip()

    def reference(self, column: str) -> str:
        """Return a cell that is kept.

        Raises:
            ValueError: it is longer than what is kept.
        """
        cell = self[column]
        if len(cell) > LONGEST_REFERENCE:
            raise ValueError(f"{column} has {len(cell)} characters, and a reference at most {LONGEST_REFERENCE}")
        return cell

    def currency(self, column: str) -> str:
        """Return an ISO 4217 code, whatever its case.

        Raises:
            ValueError: the cell names no currency.
        """
        code = self[column].upper()
        if code not in EXPONENTS:
            raise ValueError(f"{column} is {self[column]!r}, which is no ISO 4217 currency")
        return code

    def money(self, column: str, currency: str, *, mark: str = ".") -> Money:
        """Return an amount in major units; an empty cell is 0.

        Raises:
            ValueError: no amount, or one with more decimals than the currency has.
        """
        cell = self[column]
        try:
            return money(cell, currency, mark=mark)
        except ValueError as fault:
            raise ValueError(f"{column} is {cell!r}: {fault}") from None

    def decimal(self, column: str, *, mark: str = ".") -> Decimal:
        """Return an amount with all of its decimals, where a provider has more than the currency; an empty cell is 0.

        Raises:
            ValueError: no amount.
        """
        cell = self[column] or "0"
        match = _NUMBERS[mark].fullmatch(cell)
        if match is None:
            raise ValueError(f"{column} is {cell!r}: it is no amount with a decimal {_MARKS[mark]}")
        return Decimal(f"{match[1]}{match[2].translate(_GROUPS)}.{match[3] or '0'}")


def named(column: str) -> str:
    """Return a column's name as it is compared: providers change case and blanks."""
    return _BLANKS.sub(" ", column).strip().casefold()


def money(cell: str, currency: str, *, mark: str = ".") -> Money:
    """Read an amount with a decimal `mark`, with or without groups of thousands; "" is 0, and nothing is rounded.

    Raises:
        ValueError: anything else.
    """
    if not cell:
        return Money(0, currency)
    match = _NUMBERS[mark].fullmatch(cell)
    if match is None:
        raise ValueError(f"it is no amount with a decimal {_MARKS[mark]}")
    sign, whole, fraction = match.groups()
    exponent = EXPONENTS[currency]
    fraction = (fraction or "").rstrip("0")
    if len(fraction) > exponent:
        raise ValueError(f"it has more decimals than {currency} has, and amounts are never rounded")
    minor = int(whole.translate(_GROUPS) + fraction.ljust(exponent, "0"))
    if minor > MAX_AMOUNT:
        raise ValueError("it is beyond what can be booked")
    return Money(-minor if sign == "-" else minor, currency)


def zone(name: str) -> tzinfo:
    """Return the zone of an abbreviation (CET) or a name (Europe/Amsterdam).

    Raises:
        ValueError: it is not known.
    """
    found = _ZONES.get(name.upper())
    if found is not None:
        return found
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"{name!r} is no time zone that is known here") from None


def moment(cell: str, pattern: str, where: tzinfo = UTC) -> datetime:
    """Read a time written by a pattern of `strptime`.

    Raises:
        ValueError: anything else, or a year that is none of trade.
    """
    try:
        # What ISO 8601 writes is read five times faster.
        value = datetime.fromisoformat(cell) if pattern == ISO else datetime.strptime(cell, pattern)  # noqa: DTZ007 - the zone follows
    except ValueError:
        raise ValueError(f"{cell!r} is no date and time that can be read here") from None
    if value.year not in _YEARS:
        raise ValueError(f"{cell!r} is in the year {value.year}")
    return value if value.tzinfo is not None else value.replace(tzinfo=where)


ISO: Final = "iso"


def has_columns(head: bytes, required: Iterable[str]) -> bool:
    """Return whether a header row with all of these columns stands at a file's beginning."""
    wanted = {named(column) for column in required}
    lines = head.decode("utf-8", "replace").removeprefix("\ufeff").splitlines()[:HEADER_WITHIN]
    return any(_header(line, wanted) is not None for line in lines)


def table(
    stream: BinaryIO, *required: Iterable[str], read_lines: Callable[[BinaryIO], Iterator[str]] = text.lines
) -> Iterator[Row]:
    """Yield the rows below the header row, which is the first one with all `required` columns; empty rows are skipped.

    A format in several languages requires one of several sets of columns. `read_lines` decodes the file.

    Raises:
        Unreadable: no such header row, a row of another length, or no CSV.
    """
    wanted = [{named(column) for column in columns} for columns in required]
    lines = read_lines(stream)
    for above in range(HEADER_WITHIN):
        line = next(lines, None)
        if line is None:
            break
        found = next(filter(None, (_header(line, columns) for columns in wanted)), None)
        if found is not None:
            delimiter, columns = found
            return _rows(lines, delimiter, columns, above + 1)
    raise Unreadable(1, "header_invalid", f"No row names the columns {', '.join(sorted(required[0]))}.")


def untitled(lines: Iterator[str], columns: Sequence[str], delimiter: str) -> Iterator[Row]:
    """Yield the rows of a table without a header row, whose columns always stand in this order.

    Raises:
        Unreadable: a row of another length, or no CSV.
    """
    return _rows(lines, delimiter, [named(column) for column in columns], 0)


def table_at(lines: Iterator[str], *, row: int, delimiter: str, required: Iterable[str]) -> Iterator[Row]:
    """Yield the rows below a header row that stands at a known row, with a known delimiter.

    Raises:
        Unreadable: a column is missing there or stands twice; a row of another length, or no CSV.
    """
    above = list(islice(lines, row))
    cells = next(csv.reader(above[-1:], delimiter=delimiter), []) if len(above) == row else []
    columns = [named(cell) for cell in cells]
    for column in required:
        if columns.count(named(column)) != 1:
            how = "no column" if named(column) not in columns else "more than one column"
            there = ", ".join(filter(None, cells)) or "nothing"
            raise Unreadable(
                row, "header_invalid", f"Row {row} has {how} {column!r}. What stands there: {there[:500]}."
            )
    return _rows(lines, delimiter, columns, row)


def records(rows: Iterable[Row], read: Callable[[Row], Iterator[Record]]) -> Iterator[Record]:
    """Yield what is read of each row; a ValueError about one is its problem, and the others are read all the same."""
    for row in rows:
        try:
            yield from read(row)
        except ValueError as fault:
            yield problem(row, fault)


def problem(row: Row, fault: ValueError) -> Problem:
    """Return what is wrong with a row."""
    return Problem(row.number, "record_invalid", f"Row {row.number}: {fault}.")


def _header(line: str, wanted: set[str]) -> tuple[str, list[str]] | None:
    """Return delimiter and columns if this line is the header row."""
    for delimiter in DELIMITERS:
        try:
            columns = [named(cell) for cell in next(csv.reader([line], delimiter=delimiter), [])]
        except csv.Error:
            continue
        if wanted <= set(columns):
            return delimiter, columns
    return None


def _rows(lines: Iterator[str], delimiter: str, columns: list[str], above: int) -> Iterator[Row]:
    width = len(columns)
    places = Places({column: place for place, column in reversed(list(enumerate(columns)))})
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            number = above + reader.line_num
            if not any(cells):
                continue
            if (len(cells) != width and any(cells[width:])) or len(cells) < width:
                rest = next(reader, None)  # a file cut off within a row gets another code than one that is wrong
                detail = f"Row {number} has {len(cells)} cells, and the header row {width}."
                raise Unreadable(number, "record_invalid" if rest else "file_truncated", detail)
            yield Row(number, cells, places)
    except csv.Error as fault:
        number = above + reader.line_num
        code = "file_truncated" if "unexpected end" in str(fault) else "record_invalid"
        raise Unreadable(number, code, f"Row {number} has a quotation mark out of place, or no end.") from None

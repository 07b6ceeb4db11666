"""Excel workbooks: the sheet is read as CSV, so that each format has to know one kind of file only.

Row n of the sheet is line n. Numbers are written as Excel shows them, with 15 digits: it knows no more, and what
stands behind them is the error of binary fractions. Of a long number in a cell (a reference that is not kept as text)
Excel has cut off the rest before it saved the file.
"""

import csv
import io
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import IO, BinaryIO, Final

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError, WorksheetNotFound

from reconciliation.formats.base import Unreadable

MAGIC: Final = b"PK\x03\x04"
OLD_MAGIC: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # .xls, or a workbook with a password
BOOK: Final = "xl/workbook.xml"
MOST_BYTES: Final = 100_000_000  # unpacked: the reader holds a whole sheet, three million cells in 300 MB
# What a ZIP file raises that is damaged, or encrypted.
_BROKEN: Final = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)
_DIGITS: Final = ".15g"
_BREAKS: Final = re.compile(r"[\r\n]+")
_MASKED: Final = re.compile(rb't="n"([^>]*><v>\*)|(<c\b(?![^>]*\bt=)[^>]*)(><v>\*)')


class SheetAsCsv(io.BufferedReader):
    """A sheet as CSV, which is gone when it is closed: a file of its own, so that a workbook is recognized by it."""


def is_workbook(names: list[str]) -> bool:
    """Return whether a ZIP with these files is an Excel workbook."""
    return BOOK in names


@contextmanager
def sheet_as_csv(stream: BinaryIO, sheet: str = "") -> Iterator[BinaryIO]:
    """Yield a sheet (the first one with content if it is not named) as CSV in UTF-8.

    Raises:
        Unreadable: a workbook that is damaged, protected, too large or empty, or that has no such sheet.
    """
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", newline="") as copy:
        _write(_sheet(stream, sheet), copy)
        with SheetAsCsv(io.FileIO(copy.name)) as rows:
            yield rows


def sheet_names(stream: BinaryIO) -> list[str]:
    """Return the names of a workbook's sheets.

    Raises:
        Unreadable: a workbook that cannot be opened.
    """
    return _opened(stream).sheet_names


def _write(sheet: CalamineSheet, target: IO[str]) -> None:
    csv.writer(target, lineterminator="\n").writerows([_cell(value) for value in row] for row in sheet.iter_rows())
    target.flush()


def _sheet(stream: BinaryIO, name: str) -> CalamineSheet:
    book = _opened(stream)
    try:
        for each in [name] if name else book.sheet_names:
            found = _read(book, stream, each)
            if found.height:
                return found
    except WorksheetNotFound:
        names = ", ".join(book.sheet_names)
        raise Unreadable(None, "workbook_invalid", f"The workbook has no sheet {name!r}, only {names}.") from None
    raise Unreadable(None, "workbook_empty", "The workbook has no rows in any sheet.")


def _opened(stream: BinaryIO) -> CalamineWorkbook:
    _check_size(stream)
    try:
        return CalamineWorkbook.from_filelike(stream)
    except PasswordError:
        detail = "The workbook is protected by a password. Save it without one, and send it again."
        raise Unreadable(None, "workbook_protected", detail) from None
    except (CalamineError, OSError):
        detail = "The workbook is damaged. Fetch it again where it came from, or save it as CSV."
        raise Unreadable(None, "workbook_invalid", detail) from None


def _check_size(stream: BinaryIO) -> None:
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except _BROKEN:
        detail = "The workbook is damaged. Fetch it again where it came from, or save it as CSV."
        raise Unreadable(None, "workbook_invalid", detail) from None
    stream.seek(0)
    if size > MOST_BYTES:
        detail = f"The workbook has more than {MOST_BYTES // 1_000_000} MB of content. Save it as CSV and send that."
        raise Unreadable(None, "workbook_too_large", detail)


def _read(book: CalamineWorkbook, stream: BinaryIO, name: str) -> CalamineSheet:
    try:
        return book.get_sheet_by_name(name)
    except WorksheetNotFound:
        raise
    except CalamineError:
        pass
    # A card number that was masked in a cell of digits: it is text now, and the cell still says that it is a number.
    try:
        return CalamineWorkbook.from_filelike(_with_masked_cells_as_text(stream)).get_sheet_by_name(name)
    except (CalamineError, *_BROKEN):
        detail = f"Sheet {name!r} cannot be read. Save it as CSV and send that."
        raise Unreadable(None, "workbook_invalid", detail) from None


def _with_masked_cells_as_text(stream: BinaryIO) -> BinaryIO:
    copy = io.BytesIO()
    stream.seek(0)
    with zipfile.ZipFile(stream) as source, zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if name.startswith("xl/worksheets/"):
                content = _MASKED.sub(_as_text, content)
            target.writestr(name, content)
    copy.seek(0)
    return copy


def _as_text(match: re.Match[bytes]) -> bytes:
    if match[1] is not None:
        return b't="str"' + match[1]
    return match[2] + b' t="str"' + match[3]


def _cell(value: float | str | bool | time | date | datetime | timedelta) -> str:
    match value:
        case str():
            return _BREAKS.sub(" ", value)
        case bool():
            return "TRUE" if value else "FALSE"
        case int() | float():
            return f"{Decimal(format(value, _DIGITS)):f}"
        case datetime():
            return value.isoformat(" ", "seconds")
        case date() | time():
            return value.isoformat()
        case timedelta():
            return str(value)

"""Excel workbooks are read as CSV, and one that cannot be is refused in words that a bookkeeper understands."""

import io
import zipfile
from typing import Any

import pytest

from reconciliation.formats.base import Unreadable
from reconciliation.formats.workbook import MOST_BYTES, sheet_as_csv
from tests.reconciliation.conftest import Shop, codes
from tests.reconciliation.spreadsheets import workbook

CARD = "4111111111111111"


def damaged(book: bytes) -> bytes:
    """A workbook whose sheet cannot be unpacked."""
    packed = zipfile.ZipFile(io.BytesIO(book)).getinfo("xl/worksheets/sheet1.xml")
    start = packed.header_offset + 30 + len(packed.filename)
    return book[:start] + b"\xff" * packed.compress_size + book[start + packed.compress_size :]


def read(content: bytes, sheet: str = "") -> list[str]:
    with sheet_as_csv(io.BytesIO(content), sheet) as rows:
        return rows.read().decode().splitlines()


def test_numbers_are_written_as_excel_shows_them() -> None:
    book = workbook("a,b,c\n1234.5600000000001,0.30000000000000004,12\n")
    assert read(book) == ["a,b,c", "1234.56,0.3,12"]


def test_a_row_keeps_its_number_in_the_sheet() -> None:
    assert read(workbook("a,b\n1,2\n", above=2)) == [",", ",", "a,b", "1,2"]


def test_an_unknown_sheet_says_what_to_do(shop: Shop) -> None:
    file = shop.sends(workbook("Datum,Bedrag\n2026-11-21,12.50\n"), "ccv.xlsx")
    assert (file.status, codes(file)) == ("refused", ["format_not_recognized"])
    assert (
        file.problems[0]["detail"] == "This is an Excel sheet. Save it as CSV, or make a mapping for it under Settings."
    )


def test_an_old_workbook_or_one_with_a_password_says_what_to_do(shop: Shop) -> None:
    file = shop.sends(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 4000, "old.xls")
    assert (file.status, codes(file)) == ("refused", ["workbook_old"])
    assert "Save it as CSV" in file.problems[0]["detail"]


def test_a_card_number_is_masked_within_a_workbook(shop: Shop) -> None:
    file = shop.sends(workbook(f"a,b\n{CARD},x\n"), "cards.xlsx")
    assert file.masked == 1
    with file.file.open("rb") as stream:
        kept = stream.read()
    assert read(kept) == ["a,b", "************1111,x"]


def test_a_workbook_stays_readable_where_a_number_was_masked_in_a_cell_of_digits() -> None:
    book = repacked(workbook("a,b\n4111,x\n"), b"<v>4111</v>", b"<v>************1111</v>")
    assert read(book) == ["a,b", "************1111,x"]


def test_a_workbook_in_a_zip_is_refused(shop: Shop) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("report.xlsx", workbook("a,b\n1,2\n"))
    file = shop.sends(stream.getvalue(), "reports.zip")
    assert (file.status, codes(file)) == ("refused", ["archive_nested"])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        pytest.param(lambda book: book[: len(book) // 2], "workbook_invalid", id="cut off"),
        pytest.param(lambda book: repacked(book, b"<sheetData>", b"<sheet"), "workbook_invalid", id="no XML"),
        pytest.param(lambda book: repacked(book, b"<v>1</v>", b"<v>one</v>"), "workbook_invalid", id="no number"),
        pytest.param(damaged, "workbook_invalid", id="damaged"),
        pytest.param(lambda book: workbook(""), "workbook_empty", id="empty"),
        pytest.param(lambda book: repacked(book, b"<sheetData>", b" " * MOST_BYTES), "workbook_too_large", id="huge"),
    ],
)
def test_what_cannot_be_read_is_refused(spoil: Any, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        read(spoil(workbook("a,b\n1,2\n")))
    assert refused.value.problem.code == code


def test_a_sheet_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(Unreadable, match="only Report"):
        read(workbook("a,b\n"), "November")


def repacked(book: bytes, old: bytes, new: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as source, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(old, new))
    return stream.getvalue()

"""Files that come packed: banks deliver several days in one ZIP, and an Excel workbook is a ZIP, too."""

import gzip
import re
import zipfile
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from reconciliation.formats.base import Unreadable
from reconciliation.formats.unpacked import DAMAGED, GZIP, as_utf_8, damaged, too_large, unpacked
from reconciliation.formats.workbook import OLD_MAGIC, is_workbook, sheet_as_csv

MAGIC: Final = b"PK\x03\x04"
MOST_FILES: Final = 1000
MOST_RATIO: Final = 200  # unpacked to packed; statements come to 20, and a bomb to 1,000
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")  # card numbers in one could not be masked there
ANY_RATIO: Final = 1_000_000  # bytes that are not worth the question
# What operating systems leave in an archive, and nobody put there.
_LITTER: Final = re.compile(r"(?:^|/)(?:__MACOSX/|\.|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
_BESIDE: Final = re.compile(r"(?:^|/)(?:read[ _-]?me|lees[ _-]?mij)[^/]*$|\.pdf$", re.IGNORECASE)


def stands_beside(name: str) -> bool:
    """Whether a file of an archive is there for people: how to read it, or the same on paper."""
    return _BESIDE.search(name) is not None


def documents(
    stream: BinaryIO, name: str, *, most_bytes: int, sheet: str = "", unpack_workbooks: bool = False
) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the file itself, what is in a gzip, a workbook's sheet as CSV, or each file of a ZIP by their names.

    UTF-16 comes as UTF-8. Where card numbers are masked, `unpack_workbooks` gives what a workbook consists of instead
    of its sheet, and each text as it is.

    Raises:
        Unreadable: a damaged, encrypted or empty archive, one within another, or one that unpacks beyond `most_bytes`
            or to more than `MOST_RATIO` times its size; a workbook that cannot be read. What is damaged may show only
            while a document is read.
    """
    for title, document in _documents(stream, name, most_bytes, sheet, unpack_workbooks):
        yield title, document if unpack_workbooks else as_utf_8(document)


def _documents(
    stream: BinaryIO, name: str, most_bytes: int, sheet: str, unpack_workbooks: bool
) -> Iterator[tuple[str, BinaryIO]]:
    head = stream.read(len(OLD_MAGIC))
    stream.seek(0)
    if head == OLD_MAGIC:
        detail = (
            "This is an Excel file of the old kind, or one with a password. Save it as CSV or as .xlsx without one."
        )
        raise Unreadable(None, "workbook_old", detail)
    if head.startswith(GZIP):
        with gzip.GzipFile(fileobj=stream) as packed:
            yield name.removesuffix(".gz"), unpacked(cast(BinaryIO, packed), most_bytes=most_bytes)
        return
    if not head.startswith(MAGIC):
        yield name, stream
        return
    try:
        with zipfile.ZipFile(stream) as archive:
            members = _members(archive, most_bytes, litter=unpack_workbooks)
            workbook = is_workbook(archive.namelist()) and not unpack_workbooks
            for member in [] if workbook else members:
                with archive.open(member) as packed_member:
                    yield member.filename, unpacked(cast(BinaryIO, packed_member), most_bytes=most_bytes)
    except DAMAGED:
        raise damaged() from None
    if workbook:
        with sheet_as_csv(stream, sheet) as rows:
            yield name, rows


def _members(archive: zipfile.ZipFile, most_bytes: int, *, litter: bool) -> list[zipfile.ZipInfo]:
    # Reading stops at the size that the directory states, so a bomb cannot unpack to more than this sum.
    files = (member for member in archive.infolist() if not member.is_dir())
    members = sorted(
        (member for member in files if litter or not _LITTER.search(member.filename)), key=lambda one: one.filename
    )
    if not members:
        raise Unreadable(None, "format_not_recognized", "The ZIP file has no files in it.")
    if len(members) > MOST_FILES:
        detail = f"The ZIP file holds {len(members):,} files, and at most {MOST_FILES:,} are read. Send it in parts."
        raise Unreadable(None, "archive_too_large", detail)
    if sum(member.file_size for member in members) > most_bytes:
        raise too_large(most_bytes)
    size = sum(member.file_size for member in members)
    if size > max(ANY_RATIO, MOST_RATIO * sum(member.compress_size for member in members)):
        raise Unreadable(None, "archive_too_large", f"The ZIP file unpacks to more than {MOST_RATIO} times its size.")
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable(None, "archive_encrypted", "The ZIP file is encrypted. Unpack it and send what is in it.")
    if any(member.filename.lower().endswith(".zip") for member in members):
        raise Unreadable(None, "archive_nested", "The ZIP file holds another. Unpack it and send what is in it.")
    if any(member.filename.lower().endswith(_WORKBOOKS) for member in members):
        detail = "The ZIP file holds an Excel workbook. Unpack it and send the workbook by itself."
        raise Unreadable(None, "archive_nested", detail)
    return members

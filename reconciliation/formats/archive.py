"""Files that come packed: banks deliver several days in one ZIP, and an Excel workbook is a ZIP, too."""

import zipfile
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from reconciliation.formats.base import Unreadable
from reconciliation.formats.workbook import OLD_MAGIC, is_workbook, sheet_as_csv

MAGIC: Final = b"PK\x03\x04"
MOST_FILES: Final = 1000
MOST_RATIO: Final = 200  # unpacked to packed; statements come to 20, and a bomb to 1,000
_WORKBOOKS: Final = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")  # card numbers in one could not be masked there
ANY_RATIO: Final = 1_000_000  # bytes that are not worth the question


def documents(
    stream: BinaryIO, name: str, *, most_bytes: int, sheet: str = "", unpack_workbooks: bool = False
) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the file itself, a workbook's sheet as CSV, or each file of a ZIP in the order of their names.

    Where card numbers are masked, `unpack_workbooks` gives what a workbook consists of instead of its sheet.

    Raises:
        Unreadable: a damaged, encrypted or empty archive, one within another, or one that unpacks beyond `most_bytes`
            or to more than `MOST_RATIO` times its size; a workbook that cannot be read.
    """
    head = stream.read(len(OLD_MAGIC))
    stream.seek(0)
    if head == OLD_MAGIC:
        detail = (
            "This is an Excel file of the old kind, or one with a password. Save it as CSV or as .xlsx without one."
        )
        raise Unreadable(None, "workbook_old", detail)
    if not head.startswith(MAGIC):
        yield name, stream
        return
    try:
        with zipfile.ZipFile(stream) as archive:
            members = _members(archive, most_bytes)
            workbook = is_workbook(archive.namelist()) and not unpack_workbooks
            for member in [] if workbook else members:
                with archive.open(member) as unpacked:
                    yield member.filename, cast(BinaryIO, unpacked)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as fault:
        raise Unreadable(None, "archive_invalid", f"The ZIP file cannot be unpacked: {fault}.") from None
    if workbook:
        with sheet_as_csv(stream, sheet) as rows:
            yield name, rows


def _members(archive: zipfile.ZipFile, most_bytes: int) -> list[zipfile.ZipInfo]:
    # Reading stops at the size that the directory states, so a bomb cannot unpack to more than this sum.
    members = sorted((member for member in archive.infolist() if not member.is_dir()), key=lambda one: one.filename)
    if not members:
        raise Unreadable(None, "format_not_recognized", "The ZIP file has no files in it.")
    if len(members) > MOST_FILES or sum(member.file_size for member in members) > most_bytes:
        raise Unreadable(None, "archive_too_large", f"The ZIP file unpacks to more than {most_bytes} bytes.")
    unpacked = sum(member.file_size for member in members)
    if unpacked > max(ANY_RATIO, MOST_RATIO * sum(member.compress_size for member in members)):
        raise Unreadable(None, "archive_too_large", f"The ZIP file unpacks to more than {MOST_RATIO} times its size.")
    if any(member.flag_bits & 1 for member in members):
        raise Unreadable(None, "archive_encrypted", "The ZIP file is encrypted. Unpack it and send what is in it.")
    if any(member.filename.lower().endswith(".zip") for member in members):
        raise Unreadable(None, "archive_nested", "The ZIP file holds another. Unpack it and send what is in it.")
    if any(member.filename.lower().endswith(_WORKBOOKS) for member in members):
        detail = "The ZIP file holds an Excel workbook. Unpack it and send the workbook by itself."
        raise Unreadable(None, "archive_nested", detail)
    return members

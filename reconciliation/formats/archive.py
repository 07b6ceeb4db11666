"""Files that come packed: banks deliver several days in one ZIP."""

import zipfile
from collections.abc import Iterator
from typing import BinaryIO, Final, cast

from reconciliation.formats.base import Unreadable

MAGIC: Final = b"PK\x03\x04"
MOST_FILES: Final = 1000
MOST_RATIO: Final = 200  # unpacked to packed; statements come to 20, and a bomb to 1,000
ANY_RATIO: Final = 1_000_000  # bytes that are not worth the question


def documents(stream: BinaryIO, name: str, *, most_bytes: int) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the file itself, or each file of a ZIP in the order of their names, opened for reading.

    Raises:
        Unreadable: a damaged, encrypted or empty archive, one within another, or one that unpacks beyond `most_bytes`
            or to more than `MOST_RATIO` times its size.
    """
    head = stream.read(len(MAGIC))
    stream.seek(0)
    if head != MAGIC:
        yield name, stream
        return
    try:
        with zipfile.ZipFile(stream) as archive:
            for member in _members(archive, most_bytes):
                with archive.open(member) as unpacked:
                    yield member.filename, cast(BinaryIO, unpacked)
    except (zipfile.BadZipFile, NotImplementedError, EOFError) as fault:
        raise Unreadable(None, "archive_invalid", f"The ZIP file cannot be unpacked: {fault}.") from None


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
    return members

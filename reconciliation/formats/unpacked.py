"""Streams that undo how a file is packed or encoded while it is read, and refuse damage where it shows."""

import codecs
import gzip
import io
import zipfile
import zlib
from typing import BinaryIO, Final, cast

from reconciliation.formats.base import Unreadable
from reconciliation.formats.text import UTF_16

GZIP: Final = b"\x1f\x8b"
CHUNK: Final = 65_536
DAMAGED: Final = (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError, NotImplementedError)
_HEAD: Final = 4  # bytes that tell UTF-16 from the rest


def damaged() -> Unreadable:
    """The refusal of a packed file that is not as it was packed."""
    detail = "The file is damaged and cannot be unpacked. Fetch it again where it came from."
    return Unreadable(None, "archive_invalid", detail)


def too_large(most_bytes: int) -> Unreadable:
    """The refusal of a packed file that is far too large inside."""
    detail = f"The file unpacks to more than {most_bytes // 1_000_000} MB. Send it in parts."
    return Unreadable(None, "archive_too_large", detail)


class _Unpacked(io.RawIOBase):
    """A packed source; what is wrong with it is an `Unreadable` at the place where it shows."""

    def __init__(self, source: BinaryIO, most_bytes: int) -> None:
        self._source, self._most, self._count = source, most_bytes, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._count = 0
        return self._source.seek(offset, whence)

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        try:
            piece = self._source.read(len(buffer))
        except DAMAGED:
            raise damaged() from None
        self._count += len(piece)
        if self._count > self._most:
            raise too_large(self._most)
        buffer[: len(piece)] = piece
        return len(piece)


class _Recoded(io.RawIOBase):
    """UTF-16 text as UTF-8."""

    def __init__(self, source: BinaryIO, codec: str) -> None:
        self._source, self._codec = source, codec
        self._begin()

    def _begin(self) -> None:
        self._decoder = codecs.getincrementaldecoder(self._codec)()
        self._left = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if offset or whence:
            raise io.UnsupportedOperation("only back to the beginning")
        self._begin()
        return self._source.seek(0)

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        while not self._left:
            piece = self._source.read(CHUNK)
            try:
                self._left = self._decoder.decode(piece, final=not piece).encode()
            except UnicodeError:
                raise Unreadable(None, "encoding_invalid", "The file is no UTF-16 text. Save it as UTF-8.") from None
            if not piece:
                break
        part, self._left = self._left[: len(buffer)], self._left[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


def unpacked(source: BinaryIO, *, most_bytes: int) -> BinaryIO:
    """A packed stream, read in pieces of at most `most_bytes` together."""
    return cast(BinaryIO, io.BufferedReader(_Unpacked(source, most_bytes), CHUNK))


def as_utf_8(source: BinaryIO) -> BinaryIO:
    """The same text in UTF-8 where it is UTF-16; XML says itself what it is, and is left as it came."""
    head = source.read(_HEAD)
    source.seek(0)
    codec = next((codec for mark, codec in UTF_16.items() if head.startswith(mark)), None)
    if codec is None or "<" in head.decode(codec, "replace"):
        return source
    return cast(BinaryIO, io.BufferedReader(_Recoded(source, codec), CHUNK))

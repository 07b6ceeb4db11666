"""What of an uploaded file stays on the disk: all of it, but of card numbers the last four digits only.

Valid IBANs are left as they are, as our own ids are: some of them pass for a card number, and without them nobody
could tell whose statement it is.
"""

import codecs
import gzip
import re
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import BinaryIO, Final, cast

from django.conf import settings
from django.core.files.base import File

from payments.core.iban import compact
from payments.core.pan import card_numbers, mask_card_numbers, masked_at, outside
from reconciliation.formats.archive import MAGIC, documents
from reconciliation.formats.base import HEAD, Unreadable
from reconciliation.formats.unpacked import DAMAGED, GZIP

PIECE: Final = 1 << 20  # memory stays flat, and a megabyte takes milliseconds
MOST_SECONDS: Final = 900  # 2 GB take four minutes
LONGEST_WORD: Final = 1 << 16  # no format writes longer ones; beyond it any place between digits must do
_DIGITS: Final = "0123456789 -\r\n"
_WORDS: Final = _DIGITS + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
# All that zipfile lets out of a broken or hostile archive.
_UNPACKABLE: Final = (Unreadable, *DAMAGED, RuntimeError)
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])([A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}?)(?:[A-Z]{3})?(?![A-Za-z0-9])")
# Banks' older formats break what they say at a column, within a number too; in others a line is a record.
_BROKEN: Final = re.compile(r"(?m)^(?:\{1:|:20:)")
_BREAK: Final = re.compile(r"(?<=[0-9])\r?\n(?=[0-9])")
# UTF-16 by its byte order mark, or by its first "<": some tools write none before XML.
_MARKS: Final = {b"\xff\xfe": "utf-16-le", b"<\0": "utf-16-le", b"\xfe\xff": "utf-16-be", b"\0<": "utf-16-be"}


class TooSlow(Unreadable):
    """A file that keeps a worker too long: not to be mistaken for an archive that cannot be unpacked."""


@contextmanager
def masked_file(file: File[bytes]) -> Iterator[tuple[File[bytes], int]]:
    """Yield the masked file and the number of card numbers masked in it; the file itself if there are none.

    Raises:
        Unreadable: it takes longer than `MOST_SECONDS`.
    """
    source, deadline = cast(BinaryIO, file), time.monotonic() + MOST_SECONDS
    # Looked through first: nearly no file holds a card number, and then nothing is copied.
    packed, count = _counted(source, deadline)
    source.seek(0)
    if not count:
        yield file, 0
        return
    with tempfile.TemporaryFile() as copy:
        if packed == GZIP:
            _compress(source, copy, deadline)
        elif packed:
            _pack(source, copy, deadline)
        else:
            copy.writelines(piece for piece, _ in _masked(source, deadline))
        copy.seek(0)
        yield File(copy, name=file.name), count


def _counted(source: BinaryIO, deadline: float) -> tuple[bytes, int]:
    """How it is packed, if it can be unpacked (b"": not at all), and its card numbers.

    What cannot be unpacked is refused later, and looked through as it is.
    """
    head = source.read(len(MAGIC))
    source.seek(0)
    packed = next((magic for magic in (MAGIC, GZIP) if head.startswith(magic)), b"")
    if packed:
        try:
            return packed, sum(number for _, number in _unpacked(source, deadline))
        except TooSlow:
            raise
        except _UNPACKABLE:
            source.seek(0)
    return b"", sum(number for _, number in _masked(source, deadline))


def _unpacked(source: BinaryIO, deadline: float) -> Iterator[tuple[bytes, int]]:
    for name, document in _documents(source):
        yield b"", _mask(name, broken=False)[1]
        yield from _masked(document, deadline)


def _pack(source: BinaryIO, copy: BinaryIO, deadline: float) -> None:
    """The same files, masked, and their names too."""
    with zipfile.ZipFile(copy, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, document in _documents(source):
            with archive.open(mask_card_numbers(name), "w", force_zip64=True) as member:
                member.writelines(piece for piece, _ in _masked(document, deadline))


def _compress(source: BinaryIO, copy: BinaryIO, deadline: float) -> None:
    """The same text, masked."""
    with gzip.GzipFile(fileobj=copy, mode="wb") as packed:
        for _, document in _documents(source):
            packed.writelines(piece for piece, _ in _masked(document, deadline))


def _documents(source: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    return documents(source, "", most_bytes=settings.MAX_IMPORT_MB * 1_000_000, unpack_workbooks=True)


def _masked(source: BinaryIO, deadline: float) -> Iterator[tuple[bytes, int]]:
    """Its pieces, with how many card numbers were in each; a piece ends where no number goes on."""
    first = source.read(PIECE)
    codec = _MARKS.get(first[:2], "latin-1")  # of which every byte is a character, whatever it really is
    decoder = codecs.getincrementaldecoder(codec)("surrogatepass")
    text = decoder.decode(first)
    broken = _BROKEN.search(text[:HEAD]) is not None
    while text:
        if time.monotonic() > deadline:
            raise TooSlow(None, "file_not_masked", f"Looking through the file took more than {MOST_SECONDS} seconds.")
        # One piece ahead, to know whether this one is the last.
        more = decoder.decode(source.read(PIECE))
        end = _end(text) if more else len(text)
        masked, count = _mask(text[:end], broken=broken)
        yield masked.encode(codec, "surrogatepass"), count
        text = text[end:] + more
    yield decoder.getstate()[0], 0  # half a character, of a file that was cut off


def _end(text: str) -> int:
    """Where a piece may end: after no word, or (in what is no file of any bank) at least after no digit."""
    for within in (_WORDS, _DIGITS):
        end = len(text.rstrip(within))
        if len(text) - end <= LONGEST_WORD:
            return end
    return len(text)


def _mask(text: str, *, broken: bool) -> tuple[str, int]:
    breaks = list(_BREAK.finditer(text)) if broken else []
    joined = _BREAK.sub("", text) if breaks else text
    found = sorted(card_numbers(joined))
    places = list(outside(found, list(_ibans(joined)) if found else []))
    masked = masked_at(joined, places)
    for line_break in breaks:
        masked = masked[: line_break.start()] + line_break[0] + masked[line_break.start() :]
    apart = sum(later[0] >= earlier[1] for earlier, later in pairwise(places))
    return masked, apart + bool(places)


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Where valid IBANs stand, a currency behind them or not."""
    for match in _IBAN.finditer(text):
        # Longest first: an account's currency is often written right behind it.
        for end in (match.end(), match.end(1)):
            try:
                compact(text[match.start() : end])
            except ValueError:
                continue
            yield match.start(), end
            break

"""What text formats share: lines of bounded length out of a byte stream, strict amounts and times."""

import codecs
import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import BinaryIO, Final

from payments.core.money import EXPONENTS, MAX_AMOUNT, Money
from reconciliation.formats.base import Unreadable

# How UTF-16 begins: with its mark, or in XML and in MT940 without one.
UTF_16: Final = {
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
    b"<\0": "utf-16-le",
    b"\0<": "utf-16-be",
    b":\0": "utf-16-le",
    b"\0:": "utf-16-be",
}
MOST_BLANKS: Final = 100  # lines that wait for one with text
LONGEST_LINE: Final = 65_536
_AMOUNT: Final = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]+))?")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def head_text(head: bytes) -> str:
    """The beginning of a file as text, to recognize it by: UTF-16, or else each byte a character."""
    for mark, codec in UTF_16.items():
        if head.startswith(mark):
            return head[: len(head) // 2 * 2].decode(codec, "replace").removeprefix("\ufeff")
    return head.removeprefix(codecs.BOM_UTF8).decode("latin-1")


def lines(stream: BinaryIO, encoding: str = "utf-8") -> Iterator[str]:
    """Yield each line of text with its end; a byte order mark is dropped.

    Raises:
        Unreadable: bytes that are not of the encoding, a control character, or a line without an end.
    """
    for number, raw in _raw(stream):
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            detail = f"Line {number} is not {encoding.upper()} text."
            raise Unreadable(number, "encoding_invalid", detail) from None
        if _CONTROL.search(text):
            raise Unreadable(number, "character_invalid", f"Line {number} has a control character.")
        yield text.removeprefix("\ufeff") if number == 1 else text


def bank_lines(stream: BinaryIO) -> Iterator[str]:
    """Yield each line of a bank's list with its end: UTF-8, or Windows-1252 where a byte shows that it is not.

    Raises:
        Unreadable: bytes of neither, or of both in one file; a control character, or a line without an end.
    """
    seen: str | None = None  # the encoding that a byte beyond ASCII has proved
    for number, raw in _raw(stream):
        encoding = None if raw.isascii() else _proved(raw)
        if encoding == "" or (encoding and seen and encoding != seen):
            detail = f"Line {number} has characters in no encoding that banks use. Save the file as UTF-8."
            raise Unreadable(number, "encoding_invalid", detail)
        seen = encoding or seen
        text = raw.decode(seen or "ascii")
        if _CONTROL.search(text):
            raise Unreadable(number, "character_invalid", f"Line {number} has a control character.")
        yield text.removeprefix("\ufeff") if number == 1 else text


def _proved(raw: bytes) -> str:
    for encoding in ("utf-8", "cp1252"):
        try:
            raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding
    return ""


def lenient_lines(stream: BinaryIO) -> Iterator[tuple[int, str]]:
    """Yield number and text of each line of a format from before UTF-8, without its end and without framing characters.

    Raises:
        Unreadable: a line without an end.
    """
    for number, raw in _raw(stream):
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            text = raw.decode("latin-1")
        yield number, _CONTROL.sub("", text).removeprefix("\ufeff").rstrip("\r\n")


def with_next(lines: Iterator[tuple[int, str]]) -> Iterator[tuple[tuple[int, str], str]]:
    """Each line with the text of the one after it that is not blank."""
    waiting: list[tuple[int, str]] = []
    for line in lines:
        if line[1].strip():
            yield from ((earlier, line[1]) for earlier in waiting)
            waiting = []
        elif len(waiting) == MOST_BLANKS:
            continue
        waiting.append(line)
    yield from ((earlier, "") for earlier in waiting)


def _raw(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := stream.readline(LONGEST_LINE):
        number += 1
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            raise Unreadable(number, "line_too_long", f"Line {number} is longer than {LONGEST_LINE} bytes.")
        yield number, raw


def money(text: str, currency: str) -> Money:
    """Read an amount written with exactly the currency's decimals, a point before them and a minus for debts.

    Raises:
        ValueError: anything else, or an amount beyond what Onetill keeps.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or len(match[3] or "") != EXPONENTS[currency]:
        raise ValueError(f"{text!r} is no amount with {EXPONENTS[currency]} decimals")
    amount = int(text.replace(".", ""))  # all of its decimals are there
    if abs(amount) > MAX_AMOUNT:
        raise ValueError(f"{text} {currency} is beyond what can be booked")
    return Money(amount, currency)


def moment(text: str) -> datetime:
    """Read an RFC 3339 time that names its zone.

    Raises:
        ValueError: anything else.
    """
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        value = None
    if value is None or value.tzinfo is None or "T" not in text:
        raise ValueError(f"{text[:40]!r} is no time with a zone (2026-11-25T12:00:00Z)")
    return value


def day(text: str) -> date:
    """Read a day written as YYYY-MM-DD.

    Raises:
        ValueError: anything else.
    """
    try:
        value = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        value = None
    if value is None:
        raise ValueError(f"{text[:40]!r} is no day (YYYY-MM-DD)")
    return value

"""Texts as each kind of file can hold them: no control characters, no formulas, never cut within a character."""

import re
import unicodedata
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff\ud800-\udfff]+")
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def one_line(text: str, longest: int | None = None) -> str:
    """Without line ends, tabs and other control characters; cut after `longest` characters."""
    line = _CONTROL.sub(" ", text).strip()
    return line if longest is None else line[:longest].rstrip()


def xml(text: str, longest: int | None = None) -> str:
    """Without the characters that XML 1.0 does not have; cut after `longest` characters."""
    return _NOT_XML.sub("", text)[:longest]


def ascii_letters(text: str) -> str:
    """In letters without accents; what has none is a question mark's place, a dot."""
    folded = unicodedata.normalize("NFKD", text.replace("ß", "ss").replace("ø", "o").replace("Ø", "O"))
    return "".join(letter if letter.isascii() else "." for letter in folded if not unicodedata.combining(letter))

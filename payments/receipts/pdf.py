"""A receipt as a PDF of one narrow column, in any script that a font of this machine has.

Most receipts use Helvetica, which every PDF reader has, so that it need not be embedded. Names beyond Western European
letters need a font of this machine (`RECEIPT_FONT`, or one of those below); the used part of it is embedded. Without
one, letters lose their accents or become question marks, and the receipt is sent all the same.
"""

import logging
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import segno
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from payments.receipts.contents import Line, Receipt

WESTERN: Final = "windows-1252"
MINUS: Final = "\N{MINUS SIGN}"  # not in windows-1252
FONTS: Final = (
    ("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf", "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/TTF/DejaVuSans.ttf", "/usr/share/fonts/TTF/DejaVuSans-Bold.ttf"),
    ("/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf", "/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf"),
    ("/Library/Fonts/Arial Unicode.ttf", "/Library/Fonts/Arial Unicode.ttf"),
)
SIZE: Final = (105, 240)  # millimeters: a receipt, not a letter
MARGIN: Final = 8
HEIGHT: Final = 4.6  # of a line
NAMES: Final = 0.42  # of the width
CODE: Final = 20  # millimeters: read by a telephone from a hand's breadth

# They warn of each letter that a font lacks, at every receipt; a name may hold one.
logging.getLogger("fpdf").setLevel(logging.ERROR)
logging.getLogger("fontTools").setLevel(logging.ERROR)


def written(receipt: Receipt, at: datetime) -> bytes:
    """Return the PDF file; the same receipt with the same `at` gives the same bytes."""
    paper = Paper(receipt, at)
    paper.draw(receipt)
    paper.code(receipt.number)
    return bytes(paper.pdf.output())


class Paper:
    """A PDF page, and the elements of a receipt that are drawn on it."""

    def __init__(self, receipt: Receipt, at: datetime) -> None:
        self.pdf = FPDF(format=SIZE)
        self.pdf.set_margins(MARGIN, MARGIN)
        self.pdf.set_auto_page_break(True, MARGIN)
        self.pdf.set_title(f"{receipt.title} {receipt.number}")
        self.pdf.set_lang(get_language() or "en")
        self.pdf.set_creation_date(at)
        self.family, self.plain = choose_font(self.pdf, _words(receipt))
        self.pdf.add_page()

    def draw(self, receipt: Receipt) -> None:
        """Draw all of a receipt."""
        self.head(receipt)
        for block in receipt.blocks:
            self.rule()
            for line in block:
                self.line(line)
        self.rule()
        for note in receipt.notes:
            self.text(note, size=8)

    def head(self, receipt: Receipt) -> None:
        """Draw the seller, the title and the amount."""
        self.text(receipt.shop, bold=True, size=12)
        for line in receipt.seller:
            self.text(line)
        self.rule()
        if receipt.test_mode:
            self.text(_("Test: no money moves."), bold=True)
        self.text(f"{receipt.title}  {receipt.amount}", bold=True, size=14)

    def text(self, text: str, *, bold: bool = False, size: float = 9) -> None:
        """Draw a text over the whole width."""
        self._pen(bold=bold, size=size)
        self._write(self.pdf.epw, text, size, align="L")

    def line(self, line: Line) -> None:
        """Draw a name at the left and its value at the right."""
        self._pen(bold=line.strong, size=9)
        top, left = self.pdf.get_y(), self.pdf.epw * NAMES
        self._write(left, line.name, 9, align="L")
        bottom = self.pdf.get_y()
        if bottom < top:  # the name began another page
            top = self.pdf.t_margin
        self.pdf.set_xy(self.pdf.l_margin + left, top)
        self._write(self.pdf.epw - left, line.value, 9, align="R")
        self.pdf.set_y(max(bottom, self.pdf.get_y()))

    def rule(self) -> None:
        """Draw a thin rule."""
        y = self.pdf.get_y() + 2
        self.pdf.set_draw_color(150)
        self.pdf.line(self.pdf.l_margin, y, self.pdf.w - self.pdf.r_margin, y)
        self.pdf.set_y(y + 2)

    def code(self, number: str) -> None:
        """Draw the receipt's number as a QR code, by which a counter's camera finds the purchase again."""
        rows = [bytes(row) for row in segno.make(number, error="m", micro=False).matrix]
        size = CODE / len(rows)
        if self.pdf.will_page_break(CODE + 2):
            self.pdf.add_page()
        top = self.pdf.get_y() + 2
        self.pdf.set_fill_color(0)
        for y, row in enumerate(rows):
            for x, length in _runs(row):
                self.pdf.rect(self.pdf.l_margin + x * size, top + y * size, length * size, size, style="F")

    def _pen(self, *, bold: bool, size: float) -> None:
        self.pdf.set_font(self.family, style="B" if bold else "", size=size)

    def _write(self, width: float, text: str, size: float, *, align: str) -> None:
        drawn = westernized(text) if self.plain else text
        place: dict[str, Any] = {"new_x": XPos.LMARGIN, "new_y": YPos.NEXT}
        self.pdf.multi_cell(width, HEIGHT * size / 9, drawn, align=align, **place)


def _runs(row: bytes) -> Iterator[tuple[int, int]]:
    """Where dark stretches of a row begin, and how long they are: one rectangle each leaves no seams."""
    at = 0
    for dark, stretch in groupby(row):
        length = len(list(stretch))
        if dark:
            yield at, length
        at += length


def choose_font(pdf: FPDF, words: Iterable[str]) -> tuple[str, bool]:
    """Return the font family, and whether it has Western European letters only."""
    found = None if all(map(_is_western, words)) else _found()
    if found is None:
        pdf.core_fonts_encoding = WESTERN
        return "helvetica", True
    for style, path in zip(("", "B"), found, strict=True):
        pdf.add_font("own", style=style, fname=path)
    return "own", False


def _found() -> tuple[str, str] | None:
    own = settings.RECEIPT_FONT
    candidates = ((own, own), *FONTS) if own else FONTS
    return next((pair for pair in candidates if all(Path(path).is_file() for path in pair)), None)


def _words(receipt: Receipt) -> Iterable[str]:
    yield from (receipt.title, receipt.shop, receipt.number, receipt.amount, *receipt.seller, *receipt.notes)
    for line in (line for block in receipt.blocks for line in block):
        yield from (line.name, line.value)


def _is_western(text: str) -> bool:
    return text.replace(MINUS, "-") == westernized(text)


def westernized(text: str) -> str:
    """Return the text in letters that Helvetica has: others without their accents, the rest as question marks."""
    text = text.replace(MINUS, "-")
    try:
        text.encode(WESTERN)
    except UnicodeEncodeError:
        bare = unicodedata.normalize("NFKD", text)
        plain = "".join(letter for letter in bare if not unicodedata.combining(letter))
        return plain.encode(WESTERN, "replace").decode(WESTERN)
    return text

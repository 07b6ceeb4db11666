"""A day report as a PDF of A4 pages, to be kept or printed."""

from collections.abc import Iterable, Sequence

from django.utils.translation import get_language
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import TableBordersLayout
from fpdf.fonts import FontFace

from payments.core.money import Money
from payments.receipts.pdf import choose_font, westernized
from payments.text.formatting import amount, day, moment
from terminals.day_report import Cell, DayReport, Table

MARGIN = 15  # millimeters


def written(report: DayReport) -> bytes:
    """Return the PDF file; the same report gives the same bytes."""
    return bytes(_Paper(report).pdf.output())


class _Paper:
    """The pages, and how a report's tables are drawn on them."""

    def __init__(self, report: DayReport) -> None:
        self.pdf = FPDF(format="A4")
        self.pdf.set_margins(MARGIN, MARGIN)
        self.pdf.set_auto_page_break(True, MARGIN)
        self.pdf.set_title(f"{_('Day report')} {report.about} {report.day.isoformat()}")
        self.pdf.set_lang(get_language() or "en")
        self.pdf.set_creation_date(report.made_at)
        self.family, self.plain = choose_font(self.pdf, _words(report))
        self.pdf.add_page()
        self._head(report)
        for table in report.tables:
            self._table(table)

    def _head(self, report: DayReport) -> None:
        merchant = report.channel.merchant
        self._text(f"{_('Day report')} {day(report.day)}", size=16, bold=True)
        self._text(report.about, size=12, bold=True)
        self._text(merchant.name)
        if merchant.test_mode:
            self._text(_("Test: no money moves."), bold=True)
        self._text(_("Made on %(moment)s") % {"moment": moment(report.made_at, merchant.zone)})

    def _text(self, text: str, *, size: float = 9, bold: bool = False) -> None:
        self.pdf.set_font(self.family, style="B" if bold else "", size=size)
        self.pdf.multi_cell(self.pdf.epw, size * 0.55, self._drawn(text), new_x="LMARGIN", new_y="NEXT")

    def _table(self, table: Table) -> None:
        self.pdf.ln(4)
        self._text(table.title, size=11, bold=True)
        if not table.rows:
            self._text(table.empty)
            return
        self.pdf.set_font(self.family, size=8)
        with self.pdf.table(
            borders_layout=TableBordersLayout.HORIZONTAL_LINES,
            headings_style=FontFace(emphasis="BOLD"),
            text_align=tuple("RIGHT" if _is_number(cell) else "LEFT" for cell in _model(table)),
            line_height=4.5,
        ) as drawn:
            drawn.row([self._drawn(_capital(column)) for column in table.columns])
            for row in table.rows:
                drawn.row([self._drawn(cell_text(cell)) for cell in row])
            for row in table.totals:
                drawn.row([self._drawn(cell_text(cell)) for cell in row], style=FontFace(emphasis="BOLD"))

    def _drawn(self, text: str) -> str:
        return westernized(text) if self.plain else text


def cell_text(cell: Cell) -> str:
    """A cell as it is written in the reader's language."""
    return amount(cell.amount, cell.currency) if isinstance(cell, Money) else str(cell)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _model(table: Table) -> Sequence[Cell]:
    """For each column a cell that tells what stands in it."""
    return [next((row[at] for row in table.rows if _is_number(row[at])), "") for at in range(len(table.columns))]


def _is_number(cell: Cell) -> bool:
    return isinstance(cell, Money | int)


def _words(report: DayReport) -> Iterable[str]:
    yield from (report.about, report.channel.merchant.name, _("Day report"))
    for table in report.tables:
        yield from (table.title, table.empty, *table.columns)
        yield from (cell_text(cell) for row in (*table.rows, *table.totals) for cell in row)

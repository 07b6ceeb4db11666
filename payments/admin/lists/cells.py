"""The cells of a list as a file has them: amounts are numbers, moments are dates, texts are nobody's formula."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from html import unescape
from typing import Any

from django.contrib.admin.utils import label_for_field, lookup_field
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from payments.admin.base.access import ScopedAdmin
from payments.admin.base.render import NOTHING, MomentCell, MoneyCell
from payments.core.money import Money
from payments.text.spreadsheets import no_formula

Cell = str | Decimal | datetime | int


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a file; one of amounts has the currency behind them all."""

    pages: ScopedAdmin
    names: Sequence[str]

    def titles(self) -> list[str]:
        """The heads; the last is of the amounts' currency."""
        labels = [label_for_field(name, self.pages.model, model_admin=self.pages) for name in self.names]
        return [*(capfirst(str(label)) for label in labels), capfirst(_("currency"))]

    def cells(self, row: Any) -> list[Cell]:
        """One row."""
        shown = [self._shown(row, name) for name in self.names]
        currencies = dict.fromkeys(cell.currency for cell in shown if isinstance(cell, MoneyCell) and cell.currency)
        return [*(_plain(cell) for cell in shown), ", ".join(currencies)]

    def _shown(self, row: Any, name: str) -> Any:
        field, _attribute, value = lookup_field(name, row, self.pages)
        choices = dict(getattr(field, "flatchoices", None) or ())
        return choices.get(value, value)


def pieces(rows: Any, complete: Any, size: int) -> Iterator[list[Any]]:
    """Rows of a query as they come, a piece at a time, each completed as its page would be."""
    piece: list[Any] = []
    for row in rows.iterator(chunk_size=size):
        piece.append(row)
        if len(piece) == size:
            yield complete(piece)
            piece = []
    if piece:
        yield complete(piece)


def _plain(shown: Any) -> Cell:
    if isinstance(shown, MoneyCell):
        return "" if shown.minor is None else Money(shown.minor, shown.currency).to_decimal()
    if isinstance(shown, MomentCell):
        return "" if shown.at is None else shown.at.replace(microsecond=0, tzinfo=None)
    if isinstance(shown, int) and not isinstance(shown, bool):
        return shown
    text = unescape(strip_tags(shown)) if isinstance(shown, SafeString) else str("" if shown is None else shown)
    return "" if text == NOTHING else no_formula(" ".join(text.split()))

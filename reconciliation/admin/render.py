"""What the pages of reconciliation show beside `payments.admin.base.render`: sums, rows and lists."""

from typing import Any

from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from payments.admin.base.access import may_open, row_url
from payments.admin.base.render import NOTHING, amount, money


def column(value: int | None, currency: str | None) -> str | SafeString:
    """An amount for a column of a list, a dash where there is none."""
    return NOTHING if value is None or currency is None else money(value, currency)


def text(value: int | None, currency: str | None) -> str:
    """An amount within a text."""
    return NOTHING if value is None or currency is None else amount(value, currency)


def row_link(row: Model | None, words: str = "") -> str | SafeString:
    """The page of a row, by its name, where the reader may open it."""
    if row is None:
        return NOTHING
    if not may_open(type(row)):
        return words or str(row)
    return format_html('<a href="{}" class="ot-link">{}</a>', row_url(type(row), row.pk), words or str(row))


def list_link(words: Any, page: str, **filters: Any) -> SafeString:
    """A filtered list."""
    address = f"{reverse(f'admin:{page}')}?{urlencode(filters)}"
    return format_html('<a href="{}" class="ot-link">{}</a>', address, words)

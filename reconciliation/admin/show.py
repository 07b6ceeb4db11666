"""What the pages of reconciliation show beside `payments.admin.show`: sums that a file may not have, and lists."""

from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from payments.admin.show import NOTHING, amount, money


def column(value: int | None, currency: str | None) -> str | SafeString:
    """An amount for a column of a list, a dash where there is none."""
    return NOTHING if value is None or currency is None else money(value, currency)


def text(value: int | None, currency: str | None) -> str:
    """An amount within a text."""
    return NOTHING if value is None or currency is None else amount(value, currency)


def file_link(file_id: str | None) -> str | SafeString:
    """A settlement file's page."""
    if not file_id:
        return NOTHING
    address = reverse("admin:reconciliation_settlementfile_change", args=[file_id])
    return format_html('<a href="{}" class="ot-link">{}</a>', address, file_id)


def list_link(text: str, page: str, **filters: str) -> SafeString:
    """A filtered list."""
    address = f"{reverse(f'admin:{page}')}?{urlencode(filters)}"
    return format_html('<a href="{}" class="ot-link">{}</a>', address, text)

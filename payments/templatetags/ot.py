"""Amounts and moments in templates, as `payments.text.formatting` writes them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template

from payments.text import formatting

register = template.Library()


@register.filter
def money(minor: int, currency: str) -> str:
    """An amount in major units with its currency."""
    return formatting.amount(minor, currency)


@register.filter
def whole(number: int) -> str:
    """A count, in groups of three."""
    return formatting.whole(number)


@register.filter
def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """A moment on the merchant's clocks."""
    return formatting.moment(at, zone)

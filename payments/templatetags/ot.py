"""Amounts and moments in templates, as `payments.written` writes them."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django import template

from payments import written

register = template.Library()


@register.filter
def money(minor: int, currency: str) -> str:
    """An amount in major units with its currency."""
    return written.amount(minor, currency)


@register.filter
def whole(number: int) -> str:
    """A count, in groups of three."""
    return written.whole(number)


@register.filter
def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """A moment on the merchant's clocks."""
    return written.moment(at, zone)

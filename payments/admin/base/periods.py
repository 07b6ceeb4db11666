"""Periods that people ask for by name: of whole business days, counted from today by a merchant's clock."""

from datetime import date, timedelta
from typing import Any, Final

from django.utils.translation import gettext_lazy as _

PERIODS: Final[dict[str, Any]] = {
    "today": _("today"),
    "yesterday": _("yesterday"),
    "this_week": _("this week"),
    "last_week": _("last week"),
    "this_month": _("this month"),
    "last_month": _("last month"),
}


def span(period: str, today: date) -> tuple[date, date]:
    """The first and last day of a period; a week begins on Monday, and what is not over yet ends with its last day."""
    monday, first = today - timedelta(days=today.weekday()), today.replace(day=1)
    ends = {
        "today": (today, today),
        "yesterday": (today - timedelta(days=1), today - timedelta(days=1)),
        "this_week": (monday, monday + timedelta(days=6)),
        "last_week": (monday - timedelta(days=7), monday - timedelta(days=1)),
        "this_month": (first, _next_month(first) - timedelta(days=1)),
        "last_month": ((first - timedelta(days=1)).replace(day=1), first - timedelta(days=1)),
    }
    return ends[period]


def _next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)

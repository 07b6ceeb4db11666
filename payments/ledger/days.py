"""Book days: open until closed, and then for good. What comes late is booked on the first open day after it."""

from datetime import date
from enum import StrEnum
from typing import Any

from django.db import connection, transaction

from payments.ledger import sql
from payments.ledger.models import BookDay


class Status(StrEnum):
    """Whether a day takes entries."""

    OPEN = "open"
    CLOSED = "closed"


def status(merchant_id: str, day: date) -> Status:
    """Whether the merchant's day takes entries."""
    closed = BookDay.objects.filter(merchant_id=merchant_id, day=day).exists()
    return Status.CLOSED if closed else Status.OPEN


def close_day(merchant_id: str, day: date, *, actor: str) -> bool:
    """Close one day, after all who are posting to it; False when it was closed already."""
    return bool(close_days(merchant_id, day, day, actor=actor))


def close_days(merchant_id: str, first: date, last: date, *, actor: str) -> list[date]:
    """Close every open day from `first` to `last` (a month, say), and return those that were open."""
    parameters: dict[str, Any] = {"merchant": merchant_id, "first": first, "last": last}
    with transaction.atomic(), connection.cursor() as cursor:
        # Two statements: the second must take its snapshot after the locks, or it would miss who had them before.
        cursor.execute(sql.CLOSE_DAYS, parameters)
        cursor.execute(sql.MARK_CLOSED, parameters | {"actor": actor})
        return sorted(day for (day,) in cursor.fetchall())


def first_open_day(merchant_id: str, day: date) -> date:
    """`day` if it is open, else the first open day after it."""
    with connection.cursor() as cursor:
        cursor.execute(sql.FIRST_OPEN_DAY, {"merchant": merchant_id, "day": day})
        row = cursor.fetchone()
    assert row is not None, "after the last closed day there is an open one"
    found: date = row[0]
    return found


def closed_days(merchant_id: str, first: date, last: date) -> list[date]:
    """The closed ones among the days from `first` to `last`."""
    days = BookDay.objects.filter(merchant_id=merchant_id, day__range=(first, last))
    return list(days.order_by("day").values_list("day", flat=True))

"""Book days: open until closed, and what comes late is booked on the first open day after it.

A day is closed for the merchant as a whole, or for one branch's accounts. A **branch** is the owner of accounts, as
their codes have it after the colon: an entry that has a line on `takings:chn_…` is of the branch `chn_…`. Where the day
is closed for the merchant as a whole, it is for every branch.
"""

from collections.abc import Collection
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


def status(merchant_id: str, day: date, branch: str = "") -> Status:
    """Whether a branch's day takes entries; without a branch, whether the merchant's as a whole does."""
    newest = latest(merchant_id, day, day)
    closed = any(row.closed for (_, of), row in newest.items() if of in ("", branch))
    return Status.CLOSED if closed else Status.OPEN


def latest(merchant_id: str, first: date, last: date) -> dict[tuple[date, str], BookDay]:
    """The newest closing or reopening of each (day, branch) from `first` to `last`; the branch "" is the merchant."""
    rows = BookDay.objects.filter(merchant_id=merchant_id, day__range=(first, last)).order_by("number")
    return {(row.day, row.branch): row for row in rows}


def lock_days(merchant_id: str, first: date, last: date) -> None:
    """Wait for all who are posting to these days, and hold back who comes, until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute(sql.LOCK_DAYS, {"merchant": merchant_id, "first": first, "last": last})


def close_day(merchant_id: str, day: date, *, actor: str, branch: str = "") -> bool:
    """Close one day, after all who are posting to it; False when it was closed already."""
    return bool(close_days(merchant_id, day, day, actor=actor, branch=branch))


def close_days(merchant_id: str, first: date, last: date, *, actor: str, branch: str = "") -> list[date]:
    """Close every open day from `first` to `last` (a month, say), and return those that were open."""
    return _mark(merchant_id, first, last, branch=branch, closed=True, actor=actor, approval="")


def reopen_days(
    merchant_id: str, first: date, last: date, *, actor: str, approval: str, branch: str = ""
) -> list[date]:
    """Reopen every closed day from `first` to `last`, and return those that were closed.

    `approval` names the request to which another person agreed; PostgreSQL refuses any other.
    """
    return _mark(merchant_id, first, last, branch=branch, closed=False, actor=actor, approval=approval)


def first_open_day(merchant_id: str, day: date, branch: str = "") -> date:
    """`day` if it is open, else the first open day after it."""
    with connection.cursor() as cursor:
        cursor.execute(sql.FIRST_OPEN_DAY, {"merchant": merchant_id, "day": day, "branch": branch})
        row = cursor.fetchone()
    assert row is not None, "after the last closed day there is an open one"
    found: date = row[0]
    return found


def closed_days(merchant_id: str, first: date, last: date, branch: str = "") -> list[date]:
    """The closed ones among the days from `first` to `last`."""
    newest = latest(merchant_id, first, last)
    return sorted({day for (day, of), row in newest.items() if row.closed and of in ("", branch)})


def active_days(merchant_id: str, first: date, last: date, branches: Collection[str]) -> set[tuple[str, date]]:
    """The (branch, day) of every day from `first` to `last` on which something is booked on a branch's accounts."""
    names: dict[str, Any] = {"merchant": merchant_id, "first": first, "last": last, "branches": list(branches)}
    with connection.cursor() as cursor:
        cursor.execute(sql.ACTIVE_DAYS, names)
        return set(cursor.fetchall())


def first_active_days(merchant_id: str, branches: Collection[str]) -> dict[str, date]:
    """The first day on which something is booked on the accounts of each of these branches; none of a new one."""
    with connection.cursor() as cursor:
        cursor.execute(sql.FIRST_ACTIVE_DAYS, {"merchant": merchant_id, "branches": list(branches)})
        return dict(cursor.fetchall())


def _mark(
    merchant_id: str, first: date, last: date, *, branch: str, closed: bool, actor: str, approval: str
) -> list[date]:
    names: dict[str, Any] = {"merchant": merchant_id, "first": first, "last": last, "branch": branch}
    with transaction.atomic(), connection.cursor() as cursor:
        # Two statements: the second must take its snapshot after the locks, or it would miss who had them before.
        lock_days(merchant_id, first, last)
        cursor.execute(sql.MARK_DAYS, {**names, "closed": closed, "actor": actor, "approval": approval})
        return sorted(day for (day,) in cursor.fetchall())

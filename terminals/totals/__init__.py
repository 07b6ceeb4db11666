"""What the books count of a range of a terminal's numbers, per brand and type, as nexo's totals do.

A transaction counts under the number by which the device said that it was approved, if something is booked of it: a
sale that was in doubt counts under the number that resolves it, one that a person or a settlement has settled counts
under none, since the device never counted it. Brands are compared without regard to capitals.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection

from terminals.totals import sql


class Group(NamedTuple):
    """What totals are counted by; `brand` is in lower case, empty where the device names none."""

    brand: str
    type: str  # sale, refund, reversal or declined
    currency: str


@dataclass(frozen=True, slots=True)
class Counted:
    """How many, and how much in minor units, always positive."""

    count: int = 0
    amount: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """A range of one series of a terminal's numbers, both ends inclusive."""

    terminal_id: str
    series: int
    first: int
    last: int

    @property
    def values(self) -> dict[str, Any]:
        """As parameters of the queries."""
        return {"terminal": self.terminal_id, "series": self.series, "first": self.first, "last": self.last}


class Number(NamedTuple):
    """One recorded number: what it counts as (a group without a type: as nothing), and what the device posted it as.

    `doubtful`: it waits, its outcome is unknown, or the device sent two contents; it may explain a difference.
    """

    sequence: int
    group: Group
    amount: int
    posted_as: str
    doubtful: bool


def booked(numbers: Numbers) -> dict[Group, Counted]:
    """Return what the books count in a range, by group; groups without any are left out."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TOTALS, numbers.values)
        return {
            Group(brand, kind, currency): Counted(count, int(amount))
            for brand, kind, currency, count, amount in cursor.fetchall()
        }


def explaining(numbers: Numbers, groups: Sequence[Group]) -> list[Number]:
    """Return the recorded numbers that count in these groups, and those of which something is in doubt."""
    brands, kinds, currencies = zip(*groups, strict=True) if groups else ((), (), ())
    values = {"brands": list(brands), "types": list(kinds), "currencies": list(currencies)}
    with connection.cursor() as cursor:
        cursor.execute(sql.EXPLAINING, {**numbers.values, **values})
        return [
            Number(number, Group(brand, kind, currency), amount, posted_as, doubtful)
            for number, brand, kind, currency, amount, posted_as, doubtful in cursor.fetchall()
        ]


def missing(numbers: Numbers) -> list[list[int]]:
    """Return the numbers of a range that were never recorded, as inclusive ranges."""
    with connection.cursor() as cursor:
        cursor.execute(sql.MISSING, numbers.values)
        return [[first, last] for first, last in cursor.fetchall()]

"""When people buy: seasons, weekdays and hours of webshops and stores, as shares of a year."""

import itertools
import random
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

DAYS: Final = 365
_MONTHS: Final = (0.80, 0.78, 0.90, 0.95, 1.00, 0.98, 0.88, 0.90, 0.98, 1.05, 1.35, 1.55)
_WEEKDAYS: Final = {
    "online": (1.10, 1.05, 1.00, 1.00, 0.90, 0.90, 1.15),
    "in_store": (0.60, 0.75, 0.85, 1.05, 1.15, 1.70, 0.80),
}
_HOURS: Final = {
    "online": (2, 1, 1, 1, 1, 1, 2, 4, 6, 8, 9, 9, 9, 8, 8, 8, 8, 8, 9, 11, 13, 12, 8, 4),
    "in_store": (0, 0, 0, 0, 0, 0, 0, 0, 1, 5, 8, 10, 11, 11, 10, 10, 9, 7, 3, 2, 2, 0, 0, 0),
}


def days(last: date) -> list[date]:
    """The year that ends with this day."""
    return [last - timedelta(days=DAYS - 1 - number) for number in range(DAYS)]


def shares(kind: str, year: Sequence[date], count: int) -> list[int]:
    """How many of `count` fall on each day; they sum up to it exactly."""
    weights = [_MONTHS[day.month - 1] * _WEEKDAYS[kind][day.weekday()] for day in year]
    whole = sum(weights)
    until = [round(count * passed / whole) for passed in itertools.accumulate(weights)]
    return [after - before for before, after in itertools.pairwise([0, *until])]


def moments(chance: random.Random, kind: str, day: date, count: int, zone: ZoneInfo) -> Iterator[datetime]:
    """So many moments of this day, in order."""
    hours = chance.choices(range(24), _HOURS[kind], k=count)
    seconds = sorted(hour * 3600 + chance.randrange(3600) for hour in hours)
    for second in seconds:
        at = time(second // 3600, second // 60 % 60, second % 60, chance.randrange(1_000_000))
        yield datetime.combine(day, at, zone)

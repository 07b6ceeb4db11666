"""The days on which banks in the euro area move money: TARGET's, which follow from Easter.

TARGET is closed on Saturdays and Sundays, New Year's Day, Good Friday, Easter Monday, 1 May, and 25 and 26 December
(decision of the Governing Council of the ECB, in force since 2002).
"""

from datetime import date, timedelta
from typing import Final

_SATURDAY: Final = 5  # of date.weekday()
_FIXED: Final = frozenset({(1, 1), (5, 1), (12, 25), (12, 26)})
_DAY: Final = timedelta(days=1)


def is_bank_day(day: date) -> bool:
    """Whether banks settle on this day."""
    if day.weekday() >= _SATURDAY or (day.month, day.day) in _FIXED:
        return False
    return (day - easter(day.year)).days not in (-2, 1)


def bank_day_from(day: date) -> date:
    """This day if banks settle on it, else the next on which they do."""
    while not is_bank_day(day):
        day += _DAY
    return day


def bank_day_until(day: date) -> date:
    """This day if banks settle on it, else the last before it on which they did."""
    while not is_bank_day(day):
        day -= _DAY
    return day


def after_bank_days(day: date, count: int) -> date:
    """The bank day that is `count` bank days after `day`; 0 is `day` itself, or the next bank day."""
    day = bank_day_from(day)
    for _ in range(count):
        day = bank_day_from(day + _DAY)
    return day


def bank_days_between(first: date, last: date) -> int:
    """How many bank days after `first` the day `last` is, counted as `after_bank_days` does; 0 if it is not later."""
    count = 0
    while (first := bank_day_from(first + _DAY)) <= last:
        count += 1
    return count


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, Nature, 1876)."""
    century, of_century = divmod(year, 100)
    golden = year % 19
    skipped = century - century // 4 - (century - (century + 8) // 25 + 1) // 3
    moon = (19 * golden + skipped + 15) % 30
    weekday = (32 + 2 * (century % 4) + 2 * (of_century // 4) - moon - of_century % 4) % 7
    shift = (golden + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * shift + 114, 31)
    return date(year, month, day + 1)

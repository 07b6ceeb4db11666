"""The days on which banks move money: weekends and TARGET's holidays are none."""

from datetime import date

import pytest

from payments.core.bank_days import (
    after_bank_days,
    bank_day_from,
    bank_day_until,
    bank_days_between,
    easter,
    is_bank_day,
)


@pytest.mark.parametrize(
    "sunday",
    [
        (1961, 4, 2),
        (2000, 4, 23),
        (2008, 3, 23),
        (2011, 4, 24),
        (2024, 3, 31),
        (2025, 4, 20),
        (2026, 4, 5),
        (2038, 4, 25),
    ],
)
def test_easter_is_as_the_almanac_has_it(sunday: tuple[int, int, int]) -> None:
    assert easter(sunday[0]) == date(*sunday)


@pytest.mark.parametrize(
    "closed",
    ["2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-12-25", "2026-11-28", "2026-11-29", "2025-12-26"],
)
def test_target_is_closed(closed: str) -> None:
    assert not is_bank_day(date.fromisoformat(closed))


@pytest.mark.parametrize(
    "settling", ["2026-04-02", "2026-04-07", "2026-04-27", "2026-05-14", "2026-12-24", "2026-11-30"]
)
def test_target_settles_where_only_the_dutch_are_free(settling: str) -> None:
    assert is_bank_day(date.fromisoformat(settling))


def test_days_are_counted_over_weekends_and_easter() -> None:
    thursday, tuesday = date(2026, 4, 2), date(2026, 4, 7)
    assert after_bank_days(thursday, 1) == tuesday
    assert after_bank_days(date(2026, 4, 4), 0) == tuesday
    assert bank_days_between(thursday, tuesday) == 1
    assert bank_days_between(tuesday, thursday) == 0
    assert bank_day_from(date(2026, 4, 3)) == tuesday
    assert bank_day_until(date(2026, 4, 6)) == thursday

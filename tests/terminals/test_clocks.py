"""Days are complete whatever the clocks do: with 23 hours or 25, a day off, or with a year that cannot be."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from payments import statistics
from payments.ledger import days
from payments.ledger.models import JournalEntry
from payments.models import Discrepancy, Payment
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db

HOME: Final = ZoneInfo("Europe/Amsterdam")
HALF_HOUR: Final = timedelta(minutes=30)
EVER: Final = (date(2000, 1, 1), date(2100, 1, 1))


def sold(shop: Shop, *groups: str) -> Counter[Any]:
    """How many sales each group of the statistics has, over all the years there are."""
    rows = statistics.figures(merchant_id=shop.merchant.id, first=EVER[0], last=EVER[1], groups=groups)
    return Counter({tuple(row[statistics.GROUPS[name]] for name in groups): row["sales_count"] for row in rows})


def booked(shop: Shop) -> Counter[date]:
    return Counter(JournalEntry.objects.filter(merchant_id=shop.merchant.id).values_list("book_date", flat=True))


@pytest.mark.parametrize(
    ("day", "hours", "twice"),
    [(date(2026, 3, 29), 23, None), (date(2026, 10, 25), 25, 2), (date(2026, 6, 1), 24, None)],
)
def test_a_day_has_as_many_hours_as_the_clock_on_the_wall(
    terminal: Device, shop: Shop, day: date, hours: int, twice: int | None
) -> None:
    """A sale every half hour from the day before to the day after, as UTC sees them."""
    first = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=6)
    moments = [first + HALF_HOUR * number for number in range(2 * 36)]
    answer = terminal.post(
        *(sale(at, 100, occurred_at=_as_posted(moment)) for at, moment in enumerate(moments, start=1))
    )
    assert {result["status"] for result in answer.json()["results"]} == {"recorded"}

    by_day = sold(shop, "business_day")
    assert by_day[(day,)] == booked(shop)[day] == 2 * hours
    assert by_day.total() == booked(shop).total() == len(moments)
    expected = Counter((moment.astimezone(HOME).date(), moment.astimezone(HOME).hour) for moment in moments)
    assert sold(shop, "business_day", "hour") == expected
    assert {hour for of, hour in expected if of == day} == set(range(24)) - ({2} if hours == 23 else set())
    assert twice is None or expected[(day, twice)] == 4
    statistics.fold_all()
    assert sold(shop, "business_day", "hour") == expected


@pytest.mark.parametrize("off", [timedelta(days=-1), timedelta(days=1)])
def test_a_device_a_day_off_is_counted_once_on_the_day_it_says(terminal: Device, shop: Shop, off: timedelta) -> None:
    moment = timezone.now() + off
    terminal.post(sale(1, 1000, occurred_at=_as_posted(moment)))
    terminal.post(sale(2, 1000, occurred_at=_as_posted(timezone.now())))
    terminal.post(sale(1, 1000, occurred_at=_as_posted(moment)))  # the same again
    text, today = (when.astimezone(HOME).date() for when in (moment, timezone.now()))
    assert sold(shop, "business_day") == {(text,): 1, (today,): 1}
    assert booked(shop) == {text: 1, today: 1}


def test_what_comes_for_a_closed_day_is_booked_on_the_next_open_one_and_counted_on_its_own(
    terminal: Device, shop: Shop
) -> None:
    late, open_day = date(2026, 3, 28), date(2026, 3, 30)
    days.close_days(shop.merchant.id, late, date(2026, 3, 29), actor="tests")
    terminal.post(sale(1, 1000, occurred_at="2026-03-28T22:30:00Z"))  # 23:30 on the wall
    terminal.post(sale(2, 1000, occurred_at="2026-03-28T23:30:00Z"))  # half past midnight
    assert sold(shop, "business_day", "hour") == {(late, 23): 1, (date(2026, 3, 29), 0): 1}
    assert booked(shop) == {open_day: 2}
    assert days.close_day(shop.merchant.id, open_day, actor="tests")
    assert not days.close_day(shop.merchant.id, open_day, actor="tests")
    assert booked(shop) == {open_day: 2}


@pytest.mark.parametrize("year", [2001, 2016, 2036, 2099])
def test_a_year_that_cannot_be_is_counted_once_and_balances(terminal: Device, shop: Shop, year: int) -> None:
    terminal.post(sale(1, 1000, occurred_at=f"{year}-02-03T10:00:00Z"))
    terminal.post(sale(2, 500, occurred_at=_as_posted(timezone.now())))
    assert sold(shop, "business_day")[(date(year, 2, 3),)] == 1
    assert sold(shop).total() == 2
    assert books(shop.merchant) == {"receivable": 1500, "takings": -1500}
    assert Payment.objects.earliest("id").business_day == date(year, 2, 3)


@pytest.mark.parametrize("moment", ["1999-12-31T10:00:00Z", "2100-01-02T10:00:00Z", "2026-02-30T10:00:00Z"])
def test_a_time_outside_of_all_that_can_be_is_refused_and_changes_nothing(
    terminal: Device, shop: Shop, moment: str
) -> None:
    assert terminal.post(sale(1, 1000, occurred_at=moment)).status_code == 422
    assert (sold(shop), booked(shop)) == ({}, {})


def _as_posted(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def test_what_is_dated_days_ahead_is_booked_and_told_once_for_each_device(terminal: Device, shop: Shop) -> None:
    ahead = timezone.now() + timedelta(days=40)
    first = terminal.post(sale(1, occurred_at=_as_posted(ahead)), sale(2)).json()["results"]
    assert [found["kind"] for found in first[0]["discrepancies"]] == ["clock_differs"]
    assert first[1]["discrepancies"] == []
    later = terminal.post(sale(3, occurred_at=_as_posted(ahead))).json()
    assert later["discrepancies"] == first[0]["discrepancies"]
    row = Discrepancy.objects.get(merchant=shop.merchant)
    assert (row.kind, row.terminal_id, row.sequences) == ("clock_differs", terminal.terminal, [[1, 1], [3, 3]])
    assert Payment.objects.filter(business_day=ahead.astimezone(HOME).date()).count() == 2


def test_a_clock_an_hour_ahead_is_nobodys_work(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(1, occurred_at=_as_posted(timezone.now() + timedelta(hours=23))))
    assert discrepancies() == []

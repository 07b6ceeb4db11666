"""Closed days stay as they are: what comes late is booked on the first open day after it."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import transaction

from payments.ledger import days
from payments.ledger.models import JournalEntry
from payments.ledger.posting import post
from tests.ledger.books import FRIDAY, book, new_merchant, sale
from tests.threads import in_thread

SATURDAY = FRIDAY + timedelta(days=1)
MONDAY = FRIDAY + timedelta(days=3)


@pytest.fixture
def merchant() -> str:
    return new_merchant()


@pytest.mark.django_db
def test_a_day_is_open_until_it_is_closed_and_closed_once(merchant):
    assert days.status(merchant, FRIDAY) == days.Status.OPEN
    assert days.close_day(merchant, FRIDAY, actor="tests")
    assert not days.close_day(merchant, FRIDAY, actor="tests")
    assert days.status(merchant, FRIDAY) == days.Status.CLOSED
    assert days.status(new_merchant(), FRIDAY) == days.Status.OPEN


@pytest.mark.django_db
def test_what_comes_late_is_booked_on_the_first_open_day(merchant):
    days.close_days(merchant, FRIDAY, FRIDAY + timedelta(days=2), actor="tests")
    [late] = post([sale(merchant)])
    assert late.book_date == MONDAY
    assert days.first_open_day(merchant, FRIDAY) == MONDAY
    assert days.first_open_day(merchant, MONDAY) == MONDAY


@pytest.mark.django_db
def test_one_batch_over_open_and_closed_days(merchant):
    days.close_day(merchant, FRIDAY, actor="tests")
    moments = [datetime(2026, 11, day, 12, tzinfo=UTC) for day in (19, 20, 21)]
    posted = post([sale(merchant, at=moment) for moment in moments])
    assert [row.book_date for row in posted] == [date(2026, 11, 19), SATURDAY, SATURDAY]


@pytest.mark.django_db
def test_a_replay_after_the_close_keeps_its_day(merchant):
    given = sale(merchant)
    [first] = post([given])
    days.close_day(merchant, FRIDAY, actor="tests")
    [again] = post([given])
    assert not again.new
    assert again.book_date == first.book_date == FRIDAY


@pytest.mark.django_db
def test_a_month_closes_with_the_days_that_were_still_open(merchant):
    days.close_day(merchant, FRIDAY, actor="tests")
    closed = days.close_days(merchant, date(2026, 11, 1), date(2026, 11, 30), actor="tests")
    assert len(closed) == 29
    assert len(days.closed_days(merchant, date(2026, 10, 1), date(2026, 12, 31))) == 30


@pytest.mark.django_db(transaction=True)
def test_closing_waits_for_who_is_posting(merchant):
    with transaction.atomic():
        book(merchant, 100)
        closing = in_thread(lambda: days.close_day(merchant, FRIDAY, actor="tests"))
        closing.join(0.3)
        assert closing.is_alive()
        assert days.status(merchant, FRIDAY) == days.Status.OPEN
        book(merchant, 200)
    closing.join(60)
    assert days.status(merchant, FRIDAY) == days.Status.CLOSED
    assert set(JournalEntry.objects.values_list("book_date", flat=True)) == {FRIDAY}


@pytest.mark.django_db(transaction=True)
def test_posting_waits_for_who_is_closing(merchant):
    book(merchant, 1)
    with transaction.atomic():
        days.close_day(merchant, FRIDAY, actor="tests")
        posting = in_thread(lambda: book(merchant, 100))
        posting.join(0.3)
        assert posting.is_alive()
    posting.join(60)
    dates = JournalEntry.objects.order_by("booked_at").values_list("book_date", flat=True)
    assert list(dates) == [FRIDAY, SATURDAY]


@pytest.mark.django_db(transaction=True)
def test_days_close_while_many_post_and_none_is_booked_afterwards(merchant):
    def sell() -> None:
        for _ in range(40):
            book(merchant, 100)

    sellers = [in_thread(sell) for _ in range(4)]
    for number in range(5):
        days.close_day(merchant, FRIDAY + timedelta(days=number), actor="tests")
    for seller in sellers:
        seller.join(120)
    entries = JournalEntry.objects.filter(merchant_id=merchant)
    assert entries.count() == 160
    for closed in days.closed_days(merchant, FRIDAY, MONDAY):
        last = entries.filter(book_date=closed).order_by("-booked_at").first()
        closing = days.BookDay.objects.get(merchant_id=merchant, day=closed)
        assert last is None or last.booked_at < closing.closed_at

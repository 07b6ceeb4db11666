"""Closed days stay as they are: what comes late is booked on the first open day after it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from payments.ledger import audit, days
from payments.ledger.models import BookDay, JournalEntry
from payments.ledger.posting import AccountSpec, Entry, credit, debit, post
from payments.people.models import Approval, User
from tests.ledger.books import FRIDAY, PAYABLE, RECEIVABLE, book, entry, new_merchant, sale
from tests.threads import in_thread

SATURDAY = FRIDAY + timedelta(days=1)
MONDAY = FRIDAY + timedelta(days=3)
STORE = AccountSpec("takings:chn_store", "income", "EUR")


@pytest.fixture
def merchant() -> str:
    return new_merchant()


@pytest.mark.django_db
def test_a_day_is_open_until_it_is_closed_and_closed_once(merchant: str) -> None:
    assert days.status(merchant, FRIDAY) == days.Status.OPEN
    assert days.close_day(merchant, FRIDAY, actor="tests")
    assert not days.close_day(merchant, FRIDAY, actor="tests")
    assert days.status(merchant, FRIDAY) == days.Status.CLOSED
    assert days.status(new_merchant(), FRIDAY) == days.Status.OPEN


@pytest.mark.django_db
def test_what_comes_late_is_booked_on_the_first_open_day(merchant: str) -> None:
    days.close_days(merchant, FRIDAY, FRIDAY + timedelta(days=2), actor="tests")
    [late] = post([sale(merchant)])
    assert late.book_date == MONDAY
    assert days.first_open_day(merchant, FRIDAY) == MONDAY
    assert days.first_open_day(merchant, MONDAY) == MONDAY


@pytest.mark.django_db
def test_one_batch_over_open_and_closed_days(merchant: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests")
    moments = [datetime(2026, 11, day, 12, tzinfo=UTC) for day in (19, 20, 21)]
    posted = post([sale(merchant, at=moment) for moment in moments])
    assert [row.book_date for row in posted] == [date(2026, 11, 19), SATURDAY, SATURDAY]


@pytest.mark.django_db
def test_a_replay_after_the_close_keeps_its_day(merchant: str) -> None:
    given = sale(merchant)
    [first] = post([given])
    days.close_day(merchant, FRIDAY, actor="tests")
    [again] = post([given])
    assert not again.new
    assert again.book_date == first.book_date == FRIDAY


@pytest.mark.django_db
def test_a_month_closes_with_the_days_that_were_still_open(merchant: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests")
    closed = days.close_days(merchant, date(2026, 11, 1), date(2026, 11, 30), actor="tests")
    assert len(closed) == 29
    assert len(days.closed_days(merchant, date(2026, 10, 1), date(2026, 12, 31))) == 30


@pytest.mark.django_db(transaction=True)
def test_closing_waits_for_who_is_posting(merchant: str) -> None:
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
def test_posting_waits_for_who_is_closing(merchant: str) -> None:
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
def test_days_close_while_many_post_and_none_is_booked_afterwards(merchant: str) -> None:
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
        closing = BookDay.objects.get(merchant_id=merchant, day=closed)
        assert last is None or last.booked_at < closing.at


def agreed(merchant: str, *, decision: str | None = "approved", day: date = FRIDAY) -> str:
    """A request to reopen a day of the webshop, and what another person decided about it."""
    another = User.objects.create(username=uuid4().hex) if decision else None
    row = Approval.objects.create(
        merchant_id=merchant,
        channel_id="chn_web",
        subject_type="period",
        subject_id="prd_1",
        action="reopen_period",
        requested_by="usr_1",
        payload={"first": day.isoformat(), "last": day.isoformat()},
        decision=decision,
        decided_by=another,
        decided_at=timezone.now() if decision else None,
    )
    return row.id


def not_agreed(merchant: str, why: str) -> str:
    """What is no agreement of two to reopen the merchant's Friday."""
    if why == "used before":
        used = agreed(merchant)
        days.reopen_days(merchant, FRIDAY, FRIDAY, actor="tests", approval=used)
        days.close_day(merchant, FRIDAY, actor="tests")
        return used
    ways: dict[str, Callable[[], str]] = {
        "": lambda: "",
        "unknown": lambda: "apv_unknown",
        "waiting": lambda: agreed(merchant, decision=None),
        "rejected": lambda: agreed(merchant, decision="rejected"),
        "of another day": lambda: agreed(merchant, day=SATURDAY),
        "of another merchant": lambda: agreed(new_merchant()),
    }
    return ways[why]()


def in_the_store(merchant: str) -> Entry:
    return entry(merchant, debit(RECEIVABLE, 500, 2), credit(STORE, 500))


def between_bank_and_provider(merchant: str, *, branch: str | None = None) -> Entry:
    return replace(entry(merchant, debit(RECEIVABLE, 700, 3), credit(PAYABLE, 700, 3)), branch=branch)


@pytest.mark.django_db
def test_a_branch_closes_its_own_accounts_alone(merchant: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests", branch="chn_web")
    posted = post([sale(merchant), in_the_store(merchant), between_bank_and_provider(merchant)])
    assert [row.book_date for row in posted] == [SATURDAY, FRIDAY, FRIDAY]
    [alone] = post([sale(merchant)])
    assert alone.book_date == SATURDAY
    assert days.status(merchant, FRIDAY, "chn_web") == days.Status.CLOSED
    assert days.status(merchant, FRIDAY, "chn_store") == days.status(merchant, FRIDAY) == days.Status.OPEN
    assert days.first_open_day(merchant, FRIDAY, "chn_web") == SATURDAY


@pytest.mark.django_db
def test_an_entry_says_whose_day_it_is_where_its_accounts_do_not(merchant: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests", branch="chn_web")
    [paid] = post([between_bank_and_provider(merchant, branch="chn_web")])
    assert paid.book_date == SATURDAY


@pytest.mark.django_db
def test_a_day_of_the_merchant_is_closed_for_every_branch(merchant: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests", branch="chn_web")
    days.close_day(merchant, FRIDAY, actor="tests")
    posted = post([sale(merchant), in_the_store(merchant), between_bank_and_provider(merchant)])
    assert {row.book_date for row in posted} == {SATURDAY}


@pytest.mark.django_db
def test_a_reopened_day_takes_entries_until_it_is_closed_again(merchant: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests", branch="chn_web")
    assert days.reopen_days(merchant, FRIDAY, FRIDAY, actor="tests", approval=agreed(merchant), branch="chn_web") == [
        FRIDAY
    ]
    assert days.reopen_days(merchant, FRIDAY, FRIDAY, actor="tests", approval=agreed(merchant), branch="chn_web") == []
    assert [row.book_date for row in post([sale(merchant)])] == [FRIDAY]
    assert days.close_day(merchant, FRIDAY, actor="tests", branch="chn_web")
    assert [row.book_date for row in post([sale(merchant)])] == [SATURDAY]
    assert [row.closed for row in BookDay.objects.order_by("number")] == [True, False, True]
    assert list(audit.violations([])) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "approval", ["", "unknown", "waiting", "rejected", "of another day", "of another merchant", "used before"]
)
def test_no_day_is_reopened_without_two_persons(merchant: str, approval: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests")
    with pytest.raises(IntegrityError), transaction.atomic():
        days.reopen_days(merchant, FRIDAY, FRIDAY, actor="tests", approval=not_agreed(merchant, approval))
    assert days.status(merchant, FRIDAY) == days.Status.CLOSED


@pytest.mark.django_db(transaction=True)
def test_reopening_waits_for_who_is_posting(merchant: str) -> None:
    days.close_day(merchant, FRIDAY, actor="tests")
    approval = agreed(merchant)
    with transaction.atomic():
        book(merchant, 100)
        reopening = in_thread(lambda: days.reopen_days(merchant, FRIDAY, FRIDAY, actor="tests", approval=approval))
        reopening.join(0.3)
        assert reopening.is_alive()
    reopening.join(60)
    assert [row.book_date for row in post([sale(merchant)])] == [FRIDAY]
    assert list(audit.violations([])) == []

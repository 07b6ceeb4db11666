"""Reading the books: as of a date, as known at a moment, what is open, and page by page."""

from datetime import date, datetime, timedelta
from typing import Protocol

import pytest
from pytest_django import DjangoAssertNumQueries

from payments.ledger import days
from payments.ledger.balances import balance, balances, open_items, trial_balance
from payments.ledger.fold import fold_all
from payments.ledger.models import Account, BookDay, JournalEntry, Posting
from payments.ledger.posting import credit, debit, post
from payments.ledger.queries import Position, account_postings, entries_about
from tests.ledger.books import (
    DOLLAR_TAKINGS,
    DOLLARS,
    FRIDAY,
    NOON,
    PAYABLE,
    RECEIVABLE,
    RETURNS,
    TAKINGS,
    book,
    entry,
    new_merchant,
    sale,
)

pytestmark = pytest.mark.django_db

SATURDAY = FRIDAY + timedelta(days=1)


class FoldNow(Protocol):
    """Fold here, if this run is one that folds; `first` where there is more to come."""

    def __call__(self, *, first: bool) -> None: ...


@pytest.fixture
def merchant() -> str:
    return new_merchant()


@pytest.fixture(params=["in the tail", "folded", "half folded"])
def fold_now(request: pytest.FixtureRequest, transactional_db: None) -> FoldNow:
    """Whether what was booked so far gets folded: no answer may depend on it."""

    def run(*, first: bool) -> None:
        if request.param == "folded" or (first and request.param == "half folded"):
            fold_all()

    return run


def rows(merchant: str, on: date | None = None, known_at: datetime | None = None) -> dict[str, int]:
    return {row.code: row.amount for row in trial_balance(merchant, on, known_at)}


def test_a_trial_balance_by_book_date(merchant: str, fold_now: FoldNow) -> None:
    post([sale(merchant, 100)])
    fold_now(first=True)
    post([sale(merchant, 30, at=NOON + timedelta(days=1))])
    fold_now(first=False)
    assert rows(merchant, FRIDAY - timedelta(days=1)) == {}
    assert rows(merchant, FRIDAY) == {RECEIVABLE.code: 100, TAKINGS.code: -100}
    assert rows(merchant, SATURDAY) == rows(merchant) == {RECEIVABLE.code: 130, TAKINGS.code: -130}


def test_a_trial_balance_as_it_was_known(merchant: str, fold_now: FoldNow) -> None:
    [first] = post([sale(merchant, 100)])
    fold_now(first=True)
    [late] = post([sale(merchant, 30)])
    fold_now(first=False)
    assert rows(merchant, FRIDAY, first.booked_at) == {RECEIVABLE.code: 100, TAKINGS.code: -100}
    assert rows(merchant, FRIDAY, late.booked_at) == {RECEIVABLE.code: 130, TAKINGS.code: -130}
    assert rows(merchant, FRIDAY, first.booked_at - timedelta(seconds=1)) == {}


def test_what_comes_after_the_close_changes_the_next_day_only(merchant: str, fold_now: FoldNow) -> None:
    post([sale(merchant, 100)])
    days.close_day(merchant, FRIDAY, actor="tests")
    fold_now(first=True)
    post([sale(merchant, 30)])
    fold_now(first=False)
    assert rows(merchant, FRIDAY)[RECEIVABLE.code] == 100
    assert rows(merchant, SATURDAY)[RECEIVABLE.code] == 130


def test_a_trial_balance_is_in_two_columns_and_per_currency(merchant: str) -> None:
    post([sale(merchant, 100), entry(merchant, debit(DOLLARS, 7), credit(DOLLAR_TAKINGS, 7))])
    found = trial_balance(merchant)
    assert [(row.currency, row.code, row.debit, row.credit) for row in found] == [
        ("EUR", RECEIVABLE.code, 100, 0),
        ("EUR", TAKINGS.code, 0, 100),
        ("USD", DOLLARS.code, 7, 0),
        ("USD", DOLLAR_TAKINGS.code, 0, 7),
    ]
    assert {row.kind for row in found} == {"asset", "income"}


def test_another_merchants_books_are_not_in_it(merchant: str) -> None:
    other = new_merchant()
    book(merchant, 100)
    book(other, 7)
    assert rows(other) == {RECEIVABLE.code: 7, TAKINGS.code: -7}
    assert balance(other, RECEIVABLE) == 7
    assert [row.amount for row in open_items(other)] == [7]


def test_an_account_that_settled_is_not_in_the_trial_balance(merchant: str) -> None:
    post([sale(merchant, 100), entry(merchant, debit(TAKINGS, 100), credit(RECEIVABLE, 100, 1))])
    assert rows(merchant) == {}


def test_a_balance_of_what_was_never_posted_to_is_nothing(merchant: str) -> None:
    assert balance(merchant, RECEIVABLE) == 0
    assert balances([]) == {}


def test_open_items_of_all_accounts_or_of_one(merchant: str) -> None:
    post(
        [
            sale(merchant, 100, item=11),
            sale(merchant, 200, item=12, at=NOON - timedelta(days=2)),
            entry(merchant, debit(RETURNS, 50), credit(PAYABLE, 50, 13)),
        ]
    )
    found = [(row.code, row.item, row.amount, row.since) for row in open_items(merchant)]
    assert found == [
        (PAYABLE.code, 13, -50, NOON),
        (RECEIVABLE.code, 12, 200, NOON - timedelta(days=2)),
        (RECEIVABLE.code, 11, 100, NOON),
    ]
    payable = Account.objects.get(merchant_id=merchant, code=PAYABLE.code)
    assert [row.item for row in open_items(merchant, PAYABLE.code)] == [13]
    assert [row.item for row in open_items(merchant, payable.id)] == [13]
    assert open_items(merchant, "receivable:pac_other") == []


def test_open_items_page_by_page(merchant: str, fold_now: FoldNow) -> None:
    post([sale(merchant, 100, item=item) for item in range(1, 6)])
    fold_now(first=True)
    post([sale(merchant, 100, item=item) for item in range(6, 8)])
    seen, before = [], None
    while page := open_items(merchant, limit=3, before=before):
        seen += [row.item for row in page]
        before = (page[-1].item, page[-1].number)
    assert seen == [7, 6, 5, 4, 3, 2, 1]


def test_entries_about_an_item(merchant: str, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    first, second = post([sale(merchant, 100, item=21), sale(merchant, 50, item=22)])
    [both] = post([entry(merchant, debit(TAKINGS, 30), credit(RECEIVABLE, 10, 21), credit(RECEIVABLE, 20, 22))])
    with django_assert_max_num_queries(4):
        found = entries_about([21, 22, 23])
        assert [row.id for row in found[21]] == [first.id, both.id]
        assert [row.id for row in found[22]] == [second.id, both.id]
        assert 23 not in found
        [taken, *_] = found[22][1].postings.all()
        assert taken.account.code == TAKINGS.code


def test_an_accounts_postings_newest_first_page_by_page(merchant: str) -> None:
    post([sale(merchant, amount) for amount in (1, 2, 3)])
    post([sale(merchant, amount) for amount in (4, 5)])
    number = Account.objects.get(merchant_id=merchant, code=RECEIVABLE.code).number
    seen, before = [], None
    while page := account_postings(number, limit=2, before=before):
        seen += page
        before = Position(page[-1].xid, page[-1].entry_id, page[-1].line)
    assert sorted(row.amount for row in seen) == [1, 2, 3, 4, 5]
    places = [(row.xid, row.entry_id, row.line) for row in seen]
    assert places == sorted(places, reverse=True)
    assert JournalEntry.objects.get(id=seen[0].entry_id).merchant_id == merchant


def test_each_row_of_the_books_says_which_it_is(merchant: str) -> None:
    [entry_id] = book(merchant, 100)
    days.close_day(merchant, FRIDAY, actor="tests")
    [first, *_] = Posting.objects.filter(entry_id=entry_id).select_related("account", "entry").order_by("line")
    texts = [str(row) for row in (first, first.account, first.entry, BookDay.objects.get(merchant_id=merchant))]
    assert texts == [f"{entry_id} 1", f"{RECEIVABLE.code} EUR", first.entry.key, f"{merchant} {FRIDAY}"]

"""Booking: what goes in comes out, once, on the day on which it happened."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.db.transaction import TransactionManagementError
from pytest_django import DjangoAssertNumQueries

from payments.ledger import accounts
from payments.ledger.balances import balance
from payments.ledger.entries import Line
from payments.ledger.errors import AccountDiffers, BooksRefused, ItemMissing, KeyReused, LineRefused, Unbalanced
from payments.ledger.models import Account, JournalEntry, Posting
from payments.ledger.posting import AccountSpec, credit, debit, next_items, post
from tests.ledger.books import (
    DOLLAR_TAKINGS,
    DOLLARS,
    FEES,
    FRIDAY,
    NOON,
    RECEIVABLE,
    TAKINGS,
    book,
    entry,
    new_merchant,
    sale,
)
from tests.sql import disconnect

pytestmark = pytest.mark.django_db


@pytest.fixture
def merchant() -> str:
    return new_merchant()


def test_an_entry_stands_with_its_lines_as_given(merchant: str) -> None:
    lines = [debit(RECEIVABLE, 975, 7), debit(FEES, 25), credit(RECEIVABLE, 1000, 8)]
    [posted] = post([entry(merchant, *lines, key=f"settled:{merchant}", event="settled")])
    stored = JournalEntry.objects.get(id=posted.id)
    assert (stored.key, stored.event, stored.book_date, stored.occurred_at) == (
        f"settled:{merchant}",
        "settled",
        FRIDAY,
        NOON,
    )
    rows = Posting.objects.filter(entry=stored).order_by("line").values_list("line", "account__code", "item", "amount")
    assert list(rows) == [
        (1, RECEIVABLE.code, 7, 975),
        (2, FEES.code, None, 25),
        (3, RECEIVABLE.code, 8, -1000),
    ]
    assert posted.new
    assert posted.book_date == FRIDAY


def test_many_entries_go_in_one_statement(merchant: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    book(merchant, 1)
    entries = [sale(merchant, amount) for amount in range(1, 501)]
    with django_assert_num_queries(2):  # within the test's own transaction accounts are looked up anew
        posted = post(entries)
    assert [row.key for row in posted] == [given.key for given in entries]
    assert balance(merchant, RECEIVABLE) == 1 + sum(range(1, 501))


def test_nothing_to_book_asks_the_database_nothing(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(0):
        assert post([]) == []


def test_booking_twice_is_harmless(merchant: str) -> None:
    given = sale(merchant)
    [first] = post([given])
    [second] = post([given])
    assert (second.id, second.book_date, second.booked_at) == (first.id, first.book_date, first.booked_at)
    assert first.new
    assert not second.new
    assert balance(merchant, RECEIVABLE) == 1250


def test_twins_in_one_batch_are_booked_once(merchant: str) -> None:
    given = sale(merchant)
    first, other, twin = post([given, sale(merchant, 50), given])
    assert (first.new, other.new, twin.new) == (True, True, False)
    assert first.id == twin.id
    assert balance(merchant, RECEIVABLE) == 1300


def test_a_batch_books_what_is_new_beside_what_was_booked(merchant: str) -> None:
    old = sale(merchant, 100)
    post([old])
    results = post([sale(merchant, 200), old, sale(merchant, 300)])
    assert [row.new for row in results] == [True, False, True]
    assert balance(merchant, RECEIVABLE) == 600


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 1251},
        {"item": 2},
        {"at": datetime(2026, 11, 20, 12, 0, 1, tzinfo=UTC)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_key_with_other_content_is_refused(merchant: str, change: dict[str, Any]) -> None:
    key = f"capture:{merchant}"
    post([sale(merchant, key=key)])
    with pytest.raises(KeyReused), transaction.atomic():
        post([sale(merchant, **change, key=key)])
    assert balance(merchant, RECEIVABLE) == 1250


def test_a_key_with_other_content_in_one_batch_is_refused(merchant: str) -> None:
    key = f"capture:{merchant}"
    with pytest.raises(KeyReused):
        post([sale(merchant, 1, key=key), sale(merchant, 2, key=key)])
    assert not JournalEntry.objects.filter(merchant_id=merchant).exists()


def test_each_currency_balances_by_itself(merchant: str) -> None:
    lines = [debit(RECEIVABLE, 100, 1), credit(TAKINGS, 100), debit(DOLLARS, 110), credit(DOLLAR_TAKINGS, 110)]
    [posted] = post([entry(merchant, *lines)])
    assert posted.new
    with pytest.raises(Unbalanced, match="EUR by 100, USD by -100"):
        post([entry(merchant, debit(RECEIVABLE, 100, 1), credit(DOLLAR_TAKINGS, 100))])


def test_what_does_not_balance_is_refused_and_nothing_of_its_batch_is_booked(merchant: str) -> None:
    crooked = entry(merchant, debit(RECEIVABLE, 100, 1), credit(TAKINGS, 99))
    with pytest.raises(Unbalanced, match="EUR by 1"):
        post([sale(merchant), crooked])
    assert not JournalEntry.objects.filter(merchant_id=merchant).exists()


def test_no_lines_are_no_entry(merchant: str) -> None:
    with pytest.raises(Unbalanced):
        post([entry(merchant)])


def test_an_account_of_open_items_is_told_which(merchant: str) -> None:
    with pytest.raises(ItemMissing, match="receivable"):
        post([entry(merchant, debit(RECEIVABLE, 100), credit(TAKINGS, 100))])


@pytest.mark.parametrize("amount", [0, -5, 12.5, "12", True, None, 2**62])
def test_an_amount_is_whole_minor_units_above_zero(merchant: str, amount: Any) -> None:
    with pytest.raises(LineRefused):
        debit(TAKINGS, amount)
    with pytest.raises(LineRefused):
        post([entry(merchant, Line(TAKINGS, amount if amount != -5 else 0), credit(FEES, 5))])


def test_a_moment_without_zone_is_refused(merchant: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        post([sale(merchant, at=datetime(2026, 11, 20, 12, 0))])  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 20, 22, 59, tzinfo=UTC), "2026-11-20"),
        (datetime(2026, 11, 20, 23, 1, tzinfo=UTC), "2026-11-21"),
        (datetime(2026, 7, 31, 22, 1, tzinfo=UTC), "2026-08-01"),
        (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), "2026-10-25"),
        (datetime(2026, 10, 25, 22, 30, tzinfo=UTC), "2026-10-25"),
    ],
)
def test_the_book_date_is_the_day_on_the_merchants_calendar(merchant: str, moment: datetime, day: str) -> None:
    [posted] = post([sale(merchant, at=moment)])
    assert posted.book_date.isoformat() == day


def test_an_account_is_made_once_per_merchant_and_currency(merchant: str) -> None:
    other = new_merchant()
    post([sale(merchant), sale(merchant), sale(other)])
    made = Account.objects.filter(code=TAKINGS.code, merchant_id__in=[merchant, other])
    assert {(row.merchant_id, row.currency, row.kind) for row in made} == {
        (merchant, "EUR", "income"),
        (other, "EUR", "income"),
    }
    assert made.count() == 2


@pytest.mark.parametrize(
    "changed",
    [
        AccountSpec(TAKINGS.code, "asset", "EUR"),
        AccountSpec(TAKINGS.code, "income", "EUR", item_required=True),
    ],
    ids=["kind", "rule"],
)
def test_an_account_never_changes(merchant: str, changed: AccountSpec) -> None:
    book(merchant, 1)
    with pytest.raises(AccountDiffers):
        post([entry(merchant, debit(changed, 5, 1), credit(FEES, 5))])


@pytest.mark.django_db(transaction=True)
def test_a_process_that_has_seen_too_many_accounts_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is bounded; nothing is booked elsewhere for it."""
    accounts.forget()
    monkeypatch.setattr(accounts, "MOST_REMEMBERED", 3)
    merchants = [new_merchant() for _ in range(4)]
    for merchant in [*merchants, *merchants]:
        book(merchant, 100)
        assert len(accounts._remembered) <= 5
    assert [balance(merchant, RECEIVABLE) for merchant in merchants] == [200] * 4


@pytest.mark.django_db(transaction=True)
def test_a_process_whose_database_was_put_back_refuses_once_and_finds_its_accounts_again(merchant: str) -> None:
    book(merchant, 100)
    for place in [place for place in accounts._remembered if place[0] == merchant]:
        accounts._remembered[place] += 1_000_000  # as they were numbered in another database
    with pytest.raises(BooksRefused, match="ledger_posting_account"):
        book(merchant, 50)
    book(merchant, 20)
    assert balance(merchant, RECEIVABLE) == 120


def test_a_line_is_in_a_currency_that_there_is() -> None:
    with pytest.raises(ValueError, match="'GLD' is no ISO 4217 currency"):
        debit(AccountSpec("till:chn_x", "asset", "GLD"), 100)


@pytest.mark.parametrize("key", ['sale "A"', "back\\slash", '\\"', "a,b{c}", "NULL"])
def test_a_key_of_any_characters_is_kept_as_it_is(merchant: str, key: str) -> None:
    keys = [f"{key} {merchant} {number}" for number in range(2)]
    post([sale(merchant, key=name) for name in keys])
    assert set(JournalEntry.objects.filter(merchant_id=merchant).values_list("key", flat=True)) == set(keys)


def test_items_are_numbers_that_come_once() -> None:
    numbers = [*next_items(3), *next_items(2)]
    assert len(set(numbers)) == 5
    assert numbers == sorted(numbers)


@pytest.mark.django_db(transaction=True)
def test_a_reused_key_takes_its_whole_batch_down(merchant: str) -> None:
    key = f"capture:{merchant}"
    post([sale(merchant, key=key)])
    with pytest.raises(KeyReused, match=key):
        post([sale(merchant, 7), sale(merchant, 8, key=key), sale(merchant, 9)])
    assert balance(merchant, RECEIVABLE) == 1250


@pytest.mark.django_db(transaction=True)
def test_an_account_whose_making_was_rolled_back_is_made_again(merchant: str) -> None:
    with transaction.atomic():
        book(merchant, 100)
        transaction.set_rollback(True)
    book(merchant, 200)
    assert balance(merchant, RECEIVABLE) == 200


@pytest.mark.django_db(transaction=True)
def test_a_known_account_costs_no_question(merchant: str, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    accounts.forget()
    book(merchant, 1)
    with django_assert_num_queries(0):  # one entry's statement goes past Django's cursor
        book(merchant, 2)
    with django_assert_num_queries(1):
        book(merchant, 3, 4)


@pytest.mark.django_db(transaction=True)
def test_one_entry_is_not_booked_in_a_transaction_that_failed(merchant: str) -> None:
    with transaction.atomic():
        with pytest.raises(IntegrityError), transaction.atomic():
            raise IntegrityError
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            book(merchant, 1)
    assert not JournalEntry.objects.filter(merchant_id=merchant).exists()


@pytest.mark.django_db(transaction=True)
def test_a_connection_lost_under_one_entry_is_told_and_the_next_one_stands(merchant: str) -> None:
    book(merchant, 1)
    disconnect(settings.DATABASE_URL, connection.connection.info.backend_pid)
    with pytest.raises(OperationalError):
        book(merchant, 2)
    connection.close()
    [booked] = book(merchant, 3)
    assert JournalEntry.objects.filter(merchant_id=merchant).count() == 2
    assert Posting.objects.filter(entry=booked).count() == 2

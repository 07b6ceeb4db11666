"""What stands in an outbox: every entry of a day that is over, once, and what is booked on it later beside it."""

from datetime import date, timedelta

from django.utils import timezone

from payments.ledger.days import close_day
from payments.ledger.models import JournalEntry
from reconciliation.models import Connector, ConnectorEntry
from reconciliation.services import connectors, fill_outboxes
from tests.connectors.conftest import Accountant, Connects
from tests.threads import at_once


def entries(accountant: Accountant) -> set[str]:
    """The ids of all entries of the books."""
    rows = JournalEntry.objects.filter(merchant_id=accountant.shop.merchant.id)
    return set(rows.values_list("id", flat=True))


def test_each_day_is_one_document_and_today_waits(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.sells(10_00, days_ago=2)
    accountant.sells(20_00, days_ago=1)
    accountant.sells(30_00, days_ago=1)
    fill_outboxes.fill(accountant.connector.id, now=accountant.noon(0))
    assert [(one.book_date, one.entries, one.number) for one in accountant.documents()] == [
        (accountant.day(2), 1, 1),
        (accountant.day(1), 2, 1),
    ]
    accountant.shop.pin(40_00)
    assert fill_outboxes.fill(accountant.connector.id, now=accountant.noon(0)) == 0


def test_a_day_is_over_three_hours_after_midnight(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.sells(10_00, days_ago=1)
    midnight = accountant.noon(0) - timedelta(hours=12)
    assert fill_outboxes.fill(accountant.connector.id, now=midnight + timedelta(hours=2, minutes=59)) == 0
    assert fill_outboxes.fill(accountant.connector.id, now=midnight + timedelta(hours=3)) == 1


def test_what_is_booked_on_a_day_that_was_sent_is_an_addition_with_the_next_number(connects: Connects) -> None:
    accountant = connects("xero")
    accountant.sells(10_00)
    assert accountant.hand_over() == 1
    accountant.sells(25_00)
    assert accountant.hand_over() == 1
    first, second = accountant.documents()
    assert (first.book_date, first.number, second.book_date, second.number) == (
        accountant.day(1),
        1,
        first.book_date,
        2,
    )
    assert [effect.total for effect in accountant.package.effects] == [10_00, 25_00]
    assert len({first.key, second.key}) == 2
    assert [row["Narration"].endswith("aanvulling 2") for row in accountant.package.journals] == [False, True]


def test_nothing_before_the_first_day_is_sent(connects: Connects) -> None:
    accountant = connects("moneybird")
    Connector.objects.filter(id=accountant.connector.id).update(starts_on=accountant.day(1))
    accountant.sells(10_00, days_ago=2)
    accountant.sells(20_00, days_ago=1)
    accountant.fill()
    assert accountant.document.book_date == accountant.day(1)


def test_where_days_are_sent_when_closed_an_open_day_waits(connects: Connects) -> None:
    accountant = connects("moneybird", days="closed")
    accountant.sells(10_00, days_ago=1)
    assert accountant.fill() == 0
    close_day(accountant.shop.merchant.id, accountant.day(1), actor="tests")
    assert accountant.fill() == 1
    accountant.sells(5_00, days_ago=1)  # too late for that day: it is booked on the first open one
    assert accountant.fill() == 0


def test_a_day_that_one_channel_closed_is_sent_as_far_as_it_is_that_channels(connects: Connects) -> None:
    accountant = connects("moneybird", days="closed")
    accountant.sells(10_00, days_ago=1)
    shop = accountant.shop
    close_day(shop.merchant.id, accountant.day(1), branch=shop.webshop.id, actor="tests")
    assert accountant.fill() == 0
    close_day(shop.merchant.id, accountant.day(1), branch=shop.store.id, actor="tests")
    assert accountant.fill() == 1


def test_two_who_fill_at_once_put_no_entry_into_two_documents(connects: Connects) -> None:
    accountant = connects("moneybird")
    for amount in (10_00, 20_00, 30_00):
        accountant.sells(amount)
    filled = at_once(*[accountant.fill] * 4)
    assert sorted(filled) == [0, 0, 0, 3]
    assert set(ConnectorEntry.objects.values_list("entry_id", flat=True)) == entries(accountant)
    assert accountant.document.entries == 3


def test_one_who_committed_late_is_found_later(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.fill()
    sale = accountant.sells(10_00)
    # Booked before the outbox was filled last, committed after it.
    Connector.objects.filter(id=accountant.connector.id).update(filled_at=timezone.now() + timedelta(hours=20))
    assert accountant.fill() == 1
    assert sale.amount == 10_00


def test_another_currency_is_a_document_of_its_own_that_a_person_books(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.sells(10_00)
    accountant.sells(20_00, currency="USD")
    assert accountant.hand_over() == 1
    euro, dollar = sorted(accountant.documents(), key=lambda one: one.currency)
    assert (euro.status, dollar.status, dollar.error_code) == ("sent", "failed", "currency_not_booked")


def test_what_is_switched_off_sends_nothing_and_catches_up(connects: Connects) -> None:
    accountant = connects("moneybird")
    accountant.sells(10_00)
    accountant.fill()
    connectors.switch(accountant.connector, on=False, actor="tests")
    assert accountant.send() == 0
    accountant.sells(20_00, days_ago=2)
    assert accountant.fill() == 0
    connectors.switch(accountant.connector, on=True, actor="tests")
    assert accountant.hand_over() == 2
    assert len(accountant.package.effects) == 2


def test_every_line_balances_per_account_and_side(connects: Connects) -> None:
    accountant = connects("moneybird")
    sale = accountant.sells(50_00)
    accountant.gives_back(sale, 20_00)
    accountant.hand_over()
    (booked,) = accountant.package.documents
    lines = [(line["debit"], line["credit"]) for line in booked["general_journal_document_entries"]]
    # receivable + and -, refunds payable + and -, returns +, takings -
    assert sorted(lines) == sorted(
        [("50.00", "0"), ("0", "20.00"), ("20.00", "0"), ("0", "20.00"), ("20.00", "0"), ("0", "50.00")]
    )
    assert booked["date"] == accountant.day(1).isoformat()
    assert date.fromisoformat(booked["date"]) == accountant.document.book_date

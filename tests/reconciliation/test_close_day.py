"""A day of the books is closed once, when it is over; a late file books on the first open day."""

from datetime import timedelta

import pytest
from django.utils import timezone

from payments.core.errors import Conflict
from payments.ledger.models import JournalEntry
from payments.people.models import AuditLog
from reconciliation.services.close_day import close_day
from tests.reconciliation.conftest import BankLine, Shop, statement


def test_a_day_that_is_over_is_closed_once(shop: Shop) -> None:
    yesterday = timezone.now().astimezone(shop.merchant.zone).date() - timedelta(days=1)
    assert close_day(merchant=shop.merchant, day=yesterday, actor="usr_1")
    assert not close_day(merchant=shop.merchant, day=yesterday, actor="usr_1")
    assert AuditLog.objects.filter(action="day.closed", actor="usr_1").count() == 1


def test_a_day_that_is_not_over_stays_open(shop: Shop) -> None:
    today = timezone.now().astimezone(shop.merchant.zone).date()
    with pytest.raises(Conflict) as refusal:
        close_day(merchant=shop.merchant, day=today, actor="usr_1")
    assert refusal.value.code == "day_not_over"


def test_what_a_late_statement_books_goes_to_the_first_open_day(shop: Shop) -> None:
    today = timezone.now().astimezone(shop.merchant.zone).date()
    close_day(merchant=shop.merchant, day=today - timedelta(days=1), actor="usr_1")
    shop.sends(statement(BankLine(100, name="Simulator"), on=today - timedelta(days=1)))
    entry = JournalEntry.objects.get(event="bank_suspense")
    assert entry.book_date == today
    assert entry.occurred_at.astimezone(shop.merchant.zone).date() == today - timedelta(days=1)

"""Cash from a till is in transit until the bank's statement shows it, under its own seal or as a deposit of its amount."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.accounting.chart_of_accounts import account
from payments.core.money import Money
from payments.ledger import balances
from payments.models import Discrepancy, TillMovement
from payments.services.till import TillReport, move
from reconciliation.models import BankStatementLine
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.till_deposits import rematch
from tests.builders import BY
from tests.reconciliation.conftest import IBAN, BankLine, Shop, statement, violations

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def banked(shop: Shop) -> Shop:
    shop.merchant.iban = IBAN
    shop.merchant.save(update_fields=["iban"])
    shop.store.merchant = shop.merchant
    return shop


def deposit(shop: Shop, amount: int, reason: str = "", days: int = 0) -> TillMovement:
    done = timezone.now() - timedelta(days=days)
    report: dict[str, Any] = {"channel": shop.store, "operator": "Bo", "occurred_at": done}
    move(TillReport(kind="paid_in", amount=Money(amount, "EUR"), **report), actor=BY)
    return move(TillReport(kind="deposit", amount=Money(amount, "EUR"), reason=reason, **report), actor=BY)


def in_transit(shop: Shop) -> dict[int, int]:
    found = balances.open_items(shop.merchant.id, f"in_transit:{IBAN}")
    return {each.item: each.amount for each in found}


def seen(movement: TillMovement) -> bool:
    return BankStatementLine.objects.filter(item=movement.item, state="deposit").exists()


def test_a_deposit_is_recognized_by_its_seal_and_by_the_banks_words(banked: Shop) -> None:
    older, sealed = deposit(banked, 45_000, "Bag 90001"), deposit(banked, 45_000, "Bag 77123")
    assert in_transit(banked) == {older.item: 45_000, sealed.item: 45_000}
    banked.sends(statement(BankLine(45_000, "Geldstorting sealbag 77123"), BankLine(45_000, "Salaris terug")))
    assert (seen(older), seen(sealed)) == (False, True)
    banked.sends(statement(BankLine(45_000, "AFSTORTING AUTOMAAT 12"), opening=190_000))
    assert seen(older) and in_transit(banked) == {}
    assert balances.balance(banked.merchant.id, account("bank", "EUR", IBAN)) == 90_000
    assert violations() == []


def test_a_deposit_of_another_amount_or_month_stays_in_transit(banked: Shop) -> None:
    one, old = deposit(banked, 45_000), deposit(banked, 20_000, days=30)
    banked.sends(statement(BankLine(44_000, "Geldstorting"), BankLine(20_000, "Geldstorting")))
    assert not seen(one) and not seen(old)


def test_a_deposit_that_is_reported_after_the_statement_is_found(banked: Shop) -> None:
    banked.sends(statement(BankLine(45_000, "Geldstorting")))
    late = deposit(banked, 45_000)
    assert rematch() == 1 and seen(late)
    assert rematch() == 0
    assert violations() == []


def test_a_deposit_that_never_arrives_is_told_and_closes_by_itself(banked: Shop) -> None:
    gone = deposit(banked, 45_000, "Bag 90001", days=8)
    assert raise_overdue() == 1 and raise_overdue() == 0
    discrepancy = Discrepancy.objects.get(kind="payout_not_received")
    assert "Bo took" in discrepancy.detail and discrepancy.amount == 45_000
    banked.sends(statement(BankLine(45_000, "Storting 90001")))
    discrepancy.refresh_from_db()
    assert seen(gone) and discrepancy.status == "resolved"

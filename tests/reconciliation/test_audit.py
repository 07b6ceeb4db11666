"""The audit recomputes settlements, payouts and bank lines, and names each row that was tampered with."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from payments.accounting.labels import EVENTS
from payments.ledger import audit as ledger_audit
from payments.ledger.models import JournalEntry
from reconciliation import audit
from reconciliation.models import BankStatementLine, Payout, Settlement, SettlementLine
from reconciliation.services import rematch
from reconciliation.services.resolve import Resolution, resolve
from tests.reconciliation.conftest import BankLine, Line, Shop, card_present, settlement_csv, statement


def full_week(shop: Shop) -> None:
    """Everything that reconciliation books at least once."""
    account = shop.account("simulator")
    payments = [shop.sells_online(5000) for _ in range(4)]
    operations = [payment.operations.get().id for payment in payments]
    dollars = shop.sells_online(5000, currency="USD").operations.get().id
    shop.sends(
        settlement_csv(
            Line(5000, 100, 21, operation=operations[0]),
            Line(4800, 100, 21, operation=operations[1]),
            Line(-1000, type="refund", payment_reference=str(payments[0].provider_reference)),
            Line(4500, operation=dollars),
            Line(700, reference="who?"),
            Line(5000, reference="later"),
            Line(5000, operation=operations[0]),
            Line(0, 500, 105, type="fee", reference="F"),
            Line(-1000, type="reserve_hold", reference="R"),
            payout="PAY-1",
        )
    )
    payments[3].operations.update(provider_reference="later")
    rematch.rematch()
    shop.sells_in_store(900, offline=True, rrn="000000000123")
    shop.sends(settlement_csv(card_present(900, rrn="000000000123", fee=5)))
    payout = Payout.objects.get(reference="PAY-1")
    shop.sends(
        statement(
            BankLine(payout.amount - 100, "PAY-1"),
            BankLine(123, "Something", name="Simulator B.V."),
            BankLine(-5000, "Rent"),
        )
    )
    for row in shop.disagreements("payout_differs", "amount_differs"):
        resolution = Resolution(action="book_fee", note="It is their fee.")
        resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests")
    assert account.merchant_id == shop.merchant.id


def test_true_books_have_nothing_to_name(shop: Shop) -> None:
    full_week(shop)
    assert set(JournalEntry.objects.values_list("event", flat=True)) <= EVENTS.keys()  # each has a name for people
    assert list(audit.check()) == []
    assert list(ledger_audit.violations([import_string(path) for path in settings.LEDGER_AUDITS])) == []


@pytest.mark.parametrize(
    ("tamper", "rule"),
    [
        (lambda: Settlement.objects.filter(gross__gt=1000).update(gross=1, net=1, fee=0, vat=0), "settlement_wrong"),
        (lambda: SettlementLine.objects.filter(reference="who?").update(gross=701), "settlement_sums_wrong"),
        (lambda: SettlementLine.objects.filter(reference="R").update(item=1), "settlement_wrong"),
        (lambda: SettlementLine.objects.filter(reference="later").update(state="unknown"), "settlement_wrong"),
        (lambda: Payout.objects.update(amount=1), "payout_wrong"),
        (lambda: Payout.objects.update(amount_received=1), "payout_received_wrong"),
        (lambda: BankStatementLine.objects.filter(amount=123).update(amount=124), "bank_line_wrong"),
        (lambda: BankStatementLine.objects.filter(amount=-5000).update(state="suspense"), "bank_line_wrong"),
    ],
)
def test_a_row_that_was_tampered_with_is_named(shop: Shop, tamper: Callable[[], object], rule: str) -> None:
    full_week(shop)
    tamper()
    assert rule in {violation.rule for violation in audit.check()}

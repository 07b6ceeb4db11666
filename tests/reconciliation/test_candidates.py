"""A person sees what a difference could be about, what speaks for it, and what each action would book."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.errors import ValidationFailed
from payments.core.money import Money
from payments.models import Discrepancy, Payment
from payments.services.card_present.types import Kind
from reconciliation.models import BankStatementLine, Payout
from reconciliation.services.actions import actions
from reconciliation.services.candidates import Candidate, called, candidates
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.resolve import Resolution, decide, resolve
from tests.people.cast import person
from tests.reconciliation.conftest import BankLine, Line, Shop, card_present, settlement_csv, statement
from tests.reconciliation.test_payout_references import announced


def signals(one: Candidate) -> dict[str, bool]:
    return {signal.name: signal.agrees for signal in one.signals}


def test_both_sides_of_a_contradiction_are_candidates(shop: Shop) -> None:
    first, second = shop.sells_online(5_000), shop.sells_online(5_000)
    made = second.operations.get().provider_reference
    assert made is not None
    line = Line(5_000, operation=first.operations.get().id, reference=made)
    shop.sends(settlement_csv(line), provider_account=shop.account("simulator"))
    (row,) = shop.disagreements()
    found = candidates(row)
    assert {one.id for one in found} == {first.id, second.id}
    assert {(one.id, tuple(signals(one).items())) for one in found} == {
        (first.id, (("operation", True), ("reference", False), ("amount", True), ("day", True))),
        (second.id, (("operation", False), ("reference", True), ("amount", True), ("day", True))),
    }


def test_of_equal_numbers_at_two_tills_all_are_candidates_the_likeliest_first(shop: Shop) -> None:
    numbers: dict[str, Any] = {"rrn": "632810000007", "authorization_code": "C0FFE1"}
    sold = [shop.reports(Kind.SALE, amount, **numbers).payment_id for amount in (1_000, 1_000, 9_000)]
    line = card_present(1_000, rrn="632810000007", code="C0FFE1")
    shop.sends(settlement_csv(line), provider_account=shop.account("external"))
    (row,) = shop.disagreements("unknown_line")
    found = candidates(row)
    assert [one.id for one in found[:2]] == sold[:2] or [one.id for one in found[:2]] == sold[1::-1]
    assert found[2].id == sold[2]
    assert signals(found[2]) == {"rrn": True, "authorization_code": True, "amount": False, "day": True}


def test_a_sale_is_called_by_its_order_its_receipt_its_card_or_its_day(shop: Shop) -> None:
    sold = shop.reports(Kind.SALE, 1_000).payment_id
    payment = Payment.objects.select_related("order").get(id=sold)
    payment.order.reference, payment.receipt_number, payment.card_last4 = "W-1", "T1-0007", "4242"
    assert called(payment) == "W-1"
    payment.order.reference = None
    assert called(payment) == "T1-0007"
    payment.receipt_number = None
    assert called(payment) == "•4242"
    payment.card_last4 = None
    assert called(payment) == payment.business_day.isoformat()


def test_another_merchants_payments_are_none(shop: Shop, open_shop: Callable[[str], Shop]) -> None:
    other = open_shop("Kaas")
    other.sells_online(5_000)
    shop.sends(settlement_csv(Line(5_000, reference="who?")), provider_account=shop.account("simulator"))
    assert candidates(shop.disagreements()[0]) == []


def test_a_payout_that_did_not_come_is_matched_by_hand_with_a_bank_line(shop: Shop) -> None:
    payout = announced(shop, "REF 1234567", 77_00)
    shop.sends(statement(BankLine(77_00, "1234567", name="Stichting Derdengelden"), BankLine(5_00, "Bestelling 12")))
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (row,) = shop.disagreements("payout_not_received")
    likeliest, other = candidates(row)
    line = BankStatementLine.objects.get(amount=77_00)
    assert (likeliest.id, likeliest.type, likeliest.money) == (f"bnl_{line.id}", "bank_line", Money(77_00, "EUR"))
    assert signals(likeliest)["amount"] and not signals(other)["amount"]
    assert next(iter(actions(row, actor="tests"))).action == "match"
    done = resolve(
        merchant=shop.merchant,
        discrepancy_id=row.id,
        resolution=Resolution(action="match", note="The bank left out the prefix.", with_=(likeliest.id,)),
        actor="tests",
    )
    assert (done.status, Payout.objects.get(id=payout.id).status) == ("resolved", "received")
    assert shop.balance("in_transit", payout.item) == 0
    assert shop.balance("bank") == 77_00


def test_a_bank_line_of_another_amount_needs_a_second_person_and_leaves_the_rest_open(shop: Shop) -> None:
    announced(shop, "REF 1234567", 77_00)
    shop.sends(statement(BankLine(75_00, "1234567", name="Simulator Payments")))
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (row,) = shop.disagreements("payout_not_received")
    anna, bob = person("anna", shop.merchant.id), person("bob", shop.merchant.id)
    resolution = Resolution(action="match", note="2.00 short.", with_=(candidates(row)[0].id,))
    assert (
        resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor=anna.id).status
        == "proposed"
    )
    decide(row.id, user=bob, approved=True)
    row.refresh_from_db()
    assert row.status == "resolved"
    assert [(left.kind, left.amount) for left in shop.disagreements("payout_differs", "unknown_line")] == [
        ("payout_differs", 2_00)
    ]
    assert shop.balance("suspense") == 0


@pytest.mark.parametrize("name", ["bnl_0", "bnl_99999999999999999999", "bnl_x", "pyo_1", "bnl_\u0661"])
def test_a_bank_line_that_is_none_is_refused(shop: Shop, name: str) -> None:
    announced(shop, "REF 1234567", 77_00)
    raise_overdue(now=timezone.now() + timedelta(days=9))
    (row,) = shop.disagreements("payout_not_received")
    resolution = Resolution(action="match", note="That one.", with_=(name,))
    with pytest.raises(ValidationFailed) as refusal:
        resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor="tests")
    assert refusal.value.faults[0].code == "not_found"


def test_an_action_says_what_it_would_book_and_who_must_agree(shop: Shop) -> None:
    payment = shop.sells_online(5_000)
    line = Line(4_800, operation=payment.operations.get().id)
    shop.sends(settlement_csv(line), provider_account=shop.account("simulator"))
    (row,) = shop.disagreements()
    by_name = {action.action: action for action in actions(row, actor="tests")}
    assert by_name["write_off"].needs_second_person
    assert not by_name["book_fee"].needs_second_person
    owed = f"receivable:{payment.provider_account_id}"
    assert [(side.account, side.item, side.debit, side.credit) for side in by_name["write_off"].books] == [
        ("write_offs", None, 200, 0),
        (owed, payment.item, 0, 200),
    ]
    assert by_name["wait"].books == ()
    Discrepancy.objects.update(status="resolved")
    row.refresh_from_db()
    assert actions(row, actor="tests") == []


def test_a_reference_within_another_word_does_not_agree(shop: Shop) -> None:
    announced(shop, "SIMPAY-2026-1", 25_000)
    shop.sends(statement(BankLine(25_000, "PAYOUT SIMPAY-2026-12", name="SIMULATOR PAYMENTS BV")))
    (row,) = shop.disagreements("unknown_line")
    (payout,) = candidates(row)
    found = signals(payout)
    assert (found["reference"], found["amount"], found["counterparty"]) == (False, True, True)

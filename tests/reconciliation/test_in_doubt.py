"""A terminal's `unknown` has an end: the acquirer's lines, or a person with evidence, settle it either way."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils.module_loading import import_string

from payments import statistics
from payments.core.errors import Conflict, Forbidden
from payments.core.money import Money
from payments.ledger.audit import one_moment, violations
from payments.models import CardEvidence, Discrepancy, Payment, Refund
from payments.notify.models import Event
from payments.people.actors import Actor, Caller
from payments.people.scopes import SCOPES
from payments.services.card_present.types import DeviceOutcome, Kind
from payments.services.create import PaymentRequest, create_payment
from payments.services.orders import OrderName
from reconciliation.models import SettlementLine
from reconciliation.services import rematch
from reconciliation.services.open_balance import possible
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.resolve import Resolution, decide, resolve
from tests.people.cast import person
from tests.reconciliation.conftest import Shop, card_present, settlement_csv

TID = "12345601"
UNKNOWN, DECLINED, APPROVED = DeviceOutcome.UNKNOWN, DeviceOutcome.DECLINED, DeviceOutcome.APPROVED


def numbers(number: int, *, code: str = "") -> dict[str, Any]:
    """What a device prints of its n-th transaction."""
    reported = {"rrn": f"6328140{number:05}", "stan": f"{number:06}", "acquirer_tid": TID}
    return reported | ({"authorization_code": code} if code else {})


def line(amount: int, number: int, **more: Any) -> Any:
    """What the acquirer writes of it."""
    kind = "terminal_refund" if amount < 0 else "terminal_sale"
    stated = {"kind": kind, "rrn": f"6328140{number:05}", "stan": f"{number:06}", "tid": TID, "fee": 6}
    return card_present(amount, **{**stated, **more})


def audit_finds() -> list[str]:
    """What the audit of all floors names."""
    with one_moment():
        return [str(found) for found in violations(import_string(path) for path in settings.LEDGER_AUDITS)]


def settled_by(shop: Shop, row: Discrepancy, action: str, actor: Actor) -> Discrepancy:
    resolution = Resolution(action=action, note="The acquirer's portal shows it, printed and filed.")
    return resolve(merchant=shop.merchant, discrepancy_id=row.id, resolution=resolution, actor=actor)


def test_the_acquirer_pays_a_sale_of_which_the_terminal_knew_nothing(shop: Shop) -> None:
    sale = shop.sells_in_store(2495, ending=UNKNOWN, order="TILL-1401", **numbers(1))
    day = sale.business_day
    shop.sends(settlement_csv(line(2495, 1, code="A1B2C3")))
    sale.refresh_from_db()
    assert (sale.status, sale.amount_captured, sale.business_day) == ("captured", 2495, day)
    assert shop.balance("receivable", sale.item) == 0
    assert [(row.kind, row.status) for row in Discrepancy.objects.all()] == [("outcome_unknown", "resolved")]
    assert Event.objects.filter(type="payment.captured", object_id=sale.id).count() == 1
    (figures,) = statistics.figures(merchant_id=shop.merchant.id, first=day, last=day)
    assert (figures["sales_count"], figures["sales_amount"]) == (1, 2495)
    assert audit_finds() == []


def test_the_devices_own_later_word_changes_nothing_or_is_told(shop: Shop) -> None:
    shop.sells_in_store(2495, ending=UNKNOWN, **numbers(1))
    shop.sends(settlement_csv(line(2495, 1)))
    agreed = shop.reports(Kind.SALE, 2495, resolves=1)
    assert (agreed.discrepancies, shop.disagreements()) == ([], [])
    contradicts = shop.reports(Kind.SALE, 2495, ending=DECLINED, resolves=1)
    assert [row.kind for row in contradicts.discrepancies] == ["sequence_conflict"]
    assert (Payment.objects.get().status, shop.balance("takings")) == ("captured", -2495)


def test_a_settlement_that_came_first_settles_what_the_device_tells_later(shop: Shop) -> None:
    shop.sends(settlement_csv(line(1200, 7)), provider_account=shop.account("external"))
    sale = shop.sells_in_store(1200, ending=UNKNOWN, **numbers(7))
    rematch.rematch()
    sale.refresh_from_db()
    assert (sale.status, shop.balance("receivable", sale.item), shop.balance("suspense")) == ("captured", 0, 0)
    assert shop.disagreements() == []
    assert audit_finds() == []


def test_a_sale_called_declined_that_is_paid_stands_as_one_discrepancy_that_offers_to_book_it(shop: Shop) -> None:
    sale = shop.sells_in_store(6000, ending=DECLINED, order="TILL-1402", **numbers(2))
    shop.sends(settlement_csv(line(6000, 2)))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount, row.payment_id) == ("missing_in_books", 6000, sale.id)
    assert "captured" in possible(row)
    settled_by(shop, row, "captured", person("anna", shop.merchant.id).id)
    sale.refresh_from_db()
    assert (sale.status, shop.balance("receivable", sale.item), shop.disagreements()) == ("captured", 0, [])
    rematch.rematch()
    assert SettlementLine.objects.get().state == "matched"
    assert audit_finds() == []


def test_a_refund_in_doubt_is_booked_when_it_is_settled(shop: Shop) -> None:
    sale = shop.sells_in_store(3000, **numbers(1, code="A1B2E1"))
    shop.reports(Kind.REFUND, 1000, ending=UNKNOWN, original=1, **numbers(2))
    shop.sends(settlement_csv(line(3000, 1, code="A1B2E1"), line(-1000, 2)))
    sale.refresh_from_db()
    assert (sale.amount_refunded, sale.order.refundable) == (1000, 2000)
    assert (shop.balance("suspense"), shop.balance("receivable", sale.item), shop.disagreements()) == (0, 0, [])
    assert CardEvidence.objects.get(sequence=2).operation_id == SettlementLine.objects.get(gross=-1000).operation_id
    again = shop.reports(Kind.REFUND, 1000, resolves=2)
    assert (Refund.objects.count(), again.discrepancies) == (1, [])
    contradicts = shop.reports(Kind.REFUND, 1000, ending=DECLINED, resolves=2)
    assert [row.kind for row in contradicts.discrepancies] == ["sequence_conflict"]
    assert audit_finds() == []


def test_where_a_device_tells_no_tid_rrn_and_stan_together_name_its_transaction(shop: Shop) -> None:
    proof: dict[str, Any] = {"rrn": "632817001422", "stan": "001422"}
    sale = shop.sells_in_store(1000, ending=UNKNOWN, **proof)
    shop.sends(settlement_csv(card_present(1000, tid=TID, **proof)))
    sale.refresh_from_db()
    assert (sale.status, shop.disagreements()) == ("captured", [])


def test_a_refund_in_doubt_that_is_of_no_known_sale_is_booked_too(shop: Shop) -> None:
    shop.sends(settlement_csv(line(-700, 3)), provider_account=shop.account("external"))
    shop.reports(Kind.REFUND, 700, ending=UNKNOWN, **numbers(3))
    rematch.rematch()
    item = SettlementLine.objects.get().item
    assert (Refund.objects.get().amount, shop.balance("receivable", item), shop.balance("suspense")) == (700, 0, 0)
    assert [row.kind for row in shop.disagreements("outcome_unknown", "unknown_line")] == []
    assert audit_finds() == []


def test_what_the_device_settled_itself_is_not_booked_again(shop: Shop) -> None:
    sale = shop.sells_in_store(3000, **numbers(1))
    shop.reports(Kind.REFUND, 1000, ending=UNKNOWN, original=1, **numbers(2))
    shop.reports(Kind.REFUND, 1000, resolves=2)  # without the acquirer's numbers
    shop.sends(settlement_csv(line(3000, 1), line(-1000, 2)))
    sale.refresh_from_db()
    assert (Refund.objects.count(), sale.amount_refunded, shop.disagreements()) == (1, 1000, [])
    assert shop.balance("receivable", sale.item) == 0


@pytest.mark.parametrize("of", [Kind.SALE, Kind.REFUND, Kind.REVERSAL])
@pytest.mark.parametrize("action", ["captured", "declined"])
def test_a_person_with_evidence_settles_it_either_way(shop: Shop, of: Kind, action: str) -> None:
    made, anna = action == "captured", person("anna", shop.merchant.id)
    if of != Kind.SALE:
        shop.sells_in_store(2000)
    shop.reports(of, 2000, ending=UNKNOWN, original=None if of == Kind.SALE else 1)
    (row,) = shop.disagreements()
    assert possible(row)[:2] == ("captured", "declined")
    with pytest.raises(Forbidden) as refusal:
        settled_by(shop, row, action, Caller("key_06h2mah4h400781696j8nhk2h0", shop.merchant.id, None, True, SCOPES))
    assert refusal.value.code == "person_required"
    assert settled_by(shop, row, action, anna.id).resolution["note"].startswith("The acquirer's portal")
    assert shop.disagreements() == []
    payment = Payment.objects.get()
    expected = {
        Kind.SALE: ("captured", 2000, 0) if made else ("declined", 0, 0),
        Kind.REFUND: ("captured", 2000, 2000) if made else ("captured", 2000, 0),
        Kind.REVERSAL: ("reversed", 0, 0) if made else ("captured", 2000, 0),
    }[of]
    assert (payment.status, payment.amount_captured, payment.amount_refunded) == expected
    assert audit_finds() == []
    # What the device says later agrees, or is told.
    first = 1 if of == Kind.SALE else 2
    ending, other = (APPROVED, DECLINED) if made else (DECLINED, APPROVED)
    assert shop.reports(of, 2000, ending=ending, resolves=first).discrepancies == []
    shown = shop.reports(of, 2000, ending=other, resolves=first).discrepancies
    assert "sequence_conflict" in [found.kind for found in shown]


def test_what_a_person_called_declined_and_the_acquirer_pays_is_one_discrepancy(shop: Shop) -> None:
    sale = shop.sells_in_store(2000, ending=UNKNOWN, **numbers(1))
    anna = person("anna", shop.merchant.id)
    settled_by(shop, shop.disagreements()[0], "declined", anna.id)
    shop.sends(settlement_csv(line(2000, 1)))
    (row,) = shop.disagreements()
    assert (row.kind, row.payment_id) == ("missing_in_books", sale.id)
    settled_by(shop, row, "captured", anna.id)
    assert shop.balance("receivable", sale.item) == 0
    assert shop.disagreements() == []


def test_what_is_known_by_now_is_settled_by_nobody(shop: Shop) -> None:
    shop.sells_in_store(2000, ending=UNKNOWN, **numbers(1))
    (row,) = shop.disagreements()
    shop.reports(Kind.SALE, 2000, resolves=1)
    with pytest.raises(Conflict):
        settled_by(shop, row, "declined", person("anna", shop.merchant.id).id)


def test_a_doubt_is_settled_by_nothing_less_than_terminal_and_number(shop: Shop) -> None:
    """Another TID is another sale; a code alone, another amount or two that fit leave it in doubt."""
    sale = shop.sells_in_store(2000, ending=UNKNOWN, **numbers(1))
    other = line(2000, 1, tid="99999999")
    shop.sends(settlement_csv(other, line(1999, 1)), provider_account=shop.account("external"))
    sale.refresh_from_db()
    assert sale.status == "unknown"
    kinds = sorted(row.kind for row in shop.disagreements())
    assert kinds in (
        ["outcome_unknown", "unknown_line", "unknown_line"],
        ["missing_in_books", "outcome_unknown", "unknown_line"],
    )
    assert audit_finds() == []


def test_the_acquirer_declines_what_was_approved_offline(shop: Shop) -> None:
    sale = shop.sells_in_store(2500, offline=True, **numbers(1))
    shop.sends(settlement_csv(line(0, 1, kind="terminal_declined")), provider_account=shop.account("external"))
    assert [row.kind for row in shop.disagreements()] == ["offline_declined"]
    assert (shop.balance("provisional"), shop.balance("write_offs"), shop.balance("receivable", sale.item)) == (
        0,
        2500,
        0,
    )
    assert audit_finds() == []


def test_what_the_acquirer_declined_before_the_device_told_is_taken_in_later(shop: Shop) -> None:
    shop.sends(settlement_csv(line(0, 1, kind="terminal_declined")), provider_account=shop.account("external"))
    shop.sells_in_store(2500, offline=True, **numbers(1))
    rematch.rematch()
    assert ([row.kind for row in shop.disagreements()], shop.balance("write_offs")) == (["offline_declined"], 2500)


@pytest.mark.parametrize(("kind", "status"), [("terminal_confirmed", "captured"), ("terminal_declined", "declined")])
def test_an_acquirers_word_beside_the_money_settles_a_doubt(shop: Shop, kind: str, status: str) -> None:
    sale = shop.sells_in_store(2500, ending=UNKNOWN, **numbers(1))
    shop.sends(settlement_csv(line(0, 1, kind=kind)), provider_account=shop.account("external"))
    sale.refresh_from_db()
    assert (sale.status, shop.disagreements()) == (status, [])
    assert shop.balance("receivable", sale.item) == (2500 if status == "captured" else 0)
    assert audit_finds() == []


def test_an_acquirers_confirmation_makes_an_offline_sale_a_receivable(shop: Shop) -> None:
    sale = shop.sells_in_store(2500, offline=True, **numbers(1))
    shop.sends(settlement_csv(line(0, 1, kind="terminal_confirmed")), provider_account=shop.account("external"))
    assert (shop.balance("provisional"), shop.balance("receivable", sale.item)) == (0, 2500)
    shop.sends(settlement_csv(line(2500, 1)))
    assert (shop.balance("receivable", sale.item), shop.disagreements()) == (0, [])


def test_the_acquirer_declines_what_the_books_have_as_paid(shop: Shop) -> None:
    sale = shop.sells_in_store(2500, **numbers(1))
    shop.sends(settlement_csv(line(0, 1, kind="terminal_declined")))
    (row,) = shop.disagreements()
    assert (row.kind, row.amount, row.payment_id) == ("missing_in_settlement", 2500, sale.id)


def overdue(shop: Shop, payment: Payment) -> Discrepancy:
    """A sale that no settlement has shown for a week."""
    shop.sells_in_store(100, **numbers(99))
    shop.sends(settlement_csv(line(100, 99)))
    raise_overdue(now=payment.occurred_at + timedelta(days=7))
    (row,) = shop.disagreements("missing_in_settlement")
    return row


def test_an_offline_sale_that_was_never_settled_is_written_off_where_it_stands(shop: Shop) -> None:
    sale = shop.sells_in_store(2500, offline=True, **numbers(1))
    row = overdue(shop, sale)
    assert possible(row) == ("write_off", "ask_provider", "wait")
    settled_by(shop, row, "write_off", person("anna", shop.merchant.id).id)
    decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    assert (shop.balance("provisional"), shop.balance("receivable", sale.item), shop.balance("write_offs")) == (
        0,
        0,
        2500,
    )
    assert audit_finds() == []


def test_what_was_written_off_and_is_settled_all_the_same_comes_back(shop: Shop) -> None:
    sale = shop.sells_in_store(2500, offline=True, **numbers(1))
    row = overdue(shop, sale)
    settled_by(shop, row, "write_off", person("anna", shop.merchant.id).id)
    decide(row.id, user=person("bob", shop.merchant.id), approved=True)
    shop.sends(settlement_csv(line(2500, 1)))
    assert (shop.balance("write_offs"), shop.balance("receivable", sale.item)) == (0, 0)
    assert audit_finds() == []
    shop.reports(Kind.REVERSAL, 2500, original=1)
    assert (shop.balance("takings"), shop.balance("provisional"), shop.balance("write_offs")) == (-100, 0, 0)
    assert audit_finds() == []


def test_an_order_in_doubt_can_be_charged_once_it_is_settled(shop: Shop) -> None:
    shop.sells_in_store(2000, ending=UNKNOWN, order="TILL-9")
    request = PaymentRequest(
        channel=shop.store, order=OrderName(reference="TILL-9"), amount=Money(2000, "EUR"), method="card"
    )
    with pytest.raises(Conflict) as refusal:
        create_payment(request, actor="tests")
    assert refusal.value.code == "outcome_unknown"
    settled_by(shop, shop.disagreements()[0], "declined", person("anna", shop.merchant.id).id)
    assert create_payment(request, actor="tests").status == "captured"


def test_two_tills_with_the_same_numbers_are_told_apart_by_their_tid(shop: Shop) -> None:
    same: dict[str, Any] = {"rrn": "632810000007", "stan": "000007"}
    first = shop.sells_in_store(1250, acquirer_tid="12345601", authorization_code="C0FFE1", **same)
    second = shop.sells_in_store(4000, acquirer_tid="12345602", authorization_code="C0FFE2", **same)
    by_code = [shop.sells_in_store(1000, acquirer_tid=f"1234560{n}", authorization_code="D00D01") for n in (1, 2)]
    shop.sends(
        settlement_csv(
            card_present(1250, tid="12345601", code="C0FFE1", **_rrn_and_stan(same)),
            card_present(4000, tid="12345602", code="C0FFE2", **_rrn_and_stan(same)),
            card_present(1000, tid="12345601", code="D00D01"),
            card_present(1000, tid="12345602", code="D00D01"),
        )
    )
    assert shop.disagreements() == []
    assert [shop.balance("receivable", payment.item) for payment in (first, second, *by_code)] == [0, 0, 0, 0]


def test_between_two_that_fit_alike_nobody_guesses(shop: Shop) -> None:
    shop.sells_in_store(1000, rrn="632810000009")
    shop.sells_in_store(1000, rrn="632810000009")
    shop.sends(settlement_csv(card_present(1000, rrn="632810000009")), provider_account=shop.account("external"))
    assert sorted(row.kind for row in shop.disagreements()) == ["duplicate", "unknown_line"]  # one tap, perhaps


def _rrn_and_stan(proof: dict[str, Any]) -> dict[str, Any]:
    return {"rrn": proof["rrn"], "stan": proof["stan"]}

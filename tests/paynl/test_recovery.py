"""No answer came: we look, and nothing is charged or given back a second time without a person."""

from datetime import timedelta
from typing import Any

import pytest

from payments.models import Discrepancy, Operation
from payments.providers.base import Verb
from payments.providers.paynl import provider
from tests.fake_paynl import afterwards
from tests.fake_paynl.server import FakePayNl
from tests.fake_paynl.traps import Trap
from tests.fakes.faults import Fault
from tests.paynl.conftest import PayNlShop

pytestmark = pytest.mark.django_db(transaction=True)
NO_ANSWER = [Fault.DROPPED_DONE, Fault.ERROR_DONE]
LONG = timedelta(minutes=30)


def creations(fake: FakePayNl) -> int:
    return sum(each.endpoint == "POST /v1/orders" for each in fake.received)


def refunds(fake: FakePayNl) -> int:
    return sum(each.endpoint.endswith("/refund") for each in fake.received)


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE, Fault.DROPPED_NOT_DONE, Fault.UNREADABLE])
def test_a_creation_without_answer_is_unknown_and_not_sent_again(
    paynl: PayNlShop, fake_paynl: FakePayNl, fault: Fault
) -> None:
    fake_paynl.faults.plan(fault)
    payment = paynl.pay()
    paynl.work(3)
    assert paynl.payment(payment)["status"] == "unknown"
    assert creations(fake_paynl) == 1


def test_its_exchange_tells_what_it_was(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    fake_paynl.faults.plan(Fault.DROPPED_DONE)
    payment = paynl.pay()
    afterwards.pay(paynl.books, paynl.order_of(payment))
    assert paynl.deliver() == ['{"result": true}']
    assert paynl.payment(payment)["status"] == "captured"
    assert (creations(fake_paynl), paynl.effects()) == (1, [("charge", 50_00)])


def test_what_nobody_paid_in_time_has_run_out(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    fake_paynl.faults.plan(Fault.DROPPED_NOT_DONE)
    payment = paynl.pay()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider, "_GRACE", timedelta(minutes=-16))
        paynl.work()
    assert (paynl.payment(payment)["status"], creations(fake_paynl)) == ("expired", 1)


def test_a_late_success_after_that_still_counts(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    fake_paynl.faults.plan(Fault.DROPPED_DONE)
    payment = paynl.pay()
    afterwards.pay(paynl.books, paynl.order_of(payment))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(provider, "_GRACE", timedelta(minutes=-16))
        paynl.work()
    assert paynl.payment(payment)["status"] == "expired"
    paynl.deliver()
    assert paynl.payment(payment)["status"] == "captured"


def test_an_exchange_before_the_answer(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    heard: list[str] = []
    fake_paynl.traps.set(Trap.EXCHANGE_BEFORE_ANSWER)
    paynl.books.tell = lambda _, order, action: heard.append(paynl.send(order, action))
    payment = paynl.pay()
    paynl.work()
    assert heard == ['{"result": true}']
    assert paynl.payment(payment)["status"] == "captured"


@pytest.mark.parametrize("fault", NO_ANSWER)
def test_a_refund_without_answer_that_was_made_is_seen_in_the_sum(
    paynl: PayNlShop, fake_paynl: FakePayNl, fault: Fault
) -> None:
    payment = paid(paynl)
    fake_paynl.faults.plan(None, fault)  # the sum is read first
    refund = paynl.refund(payment, 20_00)
    assert refund["status"] == "pending"
    afterwards.receive_refund(paynl.books, paynl.books.refunded[paynl.order_of(payment)][0]["id"])
    assert paynl.deliver()[-1] == "TRUE|stored"
    assert paynl.refunded(refund)["status"] == "succeeded"
    assert paynl.effects() == [("charge", 50_00), ("refund", 20_00)]


@pytest.mark.parametrize("fault", [Fault.DROPPED_NOT_DONE, Fault.ERROR_NOT_DONE])
def test_a_refund_that_was_not_made_is_for_a_person(paynl: PayNlShop, fake_paynl: FakePayNl, fault: Fault) -> None:
    payment = paid(paynl)
    fake_paynl.faults.plan(None, fault)
    refund = paynl.refund(payment, 20_00)
    paynl.work()
    assert refund["parts"][0]["status"] == "unknown"  # it may still be running there
    paynl.later(LONG)
    paynl.work()
    parts = paynl.refunded(refund)["parts"]
    # The customer's account is known by their iDEAL: a transfer waits there for a person to release it.
    assert [(part["route"], part["status"]) for part in parts] == [("original", "canceled"), ("bank", "pending")]
    assert (refunds(fake_paynl), paynl.effects()) == (1, [("charge", 50_00)])


def test_two_refunds_at_once_go_one_after_the_other(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    payment = paid(paynl)
    fake_paynl.faults.plan(None, Fault.DROPPED_DONE)
    first = paynl.refund(payment, 20_00)
    second = paynl.refund(payment, 20_00)
    paynl.work(2)
    assert {paynl.refunded(each)["status"] for each in (first, second)} == {"pending"}
    assert paynl.effects()[1:] == [("refund", 20_00), ("refund", 20_00)]
    for row in paynl.books.refunded[paynl.order_of(payment)]:
        afterwards.receive_refund(paynl.books, row["id"])
    paynl.deliver()
    assert paynl.payment(payment)["amount_refunded"] == 40_00


def test_too_fast_is_sent_again(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    payment = paid(paynl)
    fake_paynl.traps.set(Trap.REFUND_TOO_FAST)
    refund = paynl.refund(payment, 20_00)
    paynl.work()
    assert (refunds(fake_paynl), paynl.effects()[1:]) == (2, [("refund", 20_00)])
    assert paynl.refunded(refund)["status"] == "pending"


def test_while_the_sums_differ_nothing_is_given_back(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    """Somebody refunded at the dashboard, and we have not heard of it."""
    payment = paid(paynl)
    afterwards.dashboard_refund(paynl.books, paynl.order_of(payment), 10_00)
    refund = paynl.refund(payment, 20_00)
    operation = Operation.objects.get(refund_part__refund_id=refund["id"])
    assert (operation.outcome, operation.failure_code, refunds(fake_paynl)) == ("not_sent", "sums_differ", 0)
    paynl.deliver()
    paynl.work()
    assert paynl.payment(payment)["amount_refunded"] == 10_00
    assert paynl.effects()[1:] == [("refund", 10_00), ("refund", 20_00)]


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE])
def test_a_capture_without_answer_is_seen_in_the_sum(paynl: PayNlShop, fake_paynl: FakePayNl, fault: Fault) -> None:
    paynl.books.holds_cards = True
    payment = paynl.pay(method="card", capture="manual")
    afterwards.pay(paynl.books, paynl.order_of(payment))
    paynl.deliver()
    fake_paynl.faults.plan(None, fault)
    paynl.ask(f"/v1/payments/{payment['id']}/capture", amount=20_00, final=False)
    paynl.work()
    paynl.ask(f"/v1/payments/{payment['id']}/capture", amount=30_00)
    assert paynl.payment(payment)["amount_captured"] == 50_00
    assert paynl.effects() == [("capture", 20_00), ("capture", 30_00)]
    assert Operation.objects.filter(verb=Verb.CAPTURE, outcome="succeeded").count() == 2


def test_an_order_that_is_gone_is_neither_paid_nor_unpaid(paynl: PayNlShop, fake_paynl: FakePayNl) -> None:
    payment = paynl.pay()
    fake_paynl.traps.always(Trap.ORDER_GONE)
    paynl.work()
    assert paynl.payment(payment)["status"] == "unknown"
    assert Discrepancy.objects.filter(kind="outcome_unknown").exists()


def paid(paynl: PayNlShop, amount: int = 50_00) -> dict[str, Any]:
    """A customer has paid by iDEAL."""
    payment = paynl.pay(amount)
    afterwards.pay(paynl.books, paynl.order_of(payment))
    paynl.deliver()
    return payment

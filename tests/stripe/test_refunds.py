"""Refunds and chargebacks through Stripe: asked by us, made at the dashboard, failing late, won and lost."""

from collections.abc import Iterator
from typing import Any

import pytest

from payments.models import Discrepancy, Refund
from payments.models.discrepancy import DiscrepancyKind
from tests.fake_stripe import afterwards
from tests.fake_stripe.faults import Fault
from tests.fake_stripe.server import FakeStripe
from tests.reconciliation.conftest import violations
from tests.stripe.conftest import StripeShop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_agree(stripe_shop: StripeShop) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert violations() == []


def receivable(shop: StripeShop) -> int:
    """What Stripe owes by our books."""
    accounts = shop.api.get("/v1/ledger/accounts").json()["data"]
    return sum(row["balance"] for row in accounts if row["code"] == f"receivable:{shop.account.id}")


def the_refund(shop: StripeShop) -> dict[str, Any]:
    """The only refund at Stripe."""
    (refund,) = shop.books.all("re")
    return refund


@pytest.mark.parametrize("token", ["pm_card_visa", None], ids=["token", "page"])
def test_part_of_it_and_then_the_rest(stripe_shop: StripeShop, token: str | None) -> None:
    payment = stripe_shop.pay(50_00, token=token)
    if token is None:
        afterwards.pay(stripe_shop.books, payment["next_action"]["url"].rpartition("/")[2])
        stripe_shop.deliver()
    first, second = stripe_shop.refund(payment, 20_00), stripe_shop.refund(payment)
    assert (first["status"], second["status"], second["amount"]) == ("succeeded", "succeeded", 30_00)
    stripe_shop.deliver()
    assert stripe_shop.payment(payment)["amount_refunded"] == 50_00
    assert stripe_shop.effects() == [("charge", 50_00), ("refund", 20_00), ("refund", 30_00)]
    assert receivable(stripe_shop) == 0


@pytest.mark.parametrize("end", ["succeeded", "failed", "canceled"])
def test_a_refund_that_takes_its_time(stripe_shop: StripeShop, end: str) -> None:
    payment = stripe_shop.pay(50_00)
    refund = stripe_shop.refund(payment, 20_10)  # an amount with which Stripe keeps it pending
    assert refund["status"] == "pending"
    afterwards.end_refund(stripe_shop.books, the_refund(stripe_shop)["id"], "requires_action")
    stripe_shop.deliver()
    assert stripe_shop.refunded(refund)["status"] == "pending"
    afterwards.end_refund(stripe_shop.books, the_refund(stripe_shop)["id"], end)
    stripe_shop.deliver()
    assert stripe_shop.refunded(refund)["status"] == ("succeeded" if end == "succeeded" else "failed")
    assert stripe_shop.payment(payment)["amount_refunded"] == (20_10 if end == "succeeded" else 0)


@pytest.mark.parametrize("shuffled", [False, True])
def test_a_refund_that_fails_after_it_succeeded(stripe_shop: StripeShop, shuffled: bool) -> None:
    payment = stripe_shop.pay(50_00)
    refund = stripe_shop.refund(payment, 20_00)
    assert refund["status"] == "succeeded"
    afterwards.end_refund(stripe_shop.books, the_refund(stripe_shop)["id"], "failed")
    events = stripe_shop.books.events
    stripe_shop.deliver(*(reversed(events) if shuffled else events))
    failed = stripe_shop.refunded(refund)
    assert failed["status"] == "failed"
    assert receivable(stripe_shop) == 50_00
    assert stripe_shop.refund(payment, 20_00)["status"] == "succeeded"
    assert receivable(stripe_shop) == 30_00


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE, Fault.DROPPED_NOT_DONE, Fault.KEY_IN_USE])
def test_a_refund_without_an_answer_is_made_once(
    stripe_shop: StripeShop, fake_stripe: FakeStripe, fault: Fault
) -> None:
    payment = stripe_shop.pay(50_00)
    fake_stripe.faults.plan(fault)
    refund = stripe_shop.refund(payment, 20_00)
    assert refund["status"] == "pending"
    stripe_shop.work()
    stripe_shop.work()
    assert stripe_shop.refunded(refund)["status"] == "succeeded"
    stripe_shop.deliver()
    assert stripe_shop.effects() == [("charge", 50_00), ("refund", 20_00)]
    assert not Discrepancy.objects.filter(status="open").exists()


def test_a_500_that_stripe_keeps_under_the_key_waits_until_the_key_is_forgotten(
    stripe_shop: StripeShop, fake_stripe: FakeStripe
) -> None:
    payment = stripe_shop.pay(50_00)
    fake_stripe.faults.plan(Fault.ERROR_KEPT)
    refund = stripe_shop.refund(payment, 20_00)
    for _ in range(4):
        stripe_shop.work()
    assert stripe_shop.refunded(refund)["status"] == "pending"
    keys = [request.key for request in fake_stripe.received if request.endpoint == "POST /v1/refunds"]
    assert len(keys) > 1
    assert len(set(keys)) == 1
    stripe_shop.books.answers.clear()  # a day has passed
    stripe_shop.work()
    stripe_shop.work()
    assert stripe_shop.refunded(refund)["status"] == "succeeded"
    assert stripe_shop.effects() == [("charge", 50_00), ("refund", 20_00)]


def test_our_own_refunds_early_webhook_is_not_a_second_refund(stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
    payment = stripe_shop.pay(50_00)
    fake_stripe.faults.plan(Fault.DROPPED_DONE)
    refund = stripe_shop.refund(payment, 20_00)
    stripe_shop.deliver(*stripe_shop.books.events[::-1])
    assert stripe_shop.refunded(refund)["status"] == "succeeded"
    assert Refund.objects.count() == 1


def test_a_refund_at_the_dashboard_is_a_fact(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00)
    afterwards.dashboard_refund(stripe_shop.books, stripe_shop.intent(payment)["id"], 20_00)
    stripe_shop.deliver()
    stripe_shop.deliver(*stripe_shop.books.events)
    assert stripe_shop.payment(payment)["amount_refunded"] == 20_00
    assert Refund.objects.get().amount == 20_00
    assert receivable(stripe_shop) == 30_00


def test_too_much_at_the_dashboard_is_booked_and_raised(stripe_shop: StripeShop) -> None:
    """Refunded by us to a voucher, and at the dashboard as well."""
    payment = stripe_shop.pay(50_00)
    body = {"payment": payment["id"], "reason": "Too small", "channel": stripe_shop.shop.webshop.id}
    stripe_shop.ask("/v1/refunds", **body, amount=40_00, route="voucher")
    afterwards.dashboard_refund(stripe_shop.books, stripe_shop.intent(payment)["id"])
    stripe_shop.deliver()
    assert Discrepancy.objects.get(kind=DiscrepancyKind.OVER_RETURNED).amount == 40_00


def test_more_than_was_paid_is_refused_by_us(stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
    payment = stripe_shop.pay(50_00)
    body = {"payment": payment["id"], "reason": "x", "channel": stripe_shop.shop.webshop.id, "amount": 50_01}
    assert stripe_shop.api.post("/v1/refunds", body).status_code == 422
    assert not [request for request in fake_stripe.received if request.endpoint == "POST /v1/refunds"]


@pytest.mark.parametrize("end", ["won", "lost"])
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_dispute_from_opened_to_its_end(stripe_shop: StripeShop, end: str, shuffled: bool) -> None:
    payment = stripe_shop.pay(50_00)
    dispute = afterwards.dispute(stripe_shop.books, stripe_shop.intent(payment)["id"])
    if not shuffled:
        stripe_shop.deliver()
        (chargeback,) = stripe_shop.api.get("/v1/chargebacks", payment=payment["id"]).json()["data"]
        assert (chargeback["status"], chargeback["amount"]) == ("open", 50_00)
        assert receivable(stripe_shop) == 0
    afterwards.close_dispute(stripe_shop.books, dispute["id"], end)
    stripe_shop.deliver(*stripe_shop.books.events[::-1])
    stripe_shop.deliver(*stripe_shop.books.events)
    (chargeback,) = stripe_shop.api.get("/v1/chargebacks", payment=payment["id"]).json()["data"]
    assert chargeback["status"] == end
    assert receivable(stripe_shop) == (50_00 if end == "won" else 0)
    assert stripe_shop.payment(payment)["status"] == "captured"


def test_an_inquiry_moves_no_money_until_it_is_a_chargeback(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00)
    closed = stripe_shop.pay(30_00)
    requested = afterwards.dispute(stripe_shop.books, stripe_shop.intent(payment)["id"], inquiry=True)
    ended = afterwards.dispute(stripe_shop.books, stripe_shop.intent(closed)["id"], inquiry=True)
    stripe_shop.deliver()
    assert receivable(stripe_shop) == 80_00
    afterwards.close_dispute(stripe_shop.books, ended["id"], "warning_closed")
    afterwards.take_back(stripe_shop.books, requested)
    stripe_shop.deliver()
    rows = stripe_shop.api.get("/v1/chargebacks").json()["data"]
    assert {row["payment"]: row["status"] for row in rows} == {payment["id"]: "open", closed["id"]: "won"}
    assert receivable(stripe_shop) == 30_00


def test_a_chargeback_of_part_of_what_was_refunded_in_part(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00)
    stripe_shop.refund(payment, 20_00)
    dispute = afterwards.dispute(stripe_shop.books, stripe_shop.intent(payment)["id"], 30_00)
    afterwards.close_dispute(stripe_shop.books, dispute["id"], "lost")
    stripe_shop.deliver()
    shown = stripe_shop.payment(payment)
    assert (shown["amount_refunded"], shown["amount_charged_back"], shown["amount_refundable"]) == (20_00, 30_00, 0)
    assert receivable(stripe_shop) == 0

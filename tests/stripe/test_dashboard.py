"""What a person does at Stripe's dashboard is as true as what we asked for: it is booked, once, and nothing is left."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Discrepancy, Operation, Payment
from payments.notify.models import Event
from payments.providers.stripe.provider import Stripe
from payments.services import recover
from tests.api.client import refusal
from tests.fake_stripe import afterwards, endpoints
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


def press_capture(shop: StripeShop, payment: dict[str, Any], amount: int | None = None) -> None:
    """Somebody in the office presses Capture."""
    fields = {"amount_to_capture": amount} if amount else {}
    endpoints.capture(shop.books, shop.intent(payment)["id"], fields)


def stands(shop: StripeShop, payment: dict[str, Any]) -> tuple[str, int, int, int]:
    shown = shop.payment(payment)
    return shown["status"], shown["amount_captured"], shown["amount_refundable"], shown["amount_capturable"]


def captures(shop: StripeShop, payment: dict[str, Any]) -> list[dict[str, Any]]:
    return [row for row in shop.payment(payment)["operations"] if row["verb"] == "capture"]


def posts_to(fake: FakeStripe) -> int:
    return sum(request.endpoint.startswith("POST") for request in fake.received)


def nothing_is_open() -> bool:
    return not Discrepancy.objects.exclude(status="resolved").exists()


class TestCaptured:
    @pytest.mark.parametrize("part", [None, 30_00])
    def test_is_booked_once_and_the_rest_released(
        self, stripe_shop: StripeShop, fake_stripe: FakeStripe, part: int | None
    ) -> None:
        payment = stripe_shop.pay(50_00, capture="manual", order_total=50_00)
        press_capture(stripe_shop, payment, part)
        stripe_shop.deliver()
        taken = part or 50_00
        assert stands(stripe_shop, payment) == ("captured", taken, taken, 0)
        [operation] = captures(stripe_shop, payment)
        assert (operation["actor"], operation["amount"]) == (f"provider:{stripe_shop.account.id}", taken)
        shown = stripe_shop.api.get(f"/v1/payments/{payment['id']}", expand="journal_entries").json()
        [entry] = shown["journal_entries"]
        assert {(line["code"].split(":")[0], line["debit"], line["credit"]) for line in entry["postings"]} == {
            ("receivable", taken, 0),
            ("takings", 0, taken),
        }
        [figures] = stripe_shop.api.get("/v1/statistics").json()["rows"]
        assert (figures["sales_count"], figures["sales_amount"]) == (1, taken)
        assert Event.objects.filter(type="payment.captured", object_id=payment["id"]).count() == 1
        order = stripe_shop.api.get(f"/v1/orders/{payment['order']['id']}").json()
        assert (order["paid"], order["due"]) == (taken, 50_00 - taken)
        assert nothing_is_open()
        before = posts_to(fake_stripe)
        for verb, code in (("capture", "payment_not_capturable"), ("cancel", "payment_not_cancelable")):
            refusal(stripe_shop.api.post(f"/v1/payments/{payment['id']}/{verb}"), 409, code)
        assert posts_to(fake_stripe) == before
        assert stripe_shop.refund(payment)["amount_succeeded"] == taken

    def test_is_not_taken_for_another_when_it_is_told_again(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00, capture="manual")
        press_capture(stripe_shop, payment)
        stripe_shop.deliver(*stripe_shop.books.events, *stripe_shop.books.events)
        again = stripe_shop.books.emit("payment_intent.succeeded", stripe_shop.intent(payment))  # under another id
        stripe_shop.deliver(again)
        assert stands(stripe_shop, payment) == ("captured", 50_00, 50_00, 0)
        assert len(captures(stripe_shop, payment)) == 1

    def test_before_we_heard_of_the_authorization(self, stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
        fake_stripe.faults.plan(Fault.DROPPED_DONE)
        payment = stripe_shop.pay(50_00, capture="manual")
        assert payment["status"] == "unknown"
        press_capture(stripe_shop, payment, 30_00)
        stripe_shop.deliver()
        assert stands(stripe_shop, payment) == ("captured", 30_00, 30_00, 0)
        assert nothing_is_open()

    def test_while_we_ask_ourselves_in_vain(self, stripe_shop: StripeShop) -> None:
        """The dashboard was first: Stripe refuses ours, and what it did is booked as its own."""
        payment = stripe_shop.pay(50_00, capture="manual")
        press_capture(stripe_shop, payment, 30_00)
        refused = stripe_shop.ask(f"/v1/payments/{payment['id']}/capture")
        assert (refused["status"], refused["failure"]["code"]) == ("authorized", "payment_intent_unexpected_state")
        stripe_shop.deliver()
        assert stands(stripe_shop, payment) == ("captured", 30_00, 30_00, 0)
        assert [(row["outcome"], row["amount"]) for row in captures(stripe_shop, payment)] == [
            ("declined", 50_00),
            ("succeeded", 30_00),
        ]
        assert stripe_shop.payment(payment)["failure"] is None
        assert nothing_is_open()

    def test_while_ours_has_no_answer_yet(
        self, stripe_shop: StripeShop, fake_stripe: FakeStripe, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It waits until ours is known, so that neither is taken for the other."""
        payment = stripe_shop.pay(50_00, capture="manual")
        fake_stripe.faults.plan(Fault.DROPPED_NOT_DONE)
        stripe_shop.ask(f"/v1/payments/{payment['id']}/capture")
        press_capture(stripe_shop, payment, 30_00)
        monkeypatch.setattr(Stripe, "fetch", lambda *_: pytest.fail("nobody asks yet"))
        monkeypatch.setattr(recover, "_claim", lambda limit, resting: [])
        stripe_shop.deliver()
        assert stands(stripe_shop, payment)[1] == 0
        monkeypatch.undo()
        monkeypatch.setattr("django.conf.settings.STRIPE_API_BASE", fake_stripe.url)
        for _ in range(3):
            stripe_shop.work()
        assert stands(stripe_shop, payment) == ("captured", 30_00, 30_00, 0)
        assert [row["outcome"] for row in captures(stripe_shop, payment)] == ["declined", "succeeded"]
        assert nothing_is_open()

    def test_after_it_had_run_out_here(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00, capture="manual", order_total=80_00)
        other = stripe_shop.pay(30_00, capture="manual", order_reference=None, order=payment["order"]["id"])
        Payment.objects.filter(id=payment["id"]).update(expires_at=timezone.now())
        stripe_shop.work()
        assert stands(stripe_shop, payment)[0] == "expired"
        press_capture(stripe_shop, payment)
        stripe_shop.deliver()
        assert stands(stripe_shop, payment) == ("captured", 50_00, 50_00, 0)
        order = stripe_shop.api.get(f"/v1/orders/{payment['order']['id']}").json()
        assert (order["paid"], order["due"]) == (50_00, 0)  # the other one is held as before
        stripe_shop.ask(f"/v1/payments/{other['id']}/capture")
        assert stripe_shop.api.get(f"/v1/orders/{payment['order']['id']}").json()["paid"] == 80_00

    def test_what_was_paid_twice_that_way_is_told(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00, capture="manual", order_total=50_00)
        Payment.objects.filter(id=payment["id"]).update(expires_at=timezone.now())
        stripe_shop.work()
        stripe_shop.pay(50_00, order_reference=None, order=payment["order"]["id"])
        press_capture(stripe_shop, payment)
        stripe_shop.deliver()
        discrepancy = Discrepancy.objects.get()
        assert (discrepancy.kind, discrepancy.amount, discrepancy.payment_id) == ("overpaid", 50_00, payment["id"])


class TestEverythingElse:
    def test_canceled_while_ours_was_asked(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00, capture="manual")
        endpoints.cancel(stripe_shop.books, stripe_shop.intent(payment)["id"], {})
        shown = stripe_shop.ask(f"/v1/payments/{payment['id']}/cancel")
        assert shown["failure"]["code"] == "payment_intent_unexpected_state"
        stripe_shop.deliver()
        assert stands(stripe_shop, payment) == ("canceled", 0, 0, 0)
        assert stripe_shop.payment(payment)["failure"] is None or shown["status"] == "authorized"
        refused = stripe_shop.api.post(f"/v1/payments/{payment['id']}/capture")
        refusal(refused, 409, "payment_not_capturable")

    def test_a_capture_of_what_was_canceled_is_refused_and_told(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00, capture="manual")
        endpoints.cancel(stripe_shop.books, stripe_shop.intent(payment)["id"], {})
        refused = stripe_shop.ask(f"/v1/payments/{payment['id']}/capture")
        assert (refused["status"], refused["amount_capturable"]) == ("authorized", 50_00)
        assert Event.objects.filter(type="payment.capture_declined", object_id=payment["id"]).count() == 1
        stripe_shop.deliver()
        assert stands(stripe_shop, payment) == ("canceled", 0, 0, 0)

    @pytest.mark.parametrize("end", ["failed", "canceled"])
    def test_a_refund_made_there_and_taken_back_there(self, stripe_shop: StripeShop, end: str) -> None:
        payment = stripe_shop.pay(50_00)
        refund = afterwards.dashboard_refund(stripe_shop.books, stripe_shop.intent(payment)["id"], 20_00)
        stripe_shop.deliver()
        assert stands(stripe_shop, payment) == ("captured", 50_00, 30_00, 0)
        refund["created"] -= 5
        afterwards.end_refund(stripe_shop.books, refund["id"], end)
        stripe_shop.deliver()
        assert stands(stripe_shop, payment) == ("captured", 50_00, 50_00, 0)

    def test_a_refund_of_ours_that_is_canceled_there(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00)
        refund = stripe_shop.refund(payment, 20_10)  # pending at Stripe
        assert refund["status"] == "pending"
        [name] = Operation.objects.filter(verb="refund").values_list("provider_reference", flat=True)
        afterwards.end_refund(stripe_shop.books, str(name), "canceled")
        stripe_shop.deliver()
        assert stripe_shop.refunded(refund)["status"] == "failed"
        assert stands(stripe_shop, payment) == ("captured", 50_00, 50_00, 0)

    def test_a_dispute_that_is_accepted_there(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00)
        disputed = afterwards.dispute(stripe_shop.books, stripe_shop.intent(payment)["id"])
        afterwards.close_dispute(stripe_shop.books, disputed["id"], "lost")
        stripe_shop.deliver()
        [chargeback] = stripe_shop.api.get("/v1/chargebacks").json()["data"]
        assert (chargeback["status"], chargeback["amount"]) == ("lost", 50_00)
        assert stands(stripe_shop, payment) == ("captured", 50_00, 0, 0)

    def test_a_dispute_that_was_prevented_takes_nothing(self, stripe_shop: StripeShop) -> None:
        """The issuer asked, and was answered before it took anything; what was given back is a refund of its own."""
        payment = stripe_shop.pay(50_00)
        disputed = afterwards.dispute(stripe_shop.books, stripe_shop.intent(payment)["id"], inquiry=True)
        afterwards.close_dispute(stripe_shop.books, disputed["id"], "prevented")
        stripe_shop.deliver()
        [chargeback] = stripe_shop.api.get("/v1/chargebacks").json()["data"]
        assert chargeback["status"] == "won"
        assert stands(stripe_shop, payment) == ("captured", 50_00, 50_00, 0)

    def test_a_page_that_is_expired_there(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00, token=None)
        page = payment["next_action"]["url"].rpartition("/")[2]
        endpoints.expire_session(stripe_shop.books, page, {})
        stripe_shop.deliver()
        assert stands(stripe_shop, payment)[0] == "expired"

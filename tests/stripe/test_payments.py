"""Online payments through Stripe, from the webshop's request to the books."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from payments.models import Discrepancy, Operation, Payment, ProviderAccount, ProviderEvent
from payments.providers.base import Credentials, ProviderRequest, Result
from payments.providers.stripe.provider import Stripe
from payments.services.receive import apply_event
from tests.api.conftest import Shop
from tests.fake_stripe import afterwards
from tests.fake_stripe.endpoints import cancel
from tests.fake_stripe.faults import Fault
from tests.fake_stripe.server import FakeStripe, signed
from tests.fakes.shop import BACK
from tests.reconciliation.conftest import violations
from tests.stripe.conftest import StripeShop, stripe_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _books_agree(stripe_shop: StripeShop) -> Iterator[None]:
    """Whatever a test did, the ledger proves itself afterwards."""
    yield
    assert violations() == []


def statuses(shop: StripeShop, payment: dict[str, Any]) -> tuple[str, int, int]:
    shown = shop.payment(payment)
    return shown["status"], shown["amount_captured"], shown["amount_refunded"]


def test_a_card_with_a_token_is_paid_at_once(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00)
    assert (payment["status"], payment["amount_captured"]) == ("captured", 50_00)
    assert (payment["card"]["brand"], payment["card"]["last4"]) == ("visa", "4242")
    assert stripe_shop.deliver() == [200] * len(stripe_shop.books.events)
    assert statuses(stripe_shop, payment) == ("captured", 50_00, 0)
    assert stripe_shop.effects() == [("charge", 50_00)]


@pytest.mark.parametrize("token", ["pm_card_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds"])
def test_a_refused_card_says_why_and_may_be_tried_again(stripe_shop: StripeShop, token: str) -> None:
    payment = stripe_shop.pay(50_00, token=token)
    assert payment["status"] == "declined"
    assert payment["failure"]["code"] in {"generic_decline", "insufficient_funds"}
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment) == ("declined", 0, 0)
    assert stripe_shop.effects() == []


@pytest.mark.parametrize("paid", [True, False])
def test_a_card_that_asks_for_its_holder(stripe_shop: StripeShop, paid: bool) -> None:
    payment = stripe_shop.pay(50_00, token="pm_card_threeDSecure2Required")
    assert payment["status"] == "requires_action"
    assert payment["next_action"]["url"].startswith(stripe_shop.books.base)
    intent = stripe_shop.intent(payment)["id"]
    (afterwards.pay if paid else afterwards.refuse)(stripe_shop.books, intent)
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment)[0] == ("captured" if paid else "declined")


@pytest.mark.parametrize("method", ["card", "ideal", "bancontact", "klarna"])
@pytest.mark.parametrize("heard", [True, False], ids=["by webhook", "by asking"])
def test_every_redirect_method_is_paid_on_its_page(stripe_shop: StripeShop, method: str, heard: bool) -> None:
    payment = stripe_shop.pay(50_00, token=None, method=method)
    assert payment["status"] == "requires_action"
    afterwards.pay(stripe_shop.books, payment["next_action"]["url"].rpartition("/")[2])
    stripe_shop.deliver() if heard else stripe_shop.work()
    assert statuses(stripe_shop, payment) == ("captured", 50_00, 0)
    assert stripe_shop.payment(payment)["method"] == method


def test_stripes_page_may_offer_what_its_account_is_configured_for(shop: Shop, fake_stripe: FakeStripe) -> None:
    account, books = stripe_account(shop, fake_stripe, "config", payment_method_configuration="pmc_1")
    chooser = StripeShop(shop, shop.api(), account, books)
    payment = chooser.pay(50_00, token=None, method=None)
    afterwards.pay(books, payment["next_action"]["url"].rpartition("/")[2], "bancontact")
    chooser.deliver()
    assert chooser.payment(payment)["method"] == "bancontact"


def test_a_debit_arrives_days_later(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00, token=None, method="sepa_debit")
    page = payment["next_action"]["url"].rpartition("/")[2]
    afterwards.pay(stripe_shop.books, page)
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment)[1] == 0
    afterwards.arrive(stripe_shop.books, page)
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment) == ("captured", 50_00, 0)


def test_a_page_that_ran_out(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00, token=None)
    afterwards.expire(stripe_shop.books, payment["next_action"]["url"].rpartition("/")[2])
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment) == ("expired", 0, 0)


def test_a_failed_attempt_on_the_page_is_no_refusal_yet(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00, token=None)
    page = payment["next_action"]["url"].rpartition("/")[2]
    afterwards.refuse(stripe_shop.books, page)
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment)[0] == "requires_action"
    afterwards.pay(stripe_shop.books, page)
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment)[0] == "captured"


@pytest.mark.parametrize("token", ["pm_card_visa", None], ids=["token", "page"])
def test_authorized_now_and_captured_in_part_later(stripe_shop: StripeShop, token: str | None) -> None:
    payment = stripe_shop.pay(50_00, token=token, capture="manual")
    if token is None:
        afterwards.pay(stripe_shop.books, payment["next_action"]["url"].rpartition("/")[2])
        stripe_shop.deliver()
    assert statuses(stripe_shop, payment) == ("authorized", 0, 0)
    stripe_shop.ask(f"/v1/payments/{payment['id']}/capture", amount=30_00)
    stripe_shop.deliver()
    shown = stripe_shop.payment(payment)
    assert (shown["status"], shown["amount_captured"], shown["amount_capturable"]) == ("captured", 30_00, 0)
    assert [verb for verb, _ in stripe_shop.effects()] == ["authorize", "capture"]


def test_an_authorization_is_given_up(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00, capture="manual")
    stripe_shop.ask(f"/v1/payments/{payment['id']}/cancel")
    stripe_shop.deliver()
    assert statuses(stripe_shop, payment) == ("canceled", 0, 0)
    assert stripe_shop.effects() == [("authorize", 50_00), ("release", 50_00)]


def test_an_authorization_that_runs_out_or_is_canceled_at_the_dashboard(stripe_shop: StripeShop) -> None:
    ran_out, canceled = stripe_shop.pay(50_00, capture="manual"), stripe_shop.pay(40_00, capture="manual")
    afterwards.expire(stripe_shop.books, stripe_shop.intent(ran_out)["id"])
    cancel(stripe_shop.books, stripe_shop.intent(canceled)["id"], {"cancellation_reason": "abandoned"})
    stripe_shop.deliver()
    assert statuses(stripe_shop, ran_out) == ("expired", 0, 0)
    assert statuses(stripe_shop, canceled) == ("canceled", 0, 0)


@pytest.mark.parametrize("fault", [Fault.DROPPED_DONE, Fault.ERROR_DONE])
@pytest.mark.parametrize("heard", [True, False], ids=["by webhook", "by asking"])
def test_an_answer_that_never_came_is_asked_for_and_not_repeated(
    stripe_shop: StripeShop, fake_stripe: FakeStripe, fault: Fault, heard: bool
) -> None:
    fake_stripe.faults.plan(fault)
    payment = stripe_shop.pay(50_00)
    assert payment["status"] == "unknown"
    stripe_shop.deliver() if heard else stripe_shop.work()
    assert statuses(stripe_shop, payment) == ("captured", 50_00, 0)
    posts = [request for request in fake_stripe.received if request.endpoint == "POST /v1/payment_intents"]
    assert len(posts) == 1
    assert not Discrepancy.objects.filter(status="open").exists()


def test_what_stripe_never_received_is_declined(stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
    fake_stripe.faults.plan(Fault.DROPPED_NOT_DONE)
    payment = stripe_shop.pay(50_00, token=None, method="ideal")
    assert payment["status"] == "unknown"
    stripe_shop.work()
    assert stripe_shop.payment(payment)["failure"]["code"] == "not_received"
    assert stripe_shop.effects() == []


def test_a_busy_stripe_is_asked_again_under_the_same_key(stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
    fake_stripe.faults.plan(Fault.RATE_LIMITED)
    payment = stripe_shop.pay(50_00)
    assert payment["status"] == "processing"
    stripe_shop.work()
    assert statuses(stripe_shop, payment) == ("captured", 50_00, 0)
    keys = {request.key for request in fake_stripe.received if request.key}
    assert keys == {Operation.objects.get(payment_id=payment["id"]).id}


def test_webhooks_in_any_order_any_number_of_times(stripe_shop: StripeShop) -> None:
    payments = [stripe_shop.pay(50_00 + at, capture="manual") for at in range(0, 300, 100)]
    for payment in payments:
        stripe_shop.ask(f"/v1/payments/{payment['id']}/capture")
        stripe_shop.refund(payment, 10_00)
    events = stripe_shop.books.events * 2
    random.Random(4).shuffle(events)
    assert set(stripe_shop.deliver(*events)) == {200}
    for at, payment in enumerate(payments):
        assert statuses(stripe_shop, payment) == ("captured", 50_00 + at * 100, 10_00)
    assert ProviderEvent.objects.count() == len(stripe_shop.books.events)
    assert not Discrepancy.objects.exists()


def test_the_webhook_may_come_before_the_answer(stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch) -> None:
    execute = Stripe.execute

    def slowly(provider: Stripe, call: ProviderRequest, credentials: Credentials) -> Result:
        result = execute(provider, call, credentials)
        stripe_shop.deliver(then_work=False)
        for event in ProviderEvent.objects.filter(due_at__isnull=False):
            apply_event(event.id)
        return result

    monkeypatch.setattr(Stripe, "execute", slowly)
    payment = stripe_shop.pay(50_00)
    assert payment["status"] == "captured"
    stripe_shop.refund(payment, 10_00)
    assert statuses(stripe_shop, payment) == ("captured", 50_00, 10_00)
    assert not Discrepancy.objects.exists()


def test_an_account_of_the_other_mode_moves_nothing(shop: Shop, fake_stripe: FakeStripe) -> None:
    account, _ = stripe_account(shop, fake_stripe, "wrong", secret_key="sk_live_wrong")
    wrong = StripeShop(shop, shop.api(), account, fake_stripe.account("sk_live_wrong"))
    payment = wrong.pay(50_00)
    assert payment["status"] == "processing"
    operation = Operation.objects.get(payment_id=payment["id"])
    assert (operation.outcome, operation.failure_code) == ("not_sent", "credentials_of_other_mode")
    assert fake_stripe.received == []


def test_two_accounts_of_one_shop_are_never_confused(stripe_shop: StripeShop, fake_stripe: FakeStripe) -> None:
    account, books = stripe_account(stripe_shop.shop, fake_stripe, "second")
    second = StripeShop(stripe_shop.shop, stripe_shop.api, account, books, _orders=5000)
    first_payment, second_payment = stripe_shop.pay(50_00), second.pay(60_00)
    assert (stripe_shop.effects(), second.effects()) == ([("charge", 50_00)], [("charge", 60_00)])
    # What one account tells is not believed at the other's address.
    assert stripe_shop._send(*signed(books, books.events[-1])) == 400
    second.deliver()
    assert {row.provider_account_id for row in Payment.objects.all()} == {stripe_shop.account.id, account.id}
    assert first_payment["provider_account"]["id"] != second_payment["provider_account"]["id"]


def test_where_the_customer_comes_back_is_asked_for(stripe_shop: StripeShop) -> None:
    payment = stripe_shop.pay(50_00, token=None, return_url=None)
    assert (payment["status"], payment["failure"]["code"]) == ("declined", "return_url_required")
    session = stripe_shop.pay(50_00, token=None)["next_action"]["url"].rpartition("/")[2]
    assert stripe_shop.books.objects[session]["success_url"] == BACK


def test_its_credentials_are_encrypted_and_never_shown(stripe_shop: StripeShop) -> None:
    shown = stripe_shop.api.get("/v1/provider_accounts").content
    assert b"sk_test_bloem" not in shown
    assert b"whsec_" not in shown
    with connection.cursor() as cursor:
        cursor.execute("SELECT credentials FROM payments_provideraccount WHERE id = %s", [stripe_shop.account.id])
        assert "sk_test_bloem" not in str(cursor.fetchone())
    assert ProviderAccount.objects.get(id=stripe_shop.account.id).credentials.count("sk_test_bloem") == 1

"""Stripe's events in: of this API version and older ones, about what we know, do not know yet, and never will."""

import json
import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from payments.models import Discrepancy, Payment, ProviderEvent
from payments.models.discrepancy import DiscrepancyKind
from payments.providers import registry
from payments.providers.base import Outcome, ReportType, SignatureInvalid
from payments.providers.stripe import webhooks
from payments.services import receive
from payments.services.receive import apply_event
from tests.contracts.stages import STAGES, account_of
from tests.fake_stripe import afterwards
from tests.fake_stripe.endpoints import create_intent
from tests.fake_stripe.post import FORGERS_SECRET, body_of, forged, signature
from tests.fake_stripe.schemas import SHARED
from tests.fake_stripe.server import FakeStripe
from tests.stripe.conftest import StripeShop

SAMPLES = SHARED / "webhooks" / "stripe"
recorded = pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not part of the project")
USD, GBP = "USD", "GBP"
# What each recorded event states about money of ours: fact, outcome, amount, currency.
FACTS: dict[str, list[tuple[ReportType, Outcome, int | None, str | None]]] = {
    "charge.dispute.created": [(ReportType.CHARGEBACK_INQUIRY, Outcome.SUCCEEDED, 100, USD)],
    "charge.dispute.funds_withdrawn": [(ReportType.CHARGEBACK_OPENED, Outcome.SUCCEEDED, 25000, USD)],
    "charge.dispute.updated": [(ReportType.CHARGEBACK_OPENED, Outcome.SUCCEEDED, 1000, USD)],
    "charge.refunded": [(ReportType.REFUND, Outcome.SUCCEEDED, 100, USD)],
    "payment_intent.amount_capturable_updated": [(ReportType.AUTHORIZE, Outcome.SUCCEEDED, 2000, USD)],
}


@recorded
@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.stem)
def test_recorded_events_are_read_with_what_they_state(path: Path) -> None:
    notice = webhooks.parse_webhook(path.read_bytes())
    event = json.loads(path.read_bytes())
    if event.get("object") == "event":
        assert (notice.event_id, notice.type) == (event["id"], event["type"])
    found = [
        (
            report.fact,
            report.result.outcome,
            report.result.amount.amount if report.result.amount else None,
            report.result.amount.currency if report.result.amount else None,
        )
        for report in notice.reports
    ]
    assert found == FACTS.get(path.stem, [])


@recorded
@pytest.mark.parametrize(
    ("status", "kind", "fact"),
    [
        ("lost", "charge.dispute.closed", ReportType.CHARGEBACK_LOST),
        ("won", "charge.dispute.closed", ReportType.CHARGEBACK_WON),
        ("needs_response", "charge.dispute.created", ReportType.CHARGEBACK_OPENED),
        ("warning_closed", "charge.dispute.closed", ReportType.CHARGEBACK_WON),
    ],
)
def test_a_dispute_with_several_balance_transactions(status: str, kind: str, fact: ReportType) -> None:
    """What was taken is the dispute's amount, however many movements there were about it."""
    text = (SAMPLES / "govuk-charge_dispute_lost_with_multiple_balance_transactions.json").read_text()
    notice = webhooks.parse_webhook(text.replace("{{type}}", kind).replace("{{status}}", status).encode())
    (report,) = notice.reports
    assert (report.fact, report.result.reference, report.result.payment_reference) == (
        fact,
        "du_1111111111",
        "pi_1111111111",
    )
    assert str(report.result.amount) == "65.00 GBP"


@recorded
@pytest.mark.parametrize("kind", ["payment_intent.amount_capturable_updated", "payment_intent.payment_failed"])
def test_payment_intents_of_2019(kind: str) -> None:
    text = (SAMPLES / "govuk-notification_payment_intent.json").read_text()
    notice = webhooks.parse_webhook(text.replace("{{type}}", kind).replace("{{id}}", "pi_1").encode())
    assert notice.event_id == "evt_1FF3RvEZsufgnuO0tnyTrqsL"
    assert all(report.result.payment_reference == "pi_1" for report in notice.reports)


@pytest.mark.parametrize(
    "harm",
    [
        lambda body, header, books: (body + b" ", header),
        lambda body, header, books: (body.replace(b"5000", b"9000"), header),
        lambda body, header, books: (body, header.replace("v1=", "v0=")),
        lambda body, header, books: (body, header.replace("t=", "t=1")),
        lambda body, header, books: (body, "t=,v1="),
        lambda body, header, books: (body, "garbage"),
        lambda body, header, books: (body, ""),
        lambda body, header, books: (body, signature(FORGERS_SECRET, body)),
        lambda body, header, books: (b"\xff\xfe", header),
        lambda body, header, books: (b"[]", signature(books.webhook_secret, b"[]")),
        lambda body, header, books: (b'{"id": 7}', signature(books.webhook_secret, b'{"id": 7}')),
    ],
)
def test_altered_and_malformed_signatures_are_refused(fake_stripe: FakeStripe, harm: Any) -> None:
    provider = registry.provider("stripe")
    account = account_of("stripe", provider)
    books = fake_stripe.account(account.secrets["secret_key"])
    event = books.emit("payment_intent.succeeded", {"object": "payment_intent", "id": "pi_1", "amount": 5000})
    body = body_of(event)
    header = signature(account.secrets["webhook_secret"], body)
    assert provider.verify(body, {"stripe-signature": header}, account) == event["id"]
    wrong_body, wrong_header = harm(body, header, books)
    with pytest.raises(SignatureInvalid):
        provider.verify(wrong_body, {"stripe-signature": wrong_header}, account)
    assert STAGES["stripe"].sign is not None


@pytest.mark.django_db(transaction=True)
class TestAtOurAddress:
    """Through HTTP, into the inbox, and to the books."""

    def test_forged_events_are_refused_and_change_nothing(self, stripe_shop: StripeShop) -> None:
        payment = stripe_shop.pay(50_00, token=None)
        chance = random.Random(5)
        for _ in range(12):
            event = stripe_shop.books.emit("payment_intent.succeeded", {"id": "x"})
            lie = forged(stripe_shop.books, event, chance)
            headers = {name.lower(): value for name, value in lie.sign().items()}
            assert stripe_shop._send(lie.body, {"stripe-signature": headers["stripe-signature"]}) == 400
        assert not ProviderEvent.objects.exists()
        assert stripe_shop.payment(payment)["status"] == "requires_action"

    def test_an_event_about_what_is_not_known_yet_waits_for_it(self, stripe_shop: StripeShop) -> None:
        """A refund at the dashboard is told before the payment's own answer."""
        payment = stripe_shop.pay(50_00, token=None)
        intent = afterwards.pay(stripe_shop.books, payment["next_action"]["url"].rpartition("/")[2])
        afterwards.dashboard_refund(stripe_shop.books, intent["id"], 20_00)
        early = [event for event in stripe_shop.books.events if event["type"] == "refund.created"]
        assert stripe_shop.deliver(*early, then_work=False) == [200]
        apply_event(ProviderEvent.objects.get().id)
        assert ProviderEvent.objects.get().status == "waiting"
        assert stripe_shop.payment(payment)["amount_refunded"] == 0
        stripe_shop.deliver()
        stripe_shop.work()
        shown = stripe_shop.payment(payment)
        assert (shown["amount_captured"], shown["amount_refunded"]) == (50_00, 20_00)
        assert not Discrepancy.objects.exists()

    def test_an_event_about_what_never_appears_becomes_a_discrepancy(
        self, stripe_shop: StripeShop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Somebody took a payment at the dashboard."""
        create_intent(
            stripe_shop.books,
            {"amount": 70_00, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa", "metadata": {}},
        )
        stripe_shop.deliver()
        assert not Discrepancy.objects.exists()
        monkeypatch.setattr(receive, "PATIENCE", timedelta(0))  # a day goes by
        stripe_shop.work()
        (raised,) = Discrepancy.objects.all()
        assert (raised.kind, raised.amount, raised.status) == (DiscrepancyKind.MISSING_IN_BOOKS, 70_00, "open")
        assert not Payment.objects.exists()

    def test_what_concerns_no_money_is_kept_as_evidence(self, stripe_shop: StripeShop) -> None:
        event = stripe_shop.books.emit("customer.created", {"object": "customer", "id": "cus_1"})
        stripe_shop.deliver(event)
        assert ProviderEvent.objects.get().status == "ignored"

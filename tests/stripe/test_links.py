"""A payment link, paid at Stripe."""

import json
import re

import pytest
from django.test import Client

from payments.models import ProviderAccount
from tests.fake_stripe import afterwards
from tests.reconciliation.conftest import violations
from tests.stripe.conftest import StripeShop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def stripe_only(stripe_shop: StripeShop) -> StripeShop:
    """As a live merchant has it: Stripe, and no simulator."""
    ProviderAccount.objects.filter(provider="simulator").update(active=False, default=False)
    ProviderAccount.objects.filter(id=stripe_shop.account.id).update(default=True)
    return stripe_shop


def test_a_link_is_paid_at_stripe(stripe_only: StripeShop) -> None:
    body = {"amount": 49_50, "currency": "EUR", "description": "Bouquet", "channel": stripe_only.shop.webshop.id}
    link = stripe_only.ask("/v1/payment_links", **body)
    browser, path = Client(), "/pay/" + link["url"].rpartition("/")[2]
    page = browser.get(path).content.decode()
    assert 'value="ideal"' in page
    assert 'value="paypal"' not in page
    attempt = re.search(r'name="attempt" value="([0-9a-f]{32})"', page)
    assert attempt is not None
    sent = browser.post(path, {"attempt": attempt[1], "method": "ideal"})
    assert (sent.status_code, sent["Location"].startswith(stripe_only.books.base)) == (303, True)
    afterwards.pay(stripe_only.books, sent["Location"].rpartition("/")[2])
    stripe_only.deliver()
    assert "Paid. Thank you." in browser.get(path).content.decode()
    answer = json.loads(stripe_only.api.get(f"/v1/payment_links/{link['id']}").content)
    assert (answer["status"], len(answer["payments"])) == ("paid", 1)
    assert stripe_only.effects() == [("charge", 49_50)]
    assert violations() == []

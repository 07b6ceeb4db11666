"""A webshop moves from Mollie to Stripe; Mollie still gives back what was bought before, and pays what is left."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.files.base import ContentFile

from payments.models import Discrepancy, ProviderAccount
from reconciliation.models import Payout
from reconciliation.services.import_file import import_due
from reconciliation.services.upload import upload
from tests.api.conftest import BY
from tests.fake_mollie import afterwards
from tests.fake_stripe.books import Books as StripeBooks
from tests.fake_stripe.server import FakeStripe
from tests.fakes.shop import BACK
from tests.fakes.shop import shop as shop
from tests.mollie.conftest import MollieShop
from tests.mollie.conftest import mollie_shop as mollie_shop
from tests.mollie.test_settlements import balances, cents, reconcile, settled
from tests.reconciliation.conftest import BankLine, statement
from tests.stripe.conftest import stripe_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _files(settings: LazySettings, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def move_to_stripe(shop: MollieShop, fake: FakeStripe) -> StripeBooks:
    """Stripe takes what is sold from now on; Mollie's account stays, for what was sold before."""
    account, books = stripe_account(shop.shop, fake, "bloem")
    for each in ProviderAccount.objects.filter(merchant=shop.shop.merchant).exclude(
        provider__in=["recorded", "external"]
    ):
        answer = shop.api.patch(f"/v1/provider_accounts/{each.id}", {"default": each.id == account.id})
        assert answer.status_code == 200, answer.content
    return books


def sell_by_default(shop: MollieShop, order: str) -> dict[str, Any]:
    """The webshop names no account: its requests are the same as before."""
    body = {"order_reference": order, "amount": 30_00, "currency": "EUR", "method": "card", "return_url": BACK}
    card = {"metadata": {"stripe_token": "pm_card_visa"}}
    answer = shop.api.post("/v1/payments", {**body, **card, "channel": shop.shop.webshop.id})
    assert answer.status_code == 201, answer.content
    payment: dict[str, Any] = json.loads(answer.content)
    return payment


def test_a_webshop_moves_and_its_old_orders_are_given_back_by_mollie(
    mollie_shop: MollieShop, fake_stripe: FakeStripe
) -> None:
    # In November the webshop sells through Mollie.
    tulips, roses, _ = (mollie_shop.paid(amount) for amount in (43_20, 30_00, 12_90))
    # On the first of December it moves; nothing changes for those who programmed it.
    stripe = move_to_stripe(mollie_shop, fake_stripe)
    lilies = sell_by_default(mollie_shop, "W-2001")
    assert (lilies["status"], lilies["provider_account"]["provider"]) == ("captured", "stripe")

    # Old orders come back. Their money is at Mollie, and so it goes back from there.
    mollie_shop.refund(tulips, 20_00)
    mollie_shop.refund(roses)
    mollie_shop.refund(lilies, 5_00)
    afterwards.refunds_leave(mollie_shop.books)
    mollie_shop.tell()
    assert mollie_shop.effects() == [
        *(("sale", 43_20), ("sale", 30_00), ("sale", 12_90)),
        *(("refund", 20_00), ("refund", 30_00)),
    ]
    assert [(effect.verb, effect.amount) for effect in stripe.effects] == [("charge", 30_00), ("refund", 5_00)]

    # An attempt from before the move, which nobody paid, ends: it is nobody's loss.
    late = mollie_shop.pay(9_00)
    afterwards.expire(mollie_shop.books, mollie_shop.at_mollie(late)["id"])
    mollie_shop.tell()
    assert mollie_shop.payment(late)["status"] == "expired"

    # Mollie settles what is left, and the bank shows it under Mollie's own reference.
    settlement = afterwards.settle(mollie_shop.books, "1234567.2612.01")
    reconcile()
    settled(settlement)
    paid = cents(settlement["amount"]["value"])
    line = BankLine(paid, text="Mollie T1234567.2612.01", name="Stichting Mollie Payments")
    upload(merchant=mollie_shop.shop.merchant, file=ContentFile(statement(line).encode()), name="bank.xml", actor=BY)
    import_due()
    payout = Payout.objects.get()
    assert (payout.status, payout.amount_received) == ("received", paid)

    # What is open is Stripe's alone.
    found = balances(mollie_shop)
    assert (found["receivable"], found["bank"], found.get("in_transit")) == (30_00 - 5_00, paid, None)
    assert not Discrepancy.objects.exclude(status="resolved").exists()

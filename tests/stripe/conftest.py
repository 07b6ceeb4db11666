"""A shop with a Stripe account at the fake, asked through the REST API and told through webhooks."""

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone
from django.utils.module_loading import import_string

from payments.ledger import audit
from payments.models import Operation, ProviderAccount, ProviderEvent
from payments.services import recover
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.fake_stripe.books import Books, Object
from tests.fake_stripe.server import FakeStripe, signed

CARD = {"stripe_token": "pm_card_visa"}
BACK = "https://shop.example/back"


@dataclass
class StripeShop:
    """The webshop's key, its provider account, and that account at Stripe."""

    shop: Shop
    api: Api
    account: ProviderAccount
    books: Books
    _told: int = 0
    _orders: int = field(default=1000)

    def pay(self, amount: int = 50_00, *, token: str | None = "pm_card_visa", **more: Any) -> dict[str, Any]:
        """A customer pays; by default with a card's token from Stripe's element."""
        self._orders += 1
        body: dict[str, Any] = {
            "order_reference": f"W-{self._orders}",
            "amount": amount,
            "currency": "EUR",
            "method": "card",
            "channel": self.shop.webshop.id,
            "provider_account": self.account.id,
            "return_url": BACK,
            "metadata": {"stripe_token": token} if token else {},
        }
        answer = self.api.post("/v1/payments", body | more)
        assert answer.status_code == 201, answer.content
        payment: dict[str, Any] = json.loads(answer.content)
        return payment

    def payment(self, payment: dict[str, Any]) -> dict[str, Any]:
        """As it stands now."""
        shown: dict[str, Any] = self.api.get(f"/v1/payments/{payment['id']}", expand="operations").json()
        return shown

    def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """POST, which must be granted."""
        answer = self.api.post(path, body)
        assert answer.status_code in (200, 201, 202), answer.content
        shown: dict[str, Any] = json.loads(answer.content)
        return shown

    def refund(self, payment: dict[str, Any], amount: int | None = None) -> dict[str, Any]:
        """Given back, and sent to Stripe by a worker."""
        body = {"payment": payment["id"], "reason": "Too small", "channel": self.shop.webshop.id}
        made = self.ask("/v1/refunds", **body, **({"amount": amount} if amount else {}))
        self.work()
        return self.refunded(made)

    def refunded(self, refund: dict[str, Any]) -> dict[str, Any]:
        """As it stands now."""
        shown: dict[str, Any] = self.api.get(f"/v1/refunds/{refund['id']}").json()
        return shown

    def work(self) -> None:
        """What the sweep does once everything is due."""
        now = timezone.now()
        Operation.objects.filter(due_at__isnull=False).update(due_at=now)
        ProviderEvent.objects.filter(due_at__isnull=False).update(due_at=now)
        recover.recover()

    def deliver(self, *events: Object, then_work: bool = True) -> list[int]:
        """Have Stripe send these events, or all it has not sent yet; the statuses it was answered with."""
        chosen = list(events) or self.books.events[self._told :]
        self._told = len(self.books.events) if not events else self._told
        statuses = [self._send(*signed(self.books, event)) for event in chosen]
        if then_work:
            self.work()
        return statuses

    def _send(self, body: bytes, headers: dict[str, str]) -> int:
        path = f"/providers/stripe/{self.account.id}/webhooks"
        status: int = Api().http.post(path, body, "application/json", headers=headers).status_code
        return status

    def intent(self, payment: dict[str, Any]) -> Object:
        """The PaymentIntent behind a payment."""
        named = (obj for obj in self.books.all("pi") if obj["metadata"].get("onetill_payment") == payment["id"])
        return next(named)

    def effects(self) -> list[tuple[str, int]]:
        """What really happened."""
        return [(effect.verb, effect.amount) for effect in self.books.effects]


def violations() -> list[object]:
    """Every row of the books that does not agree, as `manage.py audit_ledger` finds it."""
    checks = [import_string(path) for path in settings.LEDGER_AUDITS]
    with audit.one_moment():
        return list(audit.violations(checks))


def stripe_account(shop: Shop, fake: FakeStripe, name: str, **credentials: str) -> tuple[ProviderAccount, Books]:
    """A provider account made over the API, and what Stripe has of it."""
    books = fake.account(f"sk_test_{name}")
    body = {"provider": "stripe", "name": name, "currency": "EUR", "credentials": {**books.secrets, **credentials}}
    answer = shop.api().post("/v1/provider_accounts", body)
    assert answer.status_code == 201, answer.content
    return ProviderAccount.objects.select_related("merchant").get(id=json.loads(answer.content)["id"]), books


@pytest.fixture
def stripe_shop(shop: Shop, fake_stripe: FakeStripe) -> StripeShop:
    """A shop with one Stripe account."""
    account, books = stripe_account(shop, fake_stripe, "bloem")
    return StripeShop(shop, shop.api(), account, books)

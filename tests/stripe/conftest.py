"""A shop with a Stripe account at the fake, asked through the REST API and told through webhooks."""

from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from payments.models import ProviderAccount
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.fake_stripe.books import Books, Object
from tests.fake_stripe.server import FakeStripe, signed
from tests.fakes.shop import ShopAtProvider, account_at

CARD = {"stripe_token": "pm_card_visa"}


@dataclass
class StripeShop(ShopAtProvider):
    """With an account at Stripe."""

    METHOD: ClassVar[str] = "card"

    books: Books
    _told: int = 0

    def pay(self, amount: int = 50_00, *, token: str | None = "pm_card_visa", **more: Any) -> dict[str, Any]:
        """A customer pays; by default with a card's token from Stripe's element."""
        return super().pay(amount, **{"metadata": {"stripe_token": token} if token else {}, **more})

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


def stripe_account(shop: Shop, fake: FakeStripe, name: str, **credentials: str) -> tuple[ProviderAccount, Books]:
    """A provider account made over the API, and what Stripe has of it."""
    books = fake.account(f"sk_test_{name}")
    return account_at(shop, "stripe", name=name, credentials={**books.secrets, **credentials}), books


@pytest.fixture
def stripe_shop(shop: Shop, fake_stripe: FakeStripe) -> StripeShop:
    """A shop with one Stripe account."""
    account, books = stripe_account(shop, fake_stripe, "bloem")
    return StripeShop(shop, shop.api(), account, books)

"""A shop with an account at a fake provider, asked through the REST API: what is the same at every provider."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import pytest
from django.utils import timezone

from payments.models import Operation, ProviderAccount, ProviderEvent
from payments.services import create_setup, recover
from tests.api.client import Api
from tests.api.conftest import BY, Shop
from tests.fakes.effects import Effect
from tests.reconciliation.conftest import IBAN

BACK = "https://shop.example/back"


class Books(Protocol):
    """What a fake has of one account."""

    @property
    def effects(self) -> list[Effect]: ...


@dataclass
class ShopAtProvider:
    """The webshop's key, its provider account, and that account at the provider.

    `METHOD` is what a customer pays by unless a test says otherwise.
    """

    METHOD: ClassVar[str] = "ideal"

    shop: Shop
    api: Api
    account: ProviderAccount
    books: Books
    _orders: int = field(default=1000, kw_only=True)

    def pay(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer is sent to pay."""
        self._orders += 1
        body: dict[str, Any] = {
            "order_reference": f"W-{self._orders}",
            "amount": amount,
            "currency": "EUR",
            "method": self.METHOD,
            "channel": self.shop.webshop.id,
            "provider_account": self.account.id,
            "return_url": BACK,
        }
        return self.ask("/v1/payments", **{**body, **more})

    def payment(self, payment: Mapping[str, Any]) -> dict[str, Any]:
        """As it stands now."""
        shown: dict[str, Any] = self.api.get(f"/v1/payments/{payment['id']}", expand="operations").json()
        return shown

    def ask(self, path: str, **body: Any) -> dict[str, Any]:
        """POST, which must be granted."""
        answer = self.api.post(path, body)
        assert answer.status_code in (200, 201, 202), answer.content
        shown: dict[str, Any] = json.loads(answer.content)
        return shown

    def refund(self, payment: Mapping[str, Any], amount: int | None = None) -> dict[str, Any]:
        """Given back, and sent to the provider by a worker."""
        body = {"payment": payment["id"], "reason": "Too small", "channel": self.shop.webshop.id}
        made = self.ask("/v1/refunds", **body, **({"amount": amount} if amount else {}))
        self.work()
        return self.refunded(made)

    def refunded(self, refund: Mapping[str, Any]) -> dict[str, Any]:
        """As it stands now."""
        shown: dict[str, Any] = self.api.get(f"/v1/refunds/{refund['id']}").json()
        return shown

    def work(self, times: int = 1) -> None:
        """What the sweep does once everything is due."""
        for _ in range(times):
            now = timezone.now()
            Operation.objects.filter(due_at__isnull=False).update(due_at=now)
            ProviderEvent.objects.filter(due_at__isnull=False).update(due_at=now)
            recover.recover()

    def effects(self) -> list[tuple[str, int]]:
        """What really happened."""
        return [(effect.verb, effect.amount) for effect in self.books.effects]


def account_at(shop: Shop, provider: str, *, name: str, credentials: Mapping[str, str]) -> ProviderAccount:
    """A provider account made over the API."""
    body = {"provider": provider, "name": name, "currency": "EUR", "credentials": dict(credentials)}
    answer = shop.api().post("/v1/provider_accounts", body)
    assert answer.status_code == 201, answer.content
    return ProviderAccount.objects.select_related("merchant").get(id=json.loads(answer.content)["id"])


@pytest.fixture
def shop(db: None) -> Shop:
    """A merchant whose bank account is known."""
    merchant = create_setup.create_merchant(name="Bloem", iban=IBAN, actor=BY)
    online = create_setup.create_channel(merchant=merchant, kind="online", name="Bloem online", actor=BY)
    store = create_setup.create_channel(merchant=merchant, kind="in_store", name="Bloem Utrecht", actor=BY)
    return Shop(merchant, online, store)

"""A shop with a sales location at the fake Pay.nl, asked through the REST API and told through exchanges."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Operation, ProviderAccount, ProviderEvent
from payments.services import recover
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.fake_paynl.books import Books, Object
from tests.fake_paynl.post import legacy, signed
from tests.fake_paynl.server import FakePayNl

BACK = "https://shop.example/back"


@dataclass
class PayNlShop:
    """The webshop's key, its provider account, and that sales location at Pay.nl."""

    shop: Shop
    api: Api
    account: ProviderAccount
    books: Books
    waiting: list[tuple[Object, str | None]] = field(default_factory=list)  # exchanges that were not sent yet
    _orders: int = 1000

    def pay(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer is sent to pay; by iDEAL, unless something else is said."""
        self._orders += 1
        body: dict[str, Any] = {
            "order_reference": f"W-{self._orders}",
            "amount": amount,
            "currency": "EUR",
            "method": "ideal",
            "channel": self.shop.webshop.id,
            "provider_account": self.account.id,
            "return_url": BACK,
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

    def refund(self, payment: dict[str, Any], amount: int) -> dict[str, Any]:
        """Given back, and sent to Pay.nl by a worker."""
        body = {"payment": payment["id"], "reason": "Too small", "channel": self.shop.webshop.id, "amount": amount}
        made = self.ask("/v1/refunds", **body)
        self.work()
        return self.refunded(made)

    def refunded(self, refund: dict[str, Any]) -> dict[str, Any]:
        """As it stands now."""
        shown: dict[str, Any] = self.api.get(f"/v1/refunds/{refund['id']}").json()
        return shown

    def order_of(self, payment: dict[str, Any]) -> str:
        """Pay.nl's name for the order of a payment, which its fake finds by our own name in the statistics."""
        operations = set(Operation.objects.filter(payment_id=payment["id"]).values_list("id", flat=True))
        return next(name for name, each in self.books.orders.items() if each["stats"].get("extra1") in operations)

    def work(self, times: int = 1) -> None:
        """What the sweep does once everything is due."""
        for _ in range(times):
            Operation.objects.filter(due_at__isnull=False).update(due_at=timezone.now() - timedelta(seconds=1))
            ProviderEvent.objects.filter(due_at__isnull=False).update(due_at=timezone.now())
            recover.recover()

    def later(self, by: timedelta) -> None:
        """So much time passes for what was sent and is not answered."""
        for row in Operation.objects.filter(due_at__isnull=False, submitted_at__isnull=False):
            Operation.objects.filter(id=row.id).update(submitted_at=row.submitted_at - by)  # type: ignore[operator]

    def keep(self, _: Books, order: Object, action: str | None) -> None:
        """Have an exchange wait."""
        self.waiting.append((order, action))

    def deliver(self) -> list[str]:
        """Have Pay.nl send what it has not sent yet; what it was answered with."""
        due, self.waiting = self.waiting, []
        answers = [self.send(order, action) for order, action in due]
        self.work()
        return answers

    def send(self, order: Object, action: str | None = None) -> str:
        """One exchange about an order as it is now: signed, or of the legacy kind."""
        if action is not None:
            return self.post(legacy(order, action), {}, "application/x-www-form-urlencoded")
        return self.post(*signed(self.books, order))

    def post(self, body: bytes, headers: dict[str, str], kind: str = "application/json") -> str:
        """What our endpoint answers to these bytes."""
        path = f"/providers/paynl/{self.account.id}/webhooks"
        answer = Api().http.post(path, body, kind, headers=headers)
        return str(answer.content.decode()) if answer.status_code == 200 else str(answer.status_code)

    def effects(self) -> list[tuple[str, int]]:
        """What really happened."""
        return [(effect.verb, effect.amount) for effect in self.books.effects]


def account_at(shop: Shop, books: Books) -> ProviderAccount:
    """A provider account made over the API."""
    body = {"provider": "paynl", "name": books.service_id, "currency": "EUR", "credentials": books.secrets}
    answer = shop.api().post("/v1/provider_accounts", body)
    assert answer.status_code == 201, answer.content
    return ProviderAccount.objects.select_related("merchant").get(id=json.loads(answer.content)["id"])


@pytest.fixture
def paynl(shop: Shop, fake_paynl: FakePayNl) -> PayNlShop:
    """A shop with one account at Pay.nl, whose exchanges wait until a test delivers them."""
    books = fake_paynl.account("1234-1234")
    books.refunds_apart = timedelta(0)
    made = PayNlShop(shop, shop.api(), account_at(shop, books), books)
    books.tell = made.keep
    return made

"""A shop with a Mollie account at the fake, asked through the REST API and told through webhooks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Operation, ProviderAccount, ProviderEvent
from payments.services import create_setup, recover
from tests.api.client import Api
from tests.api.conftest import BY, Shop
from tests.fake_mollie import afterwards, webhooks
from tests.fake_mollie.books import Books, Object
from tests.fake_mollie.server import FakeMollie
from tests.reconciliation.conftest import IBAN

BACK = "https://shop.example/back"


@dataclass
class MollieShop:
    """The webshop's key, its provider account, and that account at Mollie."""

    shop: Shop
    api: Api
    account: ProviderAccount
    books: Books
    happened: list[tuple[str, Object]] = field(default_factory=list)
    _orders: int = 1000

    def pay(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer is sent to Mollie's page."""
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
        return self.ask("/v1/payments", **{**body, **more})

    def paid(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer has paid, and we were told."""
        payment = self.pay(amount, **more)
        afterwards.pay(self.books, self.at_mollie(payment)["id"])
        self.tell()
        return self.payment(payment)

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
        """Given back, and sent to Mollie by a worker."""
        body = {"payment": payment["id"], "reason": "Too small", "channel": self.shop.webshop.id}
        made = self.ask("/v1/refunds", **body, **({"amount": amount} if amount else {}))
        self.work()
        return self.refunded(made)

    def refunded(self, refund: Mapping[str, Any]) -> dict[str, Any]:
        """As it stands now."""
        shown: dict[str, Any] = self.api.get(f"/v1/refunds/{refund['id']}").json()
        return shown

    def work(self) -> None:
        """What the sweep does once everything is due."""
        now = timezone.now()
        Operation.objects.filter(due_at__isnull=False).update(due_at=now)
        ProviderEvent.objects.filter(due_at__isnull=False).update(due_at=now)
        recover.recover()

    def tell(self, *, signed: bool = False) -> list[int]:
        """Have Mollie send what has happened since, as hints or as signed events; what it was answered.

        Nothing else finds out: no operation is asked about by itself any more.
        """
        Operation.objects.filter(submitted_at__isnull=False).update(due_at=None)
        happened, self.happened = self.happened, []
        statuses = [self._event(kind, obj) if signed else self.hint(_payment_of(obj)) for kind, obj in happened]
        self.work()
        return statuses

    def hint(self, name: str) -> int:
        """Send the classic webhook about a payment."""
        return self.send(webhooks.form(name), {"Content-Type": "application/x-www-form-urlencoded"})

    def _event(self, kind: str, obj: Object) -> int:
        body = json.dumps(webhooks.event(self.books, kind, obj)).encode()
        return self.send(body, webhooks.signed(body, *self.books.webhook_secrets))

    def send(self, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a webhook; its status."""
        path, rest = f"/providers/mollie/{self.account.id}/webhooks", dict(headers)
        kind = rest.pop("Content-Type")
        status: int = Api().http.post(path, body, kind, headers=rest).status_code
        return status

    def at_mollie(self, payment: Mapping[str, Any]) -> Object:
        """The payment as Mollie knows it."""
        named = (row for row in self.books.all("tr") if row["metadata"]["onetill_payment"] == payment["id"])
        return next(named)

    def effects(self) -> list[tuple[str, int]]:
        """What really happened."""
        return [(effect.verb, effect.amount) for effect in self.books.effects]


def _payment_of(obj: Object) -> str:
    return str(obj["paymentId"] if "paymentId" in obj else obj["id"])


def mollie_account(shop: Shop, books: Books, **credentials: str) -> ProviderAccount:
    """A provider account made over the API."""
    body = {
        "provider": "mollie",
        "name": books.name,
        "currency": "EUR",
        "credentials": {**books.secrets, **credentials},
    }
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


@pytest.fixture
def mollie_shop(shop: Shop, fake_mollie: FakeMollie) -> MollieShop:
    """A shop with one Mollie account, which is told by the test what happened."""
    books = fake_mollie.account("bloem")
    made = MollieShop(shop, shop.api(), mollie_account(shop, books), books)
    books.listen = lambda _, kind, obj: made.happened.append((kind, obj))
    return made

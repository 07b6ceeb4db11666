"""A shop with an Adyen account at the fake, asked through the REST API and told through webhooks."""

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
from tests.fake_adyen import afterwards, webhooks
from tests.fake_adyen.books import Books, Change, Object, Payment
from tests.fake_adyen.server import FakeAdyen
from tests.reconciliation.conftest import IBAN

BACK = "https://shop.example/back"
STORED = {"adyen_stored_payment_method": "8415", "adyen_shopper": "shopper-1"}


@dataclass
class AdyenShop:
    """The webshop's key, its provider account, and that account at Adyen, which carries out by hand."""

    shop: Shop
    api: Api
    account: ProviderAccount
    books: Books
    happened: list[Object] = field(default_factory=list)
    _orders: int = 1000

    def pay(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer is sent to Adyen's page."""
        self._orders += 1
        body: dict[str, Any] = {
            "order_reference": f"W-{self._orders}",
            "amount": amount,
            "currency": "EUR",
            "method": "card",
            "channel": self.shop.webshop.id,
            "provider_account": self.account.id,
            "return_url": BACK,
        }
        return self.ask("/v1/payments", **{**body, **more})

    def paid(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer has paid, and we were told."""
        payment = self.pay(amount, **more)
        afterwards.pay(self.books, self.session(payment))
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
        """Given back, and sent to Adyen by a worker."""
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

    def tell(self, *, together: bool = False) -> list[int]:
        """Have Adyen send what has happened since, one by one or in one webhook; what it was answered."""
        happened, self.happened = self.happened, []
        parcels = [happened] if together else [[item] for item in happened]
        statuses = [self.send(webhooks.body(self.books.hmac_key, *items)) for items in parcels]
        self.work()
        return statuses

    def send(self, body: bytes) -> int:
        """Send a webhook; its status."""
        path = f"/providers/adyen/{self.account.id}/webhooks"
        status: int = Api().http.post(path, body, "application/json").status_code
        return status

    def session(self, payment: Mapping[str, Any]) -> str:
        """The page that its customer was sent to."""
        operation = Operation.objects.filter(payment_id=payment["id"]).order_by("id")[0]
        return next(name for name, row in self.books.sessions.items() if row["reference"] == operation.id)

    def at_adyen(self, payment: Mapping[str, Any]) -> Payment:
        """The payment as Adyen knows it."""
        ours = set(Operation.objects.filter(payment_id=payment["id"]).values_list("id", flat=True))
        return next(row for row in self.books.payments.values() if row.reference in ours)

    def change(self, verb: str) -> Change:
        """The newest capture, refund or cancellation."""
        return [row for row in self.books.changes.values() if row.verb == verb][-1]

    def carry_out(self, verb: str, *, success: bool = True, reference: str | None = None) -> None:
        """Adyen does the newest one, or does not, and tells."""
        afterwards.carry_out(self.books, self.change(verb).name, success=success, reference=reference)
        self.tell()

    def effects(self) -> list[tuple[str, int]]:
        """What really happened."""
        return [(effect.verb, effect.amount) for effect in self.books.effects]


def adyen_account(shop: Shop, books: Books, **credentials: str) -> ProviderAccount:
    """A provider account made over the API."""
    secrets = {**books.secrets, **credentials}
    body = {"provider": "adyen", "name": books.name, "currency": "EUR", "credentials": secrets}
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
def adyen_shop(shop: Shop, fake_adyen: FakeAdyen) -> AdyenShop:
    """A shop with one Adyen account, which is told by the test what happened."""
    books = fake_adyen.account("bloem")
    books.by_hand = True
    made = AdyenShop(shop, shop.api(), adyen_account(shop, books), books)
    books.listen = lambda _, items: made.happened.extend(items)
    return made

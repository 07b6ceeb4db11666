"""A shop with a Mollie account at the fake, asked through the REST API and told through webhooks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from payments.models import Operation, ProviderAccount
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.fake_mollie import afterwards, webhooks
from tests.fake_mollie.books import Books, Object
from tests.fake_mollie.server import FakeMollie
from tests.fakes.shop import ShopAtProvider, account_at
from tests.fakes.shop import shop as shop


@dataclass
class MollieShop(ShopAtProvider):
    """With an account at Mollie."""

    books: Books
    happened: list[tuple[str, Object]] = field(default_factory=list)

    def paid(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer has paid, and we were told."""
        payment = self.pay(amount, **more)
        afterwards.pay(self.books, self.at_mollie(payment)["id"])
        self.tell()
        return self.payment(payment)

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


def _payment_of(obj: Object) -> str:
    return str(obj["paymentId"] if "paymentId" in obj else obj["id"])


def mollie_account(shop: Shop, books: Books, **credentials: str) -> ProviderAccount:
    """A provider account made over the API."""
    return account_at(shop, "mollie", name=books.name, credentials={**books.secrets, **credentials})


@pytest.fixture
def mollie_shop(shop: Shop, fake_mollie: FakeMollie) -> MollieShop:
    """A shop with one Mollie account, which is told by the test what happened."""
    books = fake_mollie.account("bloem")
    made = MollieShop(shop, shop.api(), mollie_account(shop, books), books)
    books.listen = lambda _, kind, obj: made.happened.append((kind, obj))
    return made

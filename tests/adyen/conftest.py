"""A shop with an Adyen account at the fake, asked through the REST API and told through webhooks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest

from payments.models import Operation, ProviderAccount
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.fake_adyen import afterwards, webhooks
from tests.fake_adyen.books import Books, Change, Object, Payment
from tests.fake_adyen.server import FakeAdyen
from tests.fakes.shop import ShopAtProvider, account_at
from tests.fakes.shop import shop as shop

STORED = {"adyen_stored_payment_method": "8415", "adyen_shopper": "shopper-1"}


@dataclass
class AdyenShop(ShopAtProvider):
    """With a merchant account at Adyen, which carries out by hand."""

    METHOD: ClassVar[str] = "card"

    books: Books
    happened: list[Object] = field(default_factory=list)

    def paid(self, amount: int = 50_00, **more: Any) -> dict[str, Any]:
        """A customer has paid, and we were told."""
        payment = self.pay(amount, **more)
        afterwards.pay(self.books, self.session(payment))
        self.tell()
        return self.payment(payment)

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


def adyen_account(shop: Shop, books: Books, **credentials: str) -> ProviderAccount:
    """A provider account made over the API."""
    return account_at(shop, "adyen", name=books.name, credentials={**books.secrets, **credentials})


@pytest.fixture
def adyen_shop(shop: Shop, fake_adyen: FakeAdyen) -> AdyenShop:
    """A shop with one Adyen account, which is told by the test what happened."""
    books = fake_adyen.account("bloem")
    books.by_hand = True
    made = AdyenShop(shop, shop.api(), adyen_account(shop, books), books)
    books.listen = lambda _, items: made.happened.extend(items)
    return made

"""A shop with a sales location at the fake Pay.nl, asked through the REST API and told through exchanges."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from payments.models import Operation
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.fake_paynl.books import Books, Object
from tests.fake_paynl.post import legacy, signed
from tests.fake_paynl.server import FakePayNl
from tests.fakes.shop import ShopAtProvider, account_at


@dataclass
class PayNlShop(ShopAtProvider):
    """With a sales location at Pay.nl."""

    books: Books
    waiting: list[tuple[Object, str | None]] = field(default_factory=list)  # exchanges that were not sent yet

    def order_of(self, payment: dict[str, Any]) -> str:
        """Pay.nl's name for the order of a payment, which its fake finds by our own name in the statistics."""
        operations = set(Operation.objects.filter(payment_id=payment["id"]).values_list("id", flat=True))
        return next(name for name, each in self.books.orders.items() if each["stats"].get("extra1") in operations)

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


@pytest.fixture
def paynl(shop: Shop, fake_paynl: FakePayNl) -> PayNlShop:
    """A shop with one account at Pay.nl, whose exchanges wait until a test delivers them."""
    books = fake_paynl.account("1234-1234")
    books.refunds_apart = timedelta(0)
    made = PayNlShop(
        shop, shop.api(), account_at(shop, "paynl", name=books.service_id, credentials=books.secrets), books
    )
    books.tell = made.keep
    return made

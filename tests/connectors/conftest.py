"""A shop whose books are handed to its accountant's software, which the fakes are."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from payments.models import Payment
from payments.people.models import Role, User
from reconciliation.models import Connector, ConnectorDocument
from reconciliation.services import connectors, fill_outboxes, send_documents
from tests.builders import BY, Shop, open_shop
from tests.connectors.stages import STAGES, needed, sign_in
from tests.fake_books.packages import PACKAGES
from tests.fake_books.server import Package, serve
from tests.people.cast import person


@dataclass
class Accountant:
    """A shop, the package of its accountant, and the connector between them."""

    shop: Shop
    package: Any
    connector: Connector
    _clock: int = field(default=0)

    def sells(self, amount: int, *, days_ago: int = 1, **more: Any) -> Payment:
        """A customer pays by card in the store, some days ago."""
        return self.shop.pin(amount, occurred_at=self.noon(days_ago), **more)

    def gives_back(self, payment: Payment, amount: int, *, days_ago: int = 1) -> None:
        """The terminal gives back on the card."""
        self.shop.pin_back(amount, payment, occurred_at=self.noon(days_ago) + timedelta(hours=1))

    def noon(self, days_ago: int) -> datetime:
        """Noon in the shop, some days ago."""
        zone = self.shop.merchant.zone
        return datetime.combine(self.day(days_ago), time(12), zone)

    def day(self, days_ago: int) -> date:
        """The shop's date, some days ago."""
        return timezone.now().astimezone(self.shop.merchant.zone).date() - timedelta(days=days_ago)

    def fill(self) -> int:
        """What the sweep does."""
        return fill_outboxes.fill(self.connector.id, now=timezone.now() + timedelta(hours=4))

    def send(self, *, due: bool = True) -> int:
        """What a worker does, once everything is due."""
        if due:
            self.connector.documents.filter(status="pending").update(due_at=timezone.now())
            Connector.objects.filter(id=self.connector.id).update(due_at=timezone.now())
        sent = send_documents.send(self.connector.id)
        self.connector.refresh_from_db()
        return sent

    def hand_over(self) -> int:
        """Both."""
        self.fill()
        return self.send()

    def documents(self) -> list[ConnectorDocument]:
        """The outbox, oldest first."""
        return list(self.connector.documents.order_by("book_date", "number"))

    @property
    def document(self) -> ConnectorDocument:
        """The only one."""
        (one,) = self.documents()
        return one


def owner(shop: Shop, name: str = "otto") -> User:
    """The owner of a shop, who has just proved their second factor."""
    return person(f"{name} of {shop.merchant.id}", shop.merchant.id, role=Role.Name.OWNER)


Connects = Callable[..., Accountant]


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Package]]:
    """Starts fakes, each at an address of its own that the settings name."""
    servers = []

    def start(code: str) -> Package:
        package = PACKAGES[code]()
        package.accounts = needed(package)
        servers.append(serve(package))
        monkeypatch.setattr(settings, "CONNECTOR_ADDRESSES", settings.CONNECTOR_ADDRESSES | package.addresses())
        return package

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def connects(running: Callable[[str], Package], transactional_db: None) -> Connects:
    """Connects a new shop with a package."""

    def connect(code: str, **more: Any) -> Accountant:
        shop, package, stage = open_shop(), running(code), STAGES[code]
        row = connectors.add(
            merchant=shop.merchant,
            kind=code,
            name="Books",
            settings=stage.settings,
            credentials=stage.credentials,
            starts_on=date(2020, 1, 1),
            actor=BY,
            **more,
        )
        assert isinstance(row, Connector)
        if stage.signs_in:
            row = sign_in(row, package, owner(shop))
        return Accountant(shop, package, row)

    return connect

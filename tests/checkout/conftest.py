"""The cast of the pay page: a shop, its key, a customer with a browser and no account."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.models import Operation
from payments.people.services import api_keys
from payments.services.recover import recover
from tests.api.client import Api
from tests.builders import BY, Shop, open_shop
from tests.responses import ClientResponse
from tests.simulator import RunningSimulator


@pytest.fixture
def shop(transactional_db: None) -> Shop:
    return open_shop()


@pytest.fixture
def web(shop: Shop) -> Api:
    """The webshop's key."""
    key = api_keys.create(
        merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], channel_id=shop.webshop.id, actor=BY
    )
    return Api(key.text)


@dataclass
class Visitor:
    """Somebody with the address of a link."""

    simulator: RunningSimulator
    browser: Client = field(default_factory=lambda: Client(enforce_csrf_checks=True))

    def opens(self, link: dict[str, Any], query: str = "", **headers: str) -> ClientResponse:
        """Look at the page."""
        return self.browser.get(_path(link) + query, headers=headers or None)

    def chooses(self, link: dict[str, Any], method: str, **text: str) -> ClientResponse:
        """Open the page and press a button."""
        attempt = re.search(r'name="attempt" value="([0-9a-f]{32})"', self.opens(link).content.decode())
        assert attempt is not None
        return self.sends(link, {"attempt": attempt[1], "method": method} | text)

    def sends(self, link: dict[str, Any], form: dict[str, str]) -> ClientResponse:
        """Send the form."""
        return self.browser.post(_path(link), form)

    def pays(self, link: dict[str, Any], method: str = "ideal", action: str = "approve", **text: str) -> str:
        """Go all the way over the provider's page; tell where it leads back to."""
        sent = self.chooses(link, method, **text)
        assert sent.status_code == 303, sent.content.decode()
        back = self.simulator.customer(sent["Location"], action).headers["location"]
        look_again()
        return back


def look_again() -> None:
    """What the sweep does in time: ask the providers what became of all that is under way."""
    Operation.objects.filter(outcome="pending").update(due_at=timezone.now())
    recover()


@pytest.fixture
def visitor(simulator: RunningSimulator) -> Visitor:
    return Visitor(simulator)


@pytest.fixture
def make_link(web: Api) -> Callable[..., dict[str, Any]]:
    """Makes links over the API."""

    def make(**changes: Any) -> dict[str, Any]:
        body = {"amount": 4_950, "currency": "EUR", "description": "Autumn bouquet"} | changes
        answer = web.post("/v1/payment_links", {name: value for name, value in body.items() if value is not None})
        assert answer.status_code == 201, answer.content
        link: dict[str, Any] = answer.json()
        return link

    return make


def _path(link: dict[str, Any]) -> str:
    return "/pay/" + str(link["url"]).rpartition("/pay/")[2]

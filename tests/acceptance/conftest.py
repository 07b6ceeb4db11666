"""One merchant on the whole installation, for tests that know it by the contract alone."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.names import reference
from tests.stack import Shop, Stack

Pay = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def shop(stack: Stack) -> Shop:
    """A merchant of this file's own."""
    return Shop(stack)


@pytest.fixture
def pay(shop: Shop) -> Pay:
    """Take a payment, by default ten euros by card in the webshop for an order of its own."""

    def take(**given: Any) -> dict[str, Any]:
        body = {"order_reference": reference(), "amount": 1000, "currency": "EUR", "method": "card"}
        body = {name: value for name, value in (body | {"channel": shop.web} | given).items() if value is not None}
        answer = shop.api.post("/v1/payments", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    return take

"""A merchant with webhook endpoints, and the server that receives their events."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from payments.core.ids import new_id
from payments.notify.services import endpoints
from payments.notify.services.emit import NewEvent, emit
from payments.notify.services.endpoints import NewSecret
from tests.notify.receiver import Receiver, running

MERCHANT = "mer_00000000000000000000000001"
OTHER_MERCHANT = "mer_00000000000000000000000002"
WEBSHOP = "chn_00000000000000000000000001"
STORE = "chn_00000000000000000000000002"


@pytest.fixture
def shop(settings: Any) -> Iterator[Receiver]:
    """A shop's server on loopback, which this installation is allowed to call."""
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with running() as receiver:
        yield receiver


@pytest.fixture
def endpoint(shop: Receiver) -> Callable[..., NewSecret]:
    """Make an endpoint at the shop's server."""

    def make(path: str = "/hook", **values: Any) -> NewSecret:
        given: dict[str, Any] = {
            "merchant_id": MERCHANT,
            "test_mode": True,
            "events": ["*"],
            "actor": "system",
        } | values
        return endpoints.create(url=given.pop("url", shop.url(path)), **given)

    return make


@pytest.fixture
def happen() -> Callable[..., list[str]]:
    """Let things happen: emit events, and return the ids of what they are about."""

    def do(count: int = 1, **values: Any) -> list[str]:
        news = [_event(**values) for _ in range(count)]
        emit(news)
        return [event.object_id for event in news]

    return do


def _event(**values: Any) -> NewEvent:
    payment = new_id("pay")
    given: dict[str, Any] = {
        "merchant_id": MERCHANT,
        "channel_id": WEBSHOP,
        "type": "payment.captured",
        "object_type": "payment",
        "object_id": payment,
        "data": {"object": {"id": payment, "object": "payment", "amount": 1250, "description": "fiets, 2ᵉ hands"}},
        "test_mode": True,
    } | values
    return NewEvent(**given)

"""The cast of the API's tests: a shop with a webshop and a store, and another shop that is none of its business."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from payments.models import Channel, Merchant
from payments.people.services import api_keys
from payments.services import create_setup
from tests.api.client import Api

BY = "tests"


@dataclass(frozen=True)
class Shop:
    """A merchant, its two channels, and the ways in."""

    merchant: Merchant
    webshop: Channel
    store: Channel

    def api(self, *scopes: str, channel: Channel | None = None) -> Api:
        """A key of this shop; of one channel where named."""
        key = api_keys.create(
            merchant_id=self.merchant.id,
            test_mode=self.merchant.test_mode,
            scopes=scopes or ["all"],
            channel_id=channel.id if channel else None,
            actor=BY,
        )
        return Api(key.text)


@pytest.fixture
def open_shop(db: None) -> Callable[[str], Shop]:
    """Opens shops."""

    def make(name: str) -> Shop:
        merchant = create_setup.create_merchant(name=name, actor=BY)
        return Shop(
            merchant,
            create_setup.create_channel(merchant=merchant, kind="online", name=f"{name} online", actor=BY),
            create_setup.create_channel(merchant=merchant, kind="in_store", name=f"{name} Utrecht", actor=BY),
        )

    return make


@pytest.fixture
def shop(open_shop: Callable[[str], Shop]) -> Shop:
    return open_shop("Bloem")


@pytest.fixture
def stranger(open_shop: Callable[[str], Shop]) -> Shop:
    return open_shop("Vreemd")


@pytest.fixture
def api(shop: Shop) -> Api:
    """The webshop's key."""
    return shop.api(channel=shop.webshop)

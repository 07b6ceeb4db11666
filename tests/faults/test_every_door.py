"""Refunds at every door at once, with failures, disputes and work that breaks off; `make soak SUITE=refunds` has more.

`DOORS_ORDERS` says over how many orders; `SEED` repeats a run.
"""

import os
from typing import Any, Final

import pytest

from payments.people.models import Role
from payments.people.services import api_keys
from tests.api import conformity
from tests.api.client import Api
from tests.builders import BY, Shop, open_shop
from tests.counter.cast import signed_in as at_counter
from tests.counter.cast import staff
from tests.faults.every_door import EveryDoor
from tests.notify import receiver
from tests.people import cast

ORDERS: Final = int(os.environ.get("DOORS_ORDERS", "6"))
SEED: Final = int(os.environ.get("SEED") or 1)

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("simulator"),
    pytest.mark.timeout(0),
]


def key(shop: Shop, channel: Any) -> Api:
    made = api_keys.create(
        merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], channel_id=channel.id, actor=BY
    )
    return Api(made.text)


def test_no_more_goes_back_than_was_paid_whoever_asks(settings: Any) -> None:
    shop = open_shop(refund_fallback="voucher")
    finance = cast.person("finance", shop.merchant.id, role=Role.Name.FINANCE)
    conformity.document()  # made once, before many ask for it at once
    with receiver.running() as here:
        settings.PUBLIC_URL = here.url("")
        run = EveryDoor(
            shop=shop,
            tills=[key(shop, shop.store), key(shop, shop.store)],
            web=key(shop, shop.webshop),
            admin=cast.signed_in(finance, proved=True),
            tablet=at_counter(shop.store, staff("anna", shop.store)),
            receiver=here,
            seed=SEED,
            orders=ORDERS,
        )
        wrong = run.run()
    assert not wrong, f"SEED={SEED}: " + "; ".join(wrong)
    assert min(run.asked[name] for name in ("web", "till 1", "till 2", "admin", "counter", "dashboard")) > 0, run.asked

"""The cast at the counter: the shop's store with a paired terminal, and finance looking on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.db.models import Sum

from payments.ledger.models import Account
from payments.models import Discrepancy, Merchant
from payments.runtime import throttling
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.api.conftest import open_shop as open_shop
from tests.api.conftest import shop as shop
from tests.api.conftest import stranger as stranger
from tests.terminals.device import Device, public_key


def new_terminal(api: Api, **given: Any) -> dict[str, Any]:
    """A terminal as the back office makes it."""
    answer = api.post("/v1/terminals", {"label": "Counter 1", **given})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def paired(api: Api, *, ed25519: bool = False, signature: int = 1, **given: Any) -> Device:
    """A device that has just been paired."""
    made = new_terminal(api, **given)
    device = Device(made["id"], key=Ed25519PrivateKey.generate() if ed25519 else None, signature=signature)
    body = {"pairing_code": made["pairing_code"]} | ({"public_key": public_key(device.key)} if device.key else {})
    body |= {"signature": "v2"} if signature == 2 else {}
    answer = Api().post("/v1/terminals/pair", body)
    assert answer.status_code == 201, answer.content
    device.secret = answer.json()["secret"]
    return device


@pytest.fixture(autouse=True)
def nobody_has_guessed() -> Iterator[None]:
    """What one test guessed wrongly makes no device of the next one wait."""
    yield
    if throttling.client.cache_info().currsize:
        for key in throttling.client().scan_iter(f"{settings.REDIS_PREFIX}guesses:*"):
            throttling.client().delete(key)


@pytest.fixture
def back_office(shop: Shop) -> Api:
    """The store's own key."""
    return shop.api(channel=shop.store)


@pytest.fixture
def terminal(back_office: Api) -> Device:
    """The store's terminal, paired."""
    return paired(back_office)


@pytest.fixture
def other_terminal(back_office: Api) -> Device:
    """A second one, at the other counter."""
    return paired(back_office, label="Counter 2")


@pytest.fixture
def discrepancies(shop: Shop) -> Callable[[], list[tuple[str, str]]]:
    """What finance sees: kind and status of each discrepancy, oldest first."""

    def look() -> list[tuple[str, str]]:
        rows = Discrepancy.objects.filter(merchant=shop.merchant).order_by("id")
        return [(row.kind, row.status) for row in rows]

    return look


def books(merchant: Merchant) -> dict[str, int]:
    """What stands on each account, by its name without the owner; a debit is positive, nothing is left out."""
    accounts = Account.objects.filter(merchant_id=merchant.id)
    sums = accounts.annotate(total=Sum("postings__amount")).values_list("code", "total")
    balances: dict[str, int] = {}
    for code, total in sums:
        name = code.partition(":")[0]
        balances[name] = balances.get(name, 0) + (total or 0)
    return {name: total for name, total in balances.items() if total}

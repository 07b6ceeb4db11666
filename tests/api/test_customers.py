"""A customer: everything bought anywhere, and forgotten on request."""

import pytest

from tests.api.client import refusal
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)


def test_everything_bought_anywhere_and_forgotten(shop: Shop, simulator: RunningSimulator) -> None:
    ada = {"reference": "c/7 é", "email": "ada@example.com", "name": "Ada"}
    for at, channel in enumerate((shop.webshop, shop.store)):
        body = {"order_reference": f"{at}", "amount": 500, "currency": "EUR", "method": "card", "customer": ada}
        assert shop.api(channel=channel).post("/v1/payments", body).status_code == 201
    api = shop.api()
    path = "/v1/customers/c%2F7%20%C3%A9"
    shown = api.get(path).json()
    assert (shown["reference"], shown["email"], shown["name"]) == (ada["reference"], ada["email"], "Ada")
    assert [order["channel"]["name"] for order in shown["orders"]] == ["Bloem Utrecht", "Bloem online"]
    assert shop.api().delete(path).status_code == 204
    refusal(api.get(path), 404, "not_found")
    payments = api.get("/v1/payments", customer=shown["id"]).json()["data"]
    assert len(payments) == 2
    assert b"ada@example.com" not in api.get("/v1/events").content


def test_reading_does_not_allow_forgetting(shop: Shop) -> None:
    api = shop.api("customers:read")
    refusal(api.delete("/v1/customers/c-7"), 403, "scope_missing")


def test_who_gave_only_an_address_is_named_by_our_id(shop: Shop) -> None:
    api = shop.api(channel=shop.store)
    body = {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash", "customer": {"email": "a@b.nl"}}
    path = f"/v1/customers/{api.post('/v1/payments', body).json()['customer']}"
    assert api.get(path).json()["email"] == "a@b.nl"
    assert shop.api().delete(path).status_code == 204
    assert (api.get(path).json()["email"], api.get(path).json()["erased_at"] is None) == (None, False)
    refusal(shop.api().get("/v1/customers/cus_0"), 404, "not_found")

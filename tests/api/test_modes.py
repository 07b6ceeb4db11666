"""Test and live are two merchants: neither's key sees, names or reaches anything of the other, and live means money."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment, ProviderAccount
from payments.notify.models import Event, WebhookDelivery
from payments.people.services import api_keys
from payments.services import create_setup
from tests.api.client import Api, faults, refusal
from tests.api.conftest import BY, Shop
from tests.api.test_isolation import addresses, ask, every_address
from tests.builders import report_dispute

pytestmark = pytest.mark.django_db(transaction=True)

Things = dict[str, Any]
NO_LISTS = ("/v1", "/v1/statistics", "/v1/ledger/trial_balance")


@pytest.fixture(autouse=True)
def any_address(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True  # nothing is resolved here, and nothing is sent


@pytest.fixture
def live() -> Shop:
    """The same shop as it earns money."""
    merchant = create_setup.create_merchant(name="Bloem", mode="live", actor=BY)
    for provider in ("recorded", "external"):
        create_setup.create_provider_account(
            merchant=merchant, provider=provider, name=provider, currency="EUR", actor=BY
        )
    webshop = create_setup.create_channel(merchant=merchant, kind="online", name="Bloem online", actor=BY)
    return Shop(
        merchant, webshop, create_setup.create_channel(merchant=merchant, kind="in_store", name="Winkel", actor=BY)
    )


def everything(shop: Shop) -> Things:
    """One of everything that needs no provider, by what its id is called in addresses."""
    api = shop.api(channel=shop.store)
    endpoint = api.post("/v1/webhook_endpoints", {"url": "https://example.com/hook", "events": ["*"]}).json()
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "cash"}
    payment = api.post("/v1/payments", body | {"customer": {"reference": "c-1"}}).json()
    refund = api.post("/v1/refunds", {"payment": payment["id"], "amount": 100, "reason": "x", "route": "cash"}).json()
    row = Payment.objects.select_related("merchant").get(id=payment["id"])
    voucher = api.post("/v1/vouchers", {"amount": 500, "currency": "EUR", "purpose": "multi"}).json()
    link = api.post("/v1/payment_links", {"amount": 900, "currency": "EUR", "description": "Bike"}).json()
    return {
        "payment_id": payment["id"],
        "order_id": payment["order"]["id"],
        "refund_id": refund["id"],
        "chargeback_id": report_dispute(row, "chargeback", "open", at=timezone.now()).id,
        "code": voucher["code"],
        "link_id": link["id"],
        "endpoint_id": endpoint["id"],
        "delivery_id": api.get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries").json()["data"][0]["id"],
        "reference": "c-1",
        "entry_id": shop.api().get("/v1/ledger/entries").json()["data"][0]["id"],
        "terminal_id": api.post("/v1/terminals", {"channel": shop.store.id, "label": "Till"}).json()["id"],
        "account_id": shop.api().get("/v1/ledger/accounts").json()["data"][0]["id"],
    }


def modes(value: Any) -> Iterator[bool]:
    """Every `test_mode` anywhere in an answer."""
    if isinstance(value, dict):
        if "test_mode" in value:
            yield value["test_mode"]
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from modes(one)


def lists() -> list[str]:
    return [path for method, path in every_address() if method == "GET" and "/x" not in path and path not in NO_LISTS]


def test_neither_key_sees_anything_of_the_other_mode(shop: Shop, live: Shop) -> None:
    things = {shop: everything(shop), live: everything(live)}
    for own, other in ((shop, live), (live, shop)):
        api = own.api()
        foreign = {value for name, value in things[other].items() if name not in ("reference", "code")}
        for path in lists():
            text = api.get(path).content.decode()
            assert [one for one in foreign if one in text] == [], path
        shared = {"reference", "account_id", "entry_id"}
        tried = addresses({name: value for name, value in things[other].items() if name not in shared})
        assert len(tried) >= 20
        for method, path in tried:
            refusal(ask(api, method, path), 404, "not_found")


def test_everything_says_which_mode_it_is_of(shop: Shop, live: Shop) -> None:
    for own, is_test in ((shop, True), (live, False)):
        things, api = everything(own), own.api()
        found = set(modes(api.get("/v1").json()))
        for method, path in addresses({name: value for name, value in things.items() if name != "reference"}):
            if method == "GET" and not path.endswith((".svg", ".png")):
                found |= set(modes(api.get(path).json()))
        for path in lists():
            found |= set(modes(api.get(path).json()))
        assert found == {is_test}
        assert set(Event.objects.filter(merchant_id=own.merchant.id).values_list("test_mode", flat=True)) == {is_test}


def test_no_endpoint_is_told_of_the_other_mode(shop: Shop, live: Shop) -> None:
    everything(shop)
    everything(live)
    rows = WebhookDelivery.objects.select_related("endpoint", "event")
    assert {row.endpoint.merchant_id for row in rows} == {shop.merchant.id, live.merchant.id}
    for row in rows:
        assert row.endpoint.merchant_id == row.event.merchant_id
        assert row.endpoint.test_mode == row.event.test_mode


def test_the_other_modes_objects_cannot_be_named(shop: Shop, live: Shop) -> None:
    theirs, api = everything(shop), live.api(channel=live.store)
    simulator = ProviderAccount.objects.get(merchant=shop.merchant, provider="simulator").id
    pay = {"amount": 100, "currency": "EUR", "method": "cash"}
    for path, body, place in (
        ("/v1/payments", pay | {"order": theirs["order_id"]}, "order"),
        ("/v1/payments", pay | {"order_reference": "9", "provider_account": simulator}, "provider_account"),
        ("/v1/refunds", {"payment": theirs["payment_id"], "reason": "x"}, "payment"),
        (
            "/v1/payment_links",
            {"amount": 1, "currency": "EUR", "description": "x", "order": theirs["order_id"]},
            "order",
        ),
    ):
        assert faults(api.post(path, body)) == {place: "not_found"}


def test_a_live_merchant_refuses_the_simulator(live: Shop) -> None:
    api = live.api(channel=live.webshop)
    body = {"provider": "simulator", "name": "Play", "currency": "EUR"}
    refusal(live.api().post("/v1/provider_accounts", body), 422, "provider_test_only")
    assert not ProviderAccount.objects.filter(merchant=live.merchant, provider="simulator").exists()
    answer = api.post("/v1/payments", {"order_reference": "1", "amount": 100, "currency": "EUR", "method": "card"})
    assert answer.status_code == 422
    assert not Payment.objects.filter(merchant=live.merchant).exists()


def test_a_key_says_its_mode_and_lies_in_no_other(shop: Shop, live: Shop) -> None:
    for own, mode, other in ((shop, "test", "live"), (live, "live", "test")):
        given: dict[str, Any] = {
            "merchant_id": own.merchant.id,
            "test_mode": own.merchant.test_mode,
            "scopes": ["all"],
            "actor": BY,
        }
        text = api_keys.create(**given).text
        assert text.startswith(f"ot_{mode}_")
        assert Api(text).get("/v1").json()["test_mode"] is (mode == "test")
        refusal(Api(text.replace(f"ot_{mode}_", f"ot_{other}_")).get("/v1"), 401, "invalid_api_key")

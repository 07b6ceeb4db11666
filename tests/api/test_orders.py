"""An order tells its whole story over all channels, and is found by what its customer brings."""

from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(shop: Shop, simulator: RunningSimulator) -> dict[str, Any]:
    """Paid by card in the webshop and in cash at the counter; a part brought back to the store."""
    web, store = shop.api(channel=shop.webshop), shop.api(channel=shop.store)
    body = {"order_reference": "1001", "amount": 2500, "currency": "EUR", "method": "card", "order_total": 4000}
    paid = web.post("/v1/payments", body | {"customer": {"reference": "c-7"}}).json()
    rest = {"order": paid["order"]["id"], "amount": 1500, "currency": "EUR", "method": "cash"}
    store.post("/v1/payments", rest)
    store.post("/v1/refunds", {"order": paid["order"]["id"], "amount": 500, "reason": "too big", "route": "cash"})
    found: dict[str, Any] = web.get(f"/v1/orders/{paid['order']['id']}").json()
    return found


def test_the_whole_story(order: dict[str, Any], shop: Shop) -> None:
    assert (order["reference"], order["total"], order["paid"], order["refunded"]) == ("1001", 4000, 4000, 500)
    assert (order["refundable"], order["due"], order["charged_back"]) == (3500, 0, 0)
    assert [payment["channel"]["name"] for payment in order["payments"]] == ["Bloem online", "Bloem Utrecht"]
    assert [refund["amount"] for refund in order["refunds"]] == [500]
    assert order["chargebacks"] == []
    lines = [(line["type"], line["channel"]["name"], line["amount"]) for line in order["timeline"]]
    assert lines == [
        ("payment.created", "Bloem online", 2500),
        ("payment.captured", "Bloem online", 2500),
        ("payment.created", "Bloem Utrecht", 1500),
        ("payment.captured", "Bloem Utrecht", 1500),
        ("refund.pending", "Bloem Utrecht", 500),
        ("refund.succeeded", "Bloem Utrecht", 500),
    ]
    assert all(line["actor"] for line in order["timeline"])
    assert order["timeline"][0]["object"] == {"id": order["payments"][0]["id"], "type": "payment"}


def test_an_order_is_found_by_what_its_customer_brings(order: dict[str, Any], shop: Shop) -> None:
    api = shop.api(channel=shop.store)
    card = order["payments"][0]
    for given in (
        {"reference": "1001"},
        {"reference": "1001", "namespace": order["namespace"]},
        {"receipt": card["receipt_number"]},
        {"card_fingerprint": card["card"]["fingerprint"]},
        {"customer": "c-7"},
        {"customer": card["customer"]},
        {"payment": card["id"]},
    ):
        assert api.get("/v1/orders", **given).json()["data"] == [order], given
    for given in ({"reference": "1002"}, {"receipt": "x"}, {"terminal": "trm_x", "sequence": "1"}, {"customer": "c-8"}):
        assert api.get("/v1/orders", **given).json()["data"] == []


def test_two_channels_may_use_one_reference(shop: Shop, simulator: RunningSimulator) -> None:
    for channel in (shop.webshop, shop.store):
        body = {"order_reference": "7", "amount": 500, "currency": "EUR", "method": "card"}
        assert shop.api(channel=channel).post("/v1/payments", body).status_code == 201
    found = shop.api().get("/v1/orders", reference="7").json()["data"]
    assert [row["channel"]["name"] for row in found] == ["Bloem Utrecht", "Bloem online"]
    only = shop.api().get("/v1/orders", reference="7", namespace=shop.store.namespace).json()["data"]
    assert [row["id"] for row in only] == [found[0]["id"]]


def test_a_list_of_orders_asks_no_query_per_row(
    shop: Shop, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    api = shop.api(channel=shop.store)
    for at in range(12):
        body = {"order_reference": str(at), "amount": 500, "currency": "EUR", "method": "cash"}
        paid = api.post("/v1/payments", body).json()
        api.post("/v1/refunds", {"payment": paid["id"], "amount": 100, "reason": "x", "route": "cash"})
    with django_assert_max_num_queries(14):
        assert len(api.get("/v1/orders").json()["data"]) == 12
    with django_assert_max_num_queries(12):
        expand = "operations,refunds,evidence,journal_entries"
        assert len(api.get("/v1/payments", expand=expand).json()["data"]) == 12
    with django_assert_max_num_queries(8):
        assert len(api.get("/v1/refunds").json()["data"]) == 12
    whole = shop.api()  # a tied key reads no books
    for path in ("ledger/accounts", "ledger/entries", "ledger/open_items", "events", "chargebacks"):
        with django_assert_max_num_queries(8):
            whole.get(f"/v1/{path}")


def test_what_is_not_there(shop: Shop, api: Api) -> None:
    refusal(api.get("/v1/orders/ord_unknown"), 404, "not_found")
    assert "sequence" in faults(api.get("/v1/orders", terminal="trm_x"))
    assert "terminal" in faults(api.get("/v1/orders", sequence="1"))


def test_due_and_totals(shop: Shop) -> None:
    api = shop.api(channel=shop.store)
    body = {"order_reference": "9", "currency": "EUR", "method": "cash", "order_total": 1000}
    first = api.post("/v1/payments", body | {"amount": 600}).json()
    members = refusal(api.post("/v1/payments", body | {"amount": 500}), 422, "amount_exceeds_due")
    assert members["due"] == 400
    refusal(api.post("/v1/payments", body | {"amount": 100, "order_total": 500}), 422, "order_total_below_paid")
    other = {"order": first["order"]["id"], "amount": 100, "currency": "USD", "method": "cash"}
    refusal(api.post("/v1/payments", other), 422, "order_currency_differs")
    assert api.get(f"/v1/orders/{first['order']['id']}").json()["due"] == 400


def test_an_order_names_the_invoice_that_it_pays(shop: Shop) -> None:
    web = shop.api(channel=shop.webshop)
    body = {"order_reference": "77", "amount": 500, "currency": "EUR", "method": "card"}
    paid = web.post("/v1/payments", body | {"invoice_reference": "F-2026-17"}).json()
    assert web.get(f"/v1/orders/{paid['order']['id']}").json()["invoice_reference"] == "F-2026-17"
    again = web.post("/v1/payments", body).json()
    order = web.get(f"/v1/orders/{again['order']['id']}").json()
    assert order["invoice_reference"] == "F-2026-17", "what is not sent changes nothing"
    web.post("/v1/payments", body | {"invoice_reference": "F-2026-18"})
    found = web.get("/v1/orders", invoice_reference="F-2026-18").json()["data"]
    assert [row["id"] for row in found] == [order["id"]]
    assert web.get("/v1/orders", invoice_reference="F-2026-17").json()["data"] == []
    other = web.post("/v1/payments", body | {"order_reference": "78"}).json()
    assert web.get(f"/v1/orders/{other['order']['id']}").json()["invoice_reference"] is None


@pytest.mark.parametrize(
    ("wrong", "code"), [("x" * 65, "too_long"), ("4111111111111111", "card_number_refused"), (17, "invalid_type")]
)
def test_an_invoice_that_cannot_be_one_is_refused(shop: Shop, wrong: object, code: str) -> None:
    body = {"order_reference": "77", "amount": 500, "currency": "EUR", "method": "card", "invoice_reference": wrong}
    answer = shop.api(channel=shop.webshop).post("/v1/payments", body)
    assert faults(answer) == {"invoice_reference": code}

"""What an order costs is taken once, whoever asks, how and how often: over HTTP, with real workers, many at once."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import Pay
from tests.names import reference
from tests.simulator import eventually
from tests.stack import Client, Shop

CARD = {"currency": "EUR", "method": "card"}


def at_once(shop: Shop, times: int, body: dict[str, Any], path: str = "/v1/payments") -> list[httpx.Response]:
    """The same request by so many tills, each with a key of its own."""
    key = shop.api.http.headers["authorization"].removeprefix("Bearer ")

    def ask(_: int) -> httpx.Response:
        return Client(shop.stack.url, key).post(path, body)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(ask, range(times)))


def codes(answers: list[httpx.Response]) -> Counter[Any]:
    return Counter(answer.json().get("code", answer.json().get("status")) for answer in answers)


@pytest.fixture
def order(pay: Pay) -> str:
    """Paid in full, and its total is known."""
    return str(pay(order_total=1000)["order"]["id"])


def test_paid_is_paid_with_and_without_its_total(shop: Shop, order: str) -> None:
    gift = shop.api.post("/v1/vouchers", {"amount": 1000, "currency": "EUR", "purpose": "multi"}).json()["code"]
    for more in (
        {"channel": shop.web},
        {"channel": shop.web, "order_total": 1000},
        {"channel": shop.store, "method": "cash"},
        {"channel": shop.store, "method": "voucher", "voucher_code": gift},
    ):
        answer = shop.api.post("/v1/payments", CARD | {"order": order, "amount": 1000} | more)
        assert (answer.status_code, answer.json()["code"], answer.json()["due"]) == (422, "amount_exceeds_due", 0), more
    shown = shop.api.get(f"/v1/orders/{order}")
    assert (shown["paid"], shown["due"], len(shown["payments"])) == (1000, 0, 1)
    assert shop.api.get(f"/v1/vouchers/{gift}")["balance"] == 1000


@pytest.mark.parametrize("times", [10, 50])
def test_many_requests_at_once_take_it_once(shop: Shop, times: int) -> None:
    name = reference()
    body = CARD | {"order_reference": name, "order_total": 1000, "amount": 1000, "channel": shop.web}
    outcomes = codes(at_once(shop, times, body))
    assert outcomes.pop("captured") == 1
    assert set(outcomes) <= {"payment_in_progress", "amount_exceeds_due"}
    [shown] = shop.api.get("/v1/orders", reference=name)["data"]
    assert (shown["paid"], shown["due"], len(shown["payments"])) == (1000, 0, 1)
    assert shop.stack.manage("audit_ledger")["violations"] == []


def test_fifty_tills_take_what_is_due_between_them(shop: Shop, pay: Pay) -> None:
    order = pay(amount=400, order_total=2400)["order"]["id"]
    body = {"order": order, "amount": 100, "currency": "EUR", "method": "cash", "channel": shop.store}
    assert codes(at_once(shop, 50, body)) == {"captured": 20, "amount_exceeds_due": 30}
    shown = shop.api.get(f"/v1/orders/{order}")
    assert (shown["paid"], shown["due"]) == (2400, 0)
    assert shop.stack.manage("audit_ledger")["violations"] == []


def test_a_gift_card_is_spent_once_by_fifty(shop: Shop) -> None:
    gift = shop.api.post("/v1/vouchers", {"amount": 5000, "currency": "EUR", "purpose": "multi"}).json()["code"]
    body = {"order_reference": reference(), "order_total": 1000, "amount": 1000, "currency": "EUR"}
    outcomes = codes(at_once(shop, 50, body | {"method": "voucher", "voucher_code": gift, "channel": shop.store}))
    assert outcomes == {"captured": 1, "amount_exceeds_due": 49}
    assert shop.api.get(f"/v1/vouchers/{gift}")["balance"] == 4000


def test_an_order_that_a_link_asks_for_is_paid_once(shop: Shop) -> None:
    payload = {"amount": 1000, "currency": "EUR", "description": "Roses", "channel": shop.web}
    link = shop.api.post("/v1/payment_links", payload).json()
    body = CARD | {"order": link["order"]["id"], "amount": 1000, "channel": shop.web}
    outcomes = codes(at_once(shop, 4, body))
    assert outcomes.pop("captured") == 1
    assert shop.api.get(f"/v1/orders/{link['order']['id']}")["paid"] == 1000
    assert shop.api.get(f"/v1/payment_links/{link['id']}")["status"] == "paid"


@pytest.mark.parametrize("amounts", [{"amount": 1000}, {"amount": None, "amount_min": 500, "amount_max": 2000}])
def test_four_taps_on_a_link_take_it_once(shop: Shop, amounts: dict[str, int | None]) -> None:
    """By gift card nobody is sent away: each tap of another telephone is a charge of its own."""
    body = {"currency": "EUR", "description": "Roses", "channel": shop.web} | amounts
    link = shop.api.post("/v1/payment_links", {name: value for name, value in body.items() if value}).json()
    gift = shop.api.post("/v1/vouchers", {"amount": 9000, "currency": "EUR", "purpose": "multi"}).json()["code"]

    def tap(at: int) -> int:
        form = {"attempt": f"{at:032x}", "method": "voucher", "voucher_code": gift}
        form |= {} if link.get("amount") else {"amount": "10.00"}
        return httpx.post(link["url"], data=form, trust_env=False, timeout=30).status_code

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(tap, range(4)))
    assert statuses == [303, 422, 422, 422]
    assert shop.api.get(f"/v1/vouchers/{gift}")["balance"] == 8000
    assert len(shop.api.get(f"/v1/payment_links/{link['id']}")["payments"]) == 1


def test_what_is_under_way_says_when_to_ask_again(shop: Shop, pay: Pay) -> None:
    busy = pay(amount=1010, order_total=1010)  # which takes the provider some seconds
    assert busy["status"] == "processing"
    order = busy["order"]["id"]
    body = CARD | {"order": order, "amount": 1010, "channel": shop.web}
    assert shop.api.get(f"/v1/orders/{order}")["due"] == 0
    answer = shop.api.post("/v1/payments", body)
    assert (answer.status_code, answer.json()["code"], answer.json()["payment"]) == (
        409,
        "payment_in_progress",
        busy["id"],
    )
    assert int(answer.headers["Retry-After"]) >= 1
    eventually(lambda: shop.api.get(f"/v1/payments/{busy['id']}")["status"] == "captured")
    assert shop.api.post("/v1/payments", body).json()["code"] == "amount_exceeds_due"


def test_a_failed_charge_makes_room_again(shop: Shop, pay: Pay) -> None:
    busy = pay(amount=1011, order_total=1011)  # which the provider refuses in the end
    order = busy["order"]["id"]
    eventually(lambda: shop.api.get(f"/v1/payments/{busy['id']}")["status"] == "declined")
    assert shop.api.get(f"/v1/orders/{order}")["due"] == 1011
    assert pay(order=order, order_reference=None, amount=1000)["status"] == "captured"


def test_who_charges_beside_an_unknown_outcome_stands_in_the_story(shop: Shop, pay: Pay) -> None:
    unknown = pay(amount=1022)
    body = CARD | {"order": unknown["order"]["id"], "amount": 500, "channel": shop.web}
    refused = shop.api.post("/v1/payments", body).json()
    assert (refused["code"], refused["payment"]) == ("outcome_unknown", unknown["id"])
    assert refused["age_seconds"] >= 0
    named = {"acknowledge_unknown": {"operator": "Ada", "reason": "she waits"}}
    paid = shop.api.post("/v1/payments", body | named).json()
    lines = shop.api.get(f"/v1/orders/{unknown['order']['id']}")["timeline"]
    [line] = [line for line in lines if line["type"] == "payment.unknown_acknowledged"]
    assert (line["operator"], line["reason"]) == ("Ada", "she waits")
    assert line["object"] == {"id": paid["id"], "type": "payment"}


def test_refunded_and_paid_again_is_not_paid_twice(shop: Shop, pay: Pay) -> None:
    first = pay(amount=4000)
    body = {"payment": first["id"], "reason": "Another card", "channel": shop.store}
    assert shop.api.post("/v1/refunds", body).status_code == 201
    pay(order=first["order"]["id"], order_reference=None, amount=4000)
    shown = eventually(lambda: (now := shop.api.get(f"/v1/orders/{first['order']['id']}"))["refunded"] and now)
    assert (shown["paid"], shown["refunded"], shown["refundable"]) == (8000, 4000, 4000)
    overpaid = shop.api.get("/v1/discrepancies", kind="overpaid")["data"]
    assert [row for row in overpaid if row["payment"] in {payment["id"] for payment in shown["payments"]}] == []

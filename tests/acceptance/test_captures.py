"""What is authorized is captured or released once, however many ask at the same moment: over HTTP, with real workers."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from tests.acceptance.conftest import Pay
from tests.simulator import eventually
from tests.stack import Client, Shop


def at_once(shop: Shop, path: str, bodies: list[tuple[str, dict[str, Any]]]) -> list[httpx.Response]:
    """Each verb with its body at the same moment, by keys of their own."""
    key = shop.api.http.headers["authorization"].removeprefix("Bearer ")
    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda each: Client(shop.stack.url, key).post(f"{path}/{each[0]}", each[1]), bodies))


def codes(answers: list[httpx.Response]) -> Counter[Any]:
    return Counter(answer.json().get("code", answer.status_code) for answer in answers)


def stands(shop: Shop, path: str) -> tuple[int, int]:
    shown = shop.api.get(path)
    return shown["amount_captured"], shown["amount_capturable"]


def operations(shop: Shop, path: str, verb: str) -> list[dict[str, Any]]:
    return [row for row in shop.api.get(path, expand="operations")["operations"] if row["verb"] == verb]


def test_fifty_captures_take_what_is_held(shop: Shop, pay: Pay) -> None:
    path = f"/v1/payments/{pay(amount=2000, capture='manual')['id']}"
    outcomes = codes(at_once(shop, path, [("capture", {"amount": 100, "final": False})] * 50))
    assert outcomes == {200: 20, "payment_not_capturable": 30}
    assert stands(shop, path) == (2000, 0)
    assert shop.stack.manage("audit_ledger")["violations"] == []


def test_fifty_captures_that_take_their_time(shop: Shop, pay: Pay) -> None:
    """The provider accepts each, and does it two seconds later: what is under way is not there any more."""
    path = f"/v1/payments/{pay(amount=5000, capture='manual')['id']}"
    answers = at_once(shop, path, [("capture", {"amount": 110, "final": False})] * 50)
    assert codes(answers) == {200: 45, "amount_exceeds_capturable": 5}
    assert {answer.json()["amount_capturable"] for answer in answers if answer.status_code == 422} == {50}
    assert eventually(lambda: stands(shop, path) == (4950, 50))
    released = shop.api.post(f"{path}/cancel").json()
    assert (released["amount_captured"], released["amount_capturable"]) == (4950, 0)
    assert shop.stack.manage("audit_ledger")["violations"] == []


def test_capturing_and_releasing_at_once_is_one_of_the_two(shop: Shop, pay: Pay) -> None:
    paid = pay(amount=2000, capture="manual")
    path = f"/v1/payments/{paid['id']}"
    outcomes = codes(at_once(shop, path, [("capture", {"amount": 1210}), ("cancel", {})] * 25))
    assert outcomes.pop(200) == 1
    assert set(outcomes) <= {"payment_not_capturable", "payment_not_cancelable", "amount_exceeds_capturable"}
    assert stands(shop, path)[1] == 0
    ended = eventually(lambda: (now := shop.api.get(path))["status"] in ("captured", "canceled") and now)
    assert (ended["status"], ended["amount_captured"]) in [("captured", 1210), ("canceled", 0)]
    assert shop.api.get(f"/v1/orders/{paid['order']['id']}")["paid"] == ended["amount_captured"]
    assert shop.stack.manage("audit_ledger")["violations"] == []


def test_beside_a_capture_that_is_under_way(shop: Shop, pay: Pay) -> None:
    payment = pay(amount=10_000, capture="manual", order_total=10_000)
    path = f"/v1/payments/{payment['id']}"
    requested = shop.api.post(f"{path}/capture", {"amount": 4010, "final": False}).json()
    assert (requested["status"], requested["amount_capturable"]) == ("authorized", 5990)
    refused = shop.api.post(f"{path}/capture", {"amount": 6000})
    assert (refused.status_code, refused.json()["amount_capturable"]) == (422, 5990)
    assert "under way" in refused.json()["detail"]
    refused = shop.api.post("/v1/refunds", {"payment": payment["id"], "reason": "x", "channel": shop.web})
    assert (refused.json()["code"], refused.json()["amount_being_captured"]) == ("amount_exceeds_refundable", 4010)
    released = shop.api.post(f"{path}/cancel").json()
    assert (released["status"], released["amount_capturable"]) == ("authorized", 0)
    assert shop.api.post(f"{path}/cancel").json()["code"] == "payment_not_cancelable"
    eventually(lambda: stands(shop, path) == (4010, 0))
    assert shop.api.get(f"/v1/orders/{payment['order']['id']}")["due"] == 5990


def test_a_refused_capture_is_told_as_such(shop: Shop, pay: Pay) -> None:
    payment = pay(amount=10_000, capture="manual")
    path = f"/v1/payments/{payment['id']}"
    refused = shop.api.post(f"{path}/capture", {"amount": 4001})
    assert (refused.status_code, refused.json()["status"]) == (200, "authorized")
    assert refused.json()["failure"]["code"] == "do_not_honor"
    [operation] = operations(shop, path, "capture")
    assert (operation["outcome"], operation["failure"]["code"]) == ("declined", "do_not_honor")
    events = shop.api.get("/v1/events", limit=100)["data"]
    event = [row["type"] for row in events if row["data"]["object"].get("id") == payment["id"]]
    assert event == ["payment.capture_declined", "payment.authorized"]
    late = shop.api.post(f"{path}/capture", {"amount": 4011}).json()
    assert (late["failure"], late["amount_capturable"]) == ({"code": "do_not_honor"} | late["failure"], 0)
    eventually(lambda: stands(shop, path) == (0, 10_000))
    assert shop.api.get(path)["failure"]["code"] == "processing_failed"


def test_what_is_done_at_the_providers_dashboard(shop: Shop, pay: Pay) -> None:
    def press(what: str, payment: dict[str, Any], **more: Any) -> None:
        [operation] = operations(shop, f"/v1/payments/{payment['id']}", "authorize")
        fields = {"payment_reference": _payment_reference(shop, operation), **more}
        answer = httpx.post(f"{shop.stack.simulator_url}/dashboard/{what}", json=fields, trust_env=False)
        assert answer.status_code == 201, answer.text

    taken, part, released = (pay(amount=5000, capture="manual") for _ in range(3))
    press("captures", taken)
    press("captures", part, amount=2000, final=False)
    press("cancellations", released)
    eventually(lambda: stands(shop, f"/v1/payments/{taken['id']}") == (5000, 0))
    eventually(lambda: stands(shop, f"/v1/payments/{part['id']}") == (2000, 3000))
    eventually(lambda: shop.api.get(f"/v1/payments/{released['id']}")["status"] == "canceled")
    assert shop.api.post(f"/v1/payments/{part['id']}/capture", {"amount": 500}).json()["amount_captured"] == 2500
    back = shop.api.post("/v1/refunds", {"payment": taken["id"], "reason": "x", "channel": shop.web}).json()
    eventually(lambda: shop.api.get(f"/v1/refunds/{back['id']}")["status"] == "succeeded")
    assert shop.stack.manage("audit_ledger")["violations"] == []


def _payment_reference(shop: Shop, operation: dict[str, Any]) -> str:
    """How the simulator names the payment: its effects tell."""
    effects = httpx.get(f"{shop.stack.simulator_url}/effects", trust_env=False).json()["data"]
    return str(next(row["payment_reference"] for row in effects if row["operation_id"] == operation["id"]))

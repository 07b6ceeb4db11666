"""Webhook endpoints over the API; how events are signed and delivered is tried in tests/notify."""

from typing import Any

import pytest

from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def private_addresses(settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = True


def test_an_endpoint_from_birth_to_death(shop: Shop) -> None:
    api = shop.api()
    body = {
        "url": "http://127.0.0.1:9/hook",
        "events": ["payment.captured", "refund.succeeded"],
        "description": "books",
    }
    made = api.post("/v1/webhook_endpoints", body, idempotency_key="k1")
    assert (made.status_code, made.json()["status"]) == (201, "enabled")
    assert made.json()["secret"].startswith("whsec_")
    assert api.post("/v1/webhook_endpoints", body, idempotency_key="k1").json() == made.json() | {"secret": None}
    shown = {name: value for name, value in made.json().items() if name != "secret"}
    path = f"/v1/webhook_endpoints/{shown['id']}"
    assert api.get(path).json() == shown
    assert api.get("/v1/webhook_endpoints").json()["data"] == [shown]
    changed = api.patch(path, {"events": ["*"], "status": "disabled", "description": ""}).json()
    assert changed == shown | {"events": ["*"], "status": "disabled", "description": None}
    rolled = api.post(f"{path}/roll_secret", idempotency_key="k2").json()
    assert rolled["secret"] != made.json()["secret"]
    assert api.post(f"{path}/roll_secret", idempotency_key="k2").json()["secret"] is None
    assert api.delete(path).status_code == 204
    refusal(api.get(path), 404, "not_found")
    refusal(api.delete(path), 404, "not_found")


def test_a_delivery_is_sent_again(shop: Shop) -> None:
    api = shop.api()
    endpoint = api.post("/v1/webhook_endpoints", {"url": "http://127.0.0.1:9/hook", "events": ["*"]}).json()
    body = {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash", "channel": shop.store.id}
    api.post("/v1/payments", body)
    [event] = api.get("/v1/events").json()["data"]
    assert (event["type"], event["data"]["object"]["amount"]) == ("payment.captured", 500)
    path = f"/v1/webhook_endpoints/{endpoint['id']}/deliveries"
    [delivery] = api.get(path).json()["data"]
    assert (delivery["event"], delivery["status"], delivery["attempts"]) == (event["id"], "pending", 0)
    again = api.post(f"/v1/deliveries/{delivery['id']}/resend")
    assert (again.status_code, again.json()["id"]) == (202, delivery["id"])
    api.patch(f"/v1/webhook_endpoints/{endpoint['id']}", {"status": "disabled"})
    refusal(api.post(f"/v1/deliveries/{delivery['id']}/resend"), 409, "endpoint_disabled")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"url": "ftp://example.com"}, "url"),
        ({"url": ""}, "url"),
        ({"url": None}, "url"),
        ({"events": []}, "events"),
        ({"events": ["payment.lost"]}, "events[0]"),
        ({"events": "*"}, "events"),
        ({"events": [1]}, "events[0]"),
        ({"secret": "mine"}, "secret"),
        ({"description": "4111111111111111"}, "description"),
    ],
)
def test_a_wrong_wish_is_refused(api: Api, change: dict[str, object], place: str) -> None:
    body = {"url": "http://127.0.0.1:9/hook", "events": ["*"]}
    assert place in faults(api.post("/v1/webhook_endpoints", body | change))


def test_a_private_address_is_refused(api: Api, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    for url in ("http://example.com/hook", "https://127.0.0.1/hook", "https://[::1]/hook", "https://169.254.169.254/"):
        assert "url" in faults(api.post("/v1/webhook_endpoints", {"url": url, "events": ["*"]}))

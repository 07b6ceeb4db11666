"""A shop is told by the installation as it runs: web server, workers and beat, over the API alone."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.notify.receiver import Receiver, running
from tests.notify.test_stream import Stream
from tests.simulator import eventually
from tests.stack import Shop, Stack


@pytest.fixture(scope="module")
def merchant(stack: Stack) -> Shop:
    """A merchant of its own on the running installation."""
    return Shop(stack)


@pytest.fixture
def server() -> Iterator[Receiver]:
    """The merchant's own server."""
    with running() as receiver:
        yield receiver


def endpoint(shop: Shop, server: Receiver, path: str = "/hook") -> dict[str, Any]:
    answer = shop.api.post("/v1/webhook_endpoints", {"url": server.url(path), "events": ["*"]})
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def sell(shop: Shop, reference: str) -> dict[str, Any]:
    body = {"order_reference": reference, "amount": 1250, "currency": "EUR", "method": "card", "channel": shop.web}
    answer = shop.api.post("/v1/payments", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_sale_is_told_signed_and_tried_again_by_itself(merchant: Shop, server: Receiver) -> None:
    made = endpoint(merchant, server)
    server.answers["/hook"] = [500, 503, 200]

    payment = sell(merchant, "1001")

    eventually(lambda: len(server.received) == 3, within=180)
    first, second, third = server.received
    assert {received.event_id for received in server.received} == {first.event_id}
    assert second.at - first.at < 30  # a few seconds, where the machine does nothing else
    assert third.at - first.at < 150
    assert all(received.signed_by(made["secret"]) for received in server.received)
    assert first.event["type"] == "payment.captured"
    assert first.event["data"]["object"]["id"] == payment["id"]

    def delivery() -> dict[str, Any]:
        return dict(merchant.api.get(f"/v1/webhook_endpoints/{made['id']}/deliveries")["data"][0])

    done = eventually(lambda: delivery()["status"] == "succeeded" and delivery())
    assert (done["attempts"], done["response_status"]) == (3, 200)
    assert merchant.api.post(f"/v1/deliveries/{done['id']}/resend").status_code == 202
    eventually(lambda: len(server.received) == 4)


def test_the_stream_and_the_webhook_tell_the_same(merchant: Shop, server: Receiver) -> None:
    endpoint(merchant, server)
    key = merchant.api.http.headers["Authorization"]
    url = f"{merchant.stack.stream_url}/v1/events/stream"
    with httpx.stream("GET", url, headers={"Authorization": key}, trust_env=False, timeout=30) as response:
        stream = Stream(response)
        sell(merchant, "2001")
        eventually(lambda: stream.has(1) and server.received)
    assert stream.events[0] == server.received[0].event
    assert merchant.api.get("/v1/events")["data"][0] == stream.events[0]


def test_a_server_that_hangs_holds_up_nobody(merchant: Shop, server: Receiver) -> None:
    endpoint(merchant, server, "/dead")
    endpoint(merchant, server, "/fine")
    server.hangs.add("/dead")
    for number in range(20):
        sell(merchant, f"3{number:03}")
    eventually(lambda: len(server.at("/fine")) == 20, within=40)
    assert len({delivery.event_id for delivery in server.at("/fine")}) == 20

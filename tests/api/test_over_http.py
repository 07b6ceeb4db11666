"""What only a real server shows: huge bodies, bodies in chunks, many at once, and a server that dies."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.simulator import eventually
from tests.stack import Client, Shop, Stack

HUGE = b" " * 20_000_000


@pytest.fixture
def shop(stack: Stack) -> Shop:
    return Shop(stack)


def payment_body(shop: Shop, reference: str, amount: int = 2500) -> dict[str, object]:
    return {
        "order_reference": reference,
        "amount": amount,
        "currency": "EUR",
        "method": "card",
        "channel": shop.web,
    }


def test_a_huge_body_is_refused_in_words(shop: Shop) -> None:
    headers = {"Idempotency-Key": "huge", "Content-Type": "application/json"}
    answer = shop.api.http.post("/v1/payments", content=HUGE, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")
    chunked = shop.api.http.post("/v1/payments", content=_in_chunks(), headers=headers)
    assert (chunked.status_code, chunked.json()["code"]) == (413, "body_too_large")
    nobody = httpx.post(f"{shop.stack.url}/v1/payments", content=HUGE, headers=headers, trust_env=False, timeout=30)
    assert (nobody.status_code, nobody.json()["code"]) == (401, "authentication_required")


def test_a_body_in_chunks_is_read(shop: Shop) -> None:
    body = httpx.Request("POST", "http://x", json=payment_body(shop, "1")).read()
    headers = {"Idempotency-Key": "chunks", "Content-Type": "application/json"}
    answer = shop.api.http.post("/v1/payments", content=iter([body[:10], body[10:]]), headers=headers)
    assert (answer.status_code, answer.json()["status"]) == (201, "captured")


def test_fifty_at_once_have_one_effect(shop: Shop) -> None:
    def ask(_: int) -> httpx.Response:
        return Client(shop.stack.url, shop.api.http.headers["authorization"].removeprefix("Bearer ")).post(
            "/v1/payments", payment_body(shop, "1"), key="fifty"
        )

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
    assert len(shop.api.get("/v1/payments")["data"]) == len(_effects(shop)) == 1


def test_a_retry_after_the_server_died_continues_the_payment(shop: Shop) -> None:
    """Ending 20: the provider does it and does not answer in time, so that there is time to die."""
    with ThreadPoolExecutor(1) as pool:
        requested = pool.submit(shop.api.post, "/v1/payments", payment_body(shop, "1", 2520), key="death")
        eventually(lambda: _effects(shop))
        [begun] = shop.api.get("/v1/payments")["data"]
        for pid in shop.stack.processes("config.wsgi"):
            os.kill(pid, signal.SIGKILL)
        assert isinstance(requested.exception(), httpx.HTTPError)
    eventually(lambda: _answers(shop), within=60)
    ended = time.monotonic() + 60
    answer = shop.api.post("/v1/payments", payment_body(shop, "1", 2520), key="death")
    while answer.status_code == 409 and time.monotonic() < ended:
        assert answer.json()["code"] == "idempotency_in_progress"
        time.sleep(int(answer.headers["retry-after"]))
        answer = shop.api.post("/v1/payments", payment_body(shop, "1", 2520), key="death")
    assert (answer.status_code, answer.json()["id"]) == (201, begun["id"])
    eventually(lambda: shop.api.get(f"/v1/payments/{begun['id']}")["status"] == "captured", within=60)
    assert len(shop.api.get("/v1/payments")["data"]) == len(_effects(shop)) == 1


def _effects(shop: Shop) -> list[dict[str, object]]:
    """What the provider really did for this shop."""
    accounts = {payment["provider_account"]["id"] for payment in shop.api.get("/v1/payments")["data"]}
    effects = httpx.get(f"{shop.stack.simulator_url}/effects", trust_env=False).json()["data"]
    return [effect for effect in effects if effect["account"] in accounts]


def _answers(shop: Shop) -> bool:
    try:
        return shop.api.http.get("/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


def _in_chunks() -> Iterator[bytes]:
    for _ in range(20):
        yield HUGE[:1_000_000]

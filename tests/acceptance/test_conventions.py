"""The contract's conventions, from outside: errors, keys, idempotency and lists."""

import threading
import uuid
from typing import Any

import httpx
import pytest

from tests.acceptance.conftest import Pay
from tests.stack import Client, Shop, Stack

CARD = "4111 1111 1111 1111"


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(body) >= {"type", "title", "status", "detail", "code", "param", "request_id"}
    assert body["request_id"] == answer.headers["Request-Id"]
    return dict(body)


@pytest.mark.parametrize("path", ["/", "/nothing", "/v1/", "/v1/nothing", "/v1/payments/pay_0"])
def test_an_address_that_is_not_there(shop: Shop, path: str) -> None:
    problem(shop.api.http.get(path), 404, "not_found")


def test_a_key_then_a_scope_then_the_body(shop: Shop, stack: Stack) -> None:
    broken: dict[str, Any] = {"content": b"{", "headers": {"Content-Type": "application/json"}}
    problem(httpx.post(f"{stack.url}/v1/payments", trust_env=False, **broken), 401, "authentication_required")
    made = stack.manage("create_api_key", "--merchant", shop.merchant, "--scopes", "payments:read,refunds:write")
    reader = Client(stack.url, made["key"])
    assert reader.get("/v1")["scopes"] == ["payments:read", "refunds:read", "refunds:write"]
    refused = problem(reader.http.post("/v1/payments", **broken), 403, "scope_missing")
    assert (refused["scope"], "payments:write" in refused["detail"]) == ("payments:write", True)
    problem(shop.api.http.post("/v1/payments", **broken), 400, "idempotency_key_required")


def test_every_fault_is_told_at_once_and_no_card_number_is_echoed(shop: Shop) -> None:
    body = {"amount": 10.5, "currency": "eur", "colour": 1, "metadata": {CARD: "x", "k": 1}, "description": CARD}
    answer = shop.api.post("/v1/payments", body)
    faults = {fault["param"]: fault["code"] for fault in problem(answer, 422, "validation_failed")["errors"]}
    assert set(faults) == {
        "order_reference", "amount", "currency", "colour", "metadata.[redacted]", "metadata.k", "description"
    }  # fmt: skip
    assert faults["description"] == faults["metadata.[redacted]"] == "card_number_refused"
    assert "4111" not in answer.text
    alone = shop.api.post("/v1/refunds", {"order_reference": "1", "channel": shop.web, "reason": CARD})
    assert problem(alone, 422, "card_number_refused")["errors"][0]["code"] == "card_number_refused"


def test_fifty_posts_of_one_key_have_one_effect_and_one_answer(shop: Shop) -> None:
    body = {"order_reference": "fifty", "amount": 1000, "currency": "EUR", "method": "card", "channel": shop.web}
    key, answers = uuid.uuid4().hex, []

    def insist() -> None:
        while (answer := shop.api.post("/v1/payments", body, key=key)).status_code == 409:
            assert answer.json()["code"] == "idempotency_in_progress"
            assert int(answer.headers["Retry-After"]) >= 1
            threading.Event().wait(0.2)
        answers.append(answer)

    threads = [threading.Thread(target=insist) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 49
    assert len(shop.api.get("/v1/payments", order_reference="fifty")["data"]) == 1
    problem(shop.api.post("/v1/payments", body | {"amount": 2000}, key=key), 422, "idempotency_key_reused")
    problem(shop.api.post("/v1/refunds", body, key=key), 422, "idempotency_key_reused")


def test_a_refusal_does_not_use_its_key_up(shop: Shop) -> None:
    body = {"order_reference": "again", "amount": 0, "currency": "EUR", "method": "card", "channel": shop.web}
    key = uuid.uuid4().hex
    problem(shop.api.post("/v1/payments", body, key=key), 422, "validation_failed")
    assert shop.api.post("/v1/payments", body | {"amount": 1000}, key=key).status_code == 201


def test_a_list_is_read_page_by_page_newest_first(shop: Shop, pay: Pay) -> None:
    made = [pay(amount=700 + at)["id"] for at in range(3)]
    first = shop.api.get("/v1/payments", limit=2)
    rest = shop.api.get("/v1/payments", limit=100, cursor=first["next_cursor"])
    assert [row["id"] for row in first["data"] + rest["data"]][:3] == made[::-1]
    assert (rest["has_more"], rest["next_cursor"]) == (False, None)
    assert first["data"][0] == shop.api.get(f"/v1/payments/{made[-1]}")


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "cursor=x", "expand=x", "colour=red", "limit=1&limit=2"])
def test_a_list_asked_wrongly(shop: Shop, query: str) -> None:
    problem(shop.api.http.get(f"/v1/payments?{query}"), 422, "validation_failed")

"""One key, one effect, one answer; whatever breaks in between."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from payments.models import IdempotencyKey, Payment
from payments.services import idempotency, request_operation
from payments.services.idempotency import IdempotentRequest
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

CASH = {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash"}


@pytest.fixture
def api(shop: Shop) -> Api:
    """The till's key: cash asks no provider."""
    return shop.api(channel=shop.store)


def test_the_same_request_gets_the_same_bytes_again(api: Api, simulator: RunningSimulator) -> None:
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card"}
    first = api.post("/v1/payments", body, idempotency_key="k1")
    again = api.post("/v1/payments", body, idempotency_key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first
    assert Payment.objects.count() == 1
    assert len(simulator.effects(account=first.json()["provider_account"]["id"])) == 1


def test_a_key_that_looks_like_a_card_number_works_and_is_not_kept(api: Api) -> None:
    number = "4111111111111111"
    first = api.post("/v1/payments", CASH, idempotency_key=number)
    assert api.post("/v1/payments", CASH, idempotency_key=number).content == first.content
    assert Payment.objects.count() == 1
    assert number not in IdempotencyKey.objects.get().key


@pytest.mark.parametrize("key", [None, "", "x" * 256, "a b", "é", "a\tb"])
def test_a_post_needs_a_key(api: Api, key: str | None) -> None:
    headers = api.headers() | ({"Idempotency-Key": key} if key is not None else {})
    answer = api.http.post("/v1/payments", json.dumps(CASH), "application/json", headers=headers)
    refusal(answer, 400, "idempotency_key_required")
    assert not Payment.objects.exists()


def test_the_same_key_for_anything_else_is_refused(shop: Shop, api: Api) -> None:
    api.post("/v1/payments", CASH, idempotency_key="k1")
    refusal(api.post("/v1/payments", CASH | {"amount": 505}, idempotency_key="k1"), 422, "idempotency_key_reused")
    refusal(api.post("/v1/vouchers", CASH, idempotency_key="k1"), 422, "idempotency_key_reused")
    raw = json.dumps(CASH, indent=1).encode()
    refusal(api.post("/v1/payments", raw=raw, idempotency_key="k1"), 422, "idempotency_key_reused")
    assert Payment.objects.count() == 1


def test_keys_are_the_merchants_own(shop: Shop, stranger: Shop) -> None:
    ours = shop.api(channel=shop.store).post("/v1/payments", CASH, idempotency_key="k1")
    theirs = stranger.api(channel=stranger.store).post("/v1/payments", CASH, idempotency_key="k1")
    assert ours.json()["id"] != theirs.json()["id"]
    assert "Idempotency-Replayed" not in theirs


def test_a_refusal_that_made_nothing_frees_the_key(api: Api) -> None:
    refusal(api.post("/v1/payments", CASH | {"amount": 0}, idempotency_key="k1"), 422, "validation_failed")
    assert api.post("/v1/payments", CASH, idempotency_key="k1").status_code == 201


def test_fifty_at_once_make_one(shop: Shop, simulator: RunningSimulator) -> None:
    keys = shop.api(channel=shop.webshop)
    payload = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card"}

    def ask(_: int) -> tuple[int, bytes, str | None]:
        try:
            answer = Api(keys.key).post("/v1/payments", payload, idempotency_key="k1")
            return answer.status_code, answer.content, answer.headers.get("Retry-After")
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(ask, range(50)))
    made = {content for status, content, _ in answers if status == 201}
    assert len(made) == 1
    assert {status for status, _, _ in answers} <= {201, 409}
    assert all(int(wait or 0) >= 1 for status, _, wait in answers if status == 409)
    assert all(json.loads(body)["code"] == "idempotency_in_progress" for status, body, _ in answers if status == 409)
    payment = Payment.objects.get()
    assert len(simulator.effects(account=payment.provider_account_id)) == 1
    assert api_answer(keys, payload) in made


def api_answer(api: Api, body: dict[str, object]) -> bytes:
    answer = api.post("/v1/payments", body, idempotency_key="k1")
    assert answer["Idempotency-Replayed"] == "true"
    return bytes(answer.content)


def test_a_repetition_is_not_refused_for_what_the_first_request_made(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one commits after its repetition looked for the key, and before that looked at the order."""
    body = CASH | {"order_total": 500}
    first = api.post("/v1/payments", body, idempotency_key="k1")
    too_early, find = [True], IdempotentRequest.find
    monkeypatch.setattr(IdempotentRequest, "find", lambda self: None if too_early and too_early.pop() else find(self))
    again = api.post("/v1/payments", body, idempotency_key="k1")
    assert (again.status_code, again.content) == (201, first.content)
    refusal(api.post("/v1/payments", body, idempotency_key="k2"), 422, "amount_exceeds_due")


def test_after_a_defect_a_retry_continues_the_payment(
    api: Api, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card"}
    api.http.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(request_operation, "submit_new", _break)
        refusal(api.post("/v1/payments", body, idempotency_key="k1"), 500, "internal_error")
    begun = Payment.objects.get()
    answer = api.post("/v1/payments", body, idempotency_key="k1")
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (201, begun.id, "captured")
    assert api.post("/v1/payments", body, idempotency_key="k1").content == answer.content


def test_after_a_crash_a_retry_waits_for_the_lease_and_continues(
    api: Api, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card"}
    api.http.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(request_operation, "submit_new", _break)
        broken.setattr(IdempotentRequest, "release", lambda self: None)  # a killed process releases nothing
        api.post("/v1/payments", body, idempotency_key="k1")
    waiting = api.post("/v1/payments", body, idempotency_key="k1")
    refusal(waiting, 409, "idempotency_in_progress")
    assert 1 <= int(waiting["Retry-After"]) <= idempotency.LEASE.total_seconds()
    IdempotencyKey.objects.update(lease_until=timezone.now())
    answer = api.post("/v1/payments", body, idempotency_key="k1")
    assert (answer.status_code, answer.json()["status"]) == (201, "captured")
    assert Payment.objects.count() == 1


def test_a_capture_that_broke_off_is_continued(
    api: Api, simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"order_reference": "1", "amount": 10000, "currency": "EUR", "method": "card", "capture": "manual"}
    payment = api.post("/v1/payments", body).json()
    path = f"/v1/payments/{payment['id']}/capture"
    api.http.raise_request_exception = False
    with monkeypatch.context() as broken:
        broken.setattr(request_operation, "submit_new", _break)
        refusal(api.post(path, {"amount": 4000}, idempotency_key="k1"), 500, "internal_error")
    answer = api.post(path, {"amount": 4000}, idempotency_key="k1")
    assert (answer.status_code, answer.json()["amount_captured"]) == (200, 4000)


def test_a_key_lives_a_month(api: Api) -> None:
    first = api.post("/v1/payments", CASH, idempotency_key="k1").json()
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=32))
    assert api.post("/v1/payments", CASH, idempotency_key="k1").json()["id"] != first["id"]
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(days=32))
    assert idempotency.forget() == 1


def test_a_secret_is_shown_once(shop: Shop) -> None:
    api = shop.api()
    body = {"amount": 1500, "currency": "EUR", "purpose": "multi"}
    first = api.post("/v1/vouchers", body, idempotency_key="k1").json()
    again = api.post("/v1/vouchers", body, idempotency_key="k1")
    assert first["code"]
    assert again.json() == first | {"code": None}
    assert first["code"].encode() not in b"".join(bytes(row.body or b"") for row in IdempotencyKey.objects.all())


def _break(*args: object, **kwargs: object) -> None:
    raise RuntimeError("the process broke here")

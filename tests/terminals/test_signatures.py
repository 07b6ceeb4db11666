"""Only the paired device is believed, only just now, and each request only once."""

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from payments.models import Payment
from terminals import signatures
from terminals.models import SignedRequest, Terminal
from tests.api.client import Api, refusal
from tests.terminals.conftest import paired
from tests.terminals.device import Device, public_key, sale

pytestmark = pytest.mark.django_db
VECTORS = Path(__file__).parents[3] / "shared" / "samples" / "vectors" / "standard-webhooks.json"


@pytest.fixture(params=[False, True], ids=["hmac", "ed25519"])
def device(request: pytest.FixtureRequest, back_office: Api) -> Device:
    return paired(back_office, ed25519=request.param)


def test_a_signed_sale_is_taken(device: Device) -> None:
    assert device.post(sale(1)).status_code == 201


def test_another_ones_signature_is_not(device: Device) -> None:
    forged = Device(device.terminal, secret=f"whsec_{base64.b64encode(b'x' * 32).decode()}")
    refusal(forged.post(sale(1)), 401, "signature_invalid")
    forged = Device(device.terminal, key=Ed25519PrivateKey.generate())
    refusal(forged.post(sale(1)), 401, "signature_invalid")
    assert Payment.objects.count() == 0


def test_another_body_than_the_signed_one_is_not(device: Device) -> None:
    signed = device.headers(json.dumps(sale(1, 1250)).encode())
    refusal(device.send("/v1/terminal/transactions", sale(1, 9999), headers=signed), 401, "signature_invalid")


def test_one_valid_signature_of_several_suffices(device: Device) -> None:
    body = json.dumps(sale(1)).encode()
    headers = device.headers(body)
    headers["webhook-signature"] = f"v3,AAAA v2,AAAA v1,AAAA v1a,!!! {headers['webhook-signature']}"
    assert device.send("/v1/terminal/transactions", None, raw=body, headers=headers).status_code == 201


def test_a_device_with_a_key_of_its_own_has_no_secret_to_sign_with(back_office: Api) -> None:
    device = paired(back_office, ed25519=True)
    message = signatures.message("m-1", str(int(time.time())), b"{}")
    assert device.key is not None
    tried = hmac.new(device.key.public_key().public_bytes_raw(), message, hashlib.sha256).digest()
    headers = device.headers(b"{}", webhook_id="m-1") | {"webhook-signature": f"v1,{base64.b64encode(tried).decode()}"}
    refusal(device.heartbeat(headers=headers), 401, "signature_invalid")


@pytest.mark.parametrize("off", [-301, 360, -(10**9)])
def test_a_clock_that_is_off_is_told_the_time(device: Device, off: int) -> None:
    now = int(time.time())
    members = refusal(device.post(sale(1), timestamp=now + off), 401, "timestamp_out_of_range")
    assert abs(datetime.fromisoformat(members["server_time"]).timestamp() - now) < 30
    assert device.post(sale(1), timestamp=now + (240 if off > 0 else -240)).status_code == 201


@pytest.mark.parametrize("header", ["Terminal-Id", "webhook-id", "webhook-timestamp", "webhook-signature"])
def test_every_header_is_needed(device: Device, header: str) -> None:
    refusal(device.post(sale(1), headers={header: ""}), 401, "authentication_required")


@pytest.mark.parametrize(
    "headers",
    [
        {"Terminal-Id": "trm_0123456789abcdefghjkmnpqrs"},
        {"Terminal-Id": "x"},
        {"webhook-id": "x" * 65},
        {"webhook-id": "two words"},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "99999999999"},
        {"webhook-timestamp": "1.5"},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "é"},
    ],
)
def test_a_malformed_header_is_refused(device: Device, headers: dict[str, str]) -> None:
    answer = device.post(sale(1), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "signature_invalid")


def test_an_api_key_does_not_sign(terminal: Device, back_office: Api) -> None:
    refusal(back_office.post("/v1/terminal/transactions", sale(1)), 401, "authentication_required")


def test_the_same_request_again_gets_the_first_answer(device: Device) -> None:
    first = device.post(sale(1), webhook_id="m-1")
    device.post(sale(3), webhook_id="m-2")
    again = device.post(sale(1), webhook_id="m-1", timestamp=int(time.time()) + 1)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert Payment.objects.count() == 2


def test_a_refusal_is_repeated_too(device: Device) -> None:
    first = device.post(sale(1, amount=0), webhook_id="m-1")
    again = device.post(sale(1, amount=0), webhook_id="m-1")
    assert (again.status_code, again.content, again["Content-Type"]) == (
        422, first.content, "application/problem+json",
    )  # fmt: skip


def test_a_webhook_id_belongs_to_one_request(device: Device) -> None:
    device.post(sale(1), webhook_id="m-1")
    refusal(device.post(sale(2), webhook_id="m-1"), 409, "signature_reused")
    refusal(device.heartbeat(webhook_id="m-1"), 409, "signature_reused")
    assert Payment.objects.count() == 1


def test_a_webhook_id_that_looks_like_a_card_number_works_and_is_not_kept(device: Device) -> None:
    number = "4111111111111111"
    first = device.post(sale(1), webhook_id=number)
    assert device.post(sale(1), webhook_id=number).content == first.content
    assert number not in SignedRequest.objects.get().webhook_id


def test_webhook_ids_of_two_terminals_are_two(terminal: Device, other_terminal: Device) -> None:
    terminal.post(sale(1), webhook_id="m-1")
    assert other_terminal.post(sale(1), webhook_id="m-1").status_code == 201


@pytest.mark.skipif(not VECTORS.exists(), reason="the shared samples are not here")
def test_the_standards_own_vector() -> None:
    vector: dict[str, Any] = json.loads(VECTORS.read_text())
    message = signatures.message(vector["webhook-id"], str(vector["webhook-timestamp"]), vector["payload"].encode())
    secret = f"whsec_{vector['secret_base64']}"
    assert signatures.sign_with_secret(secret, message) == vector["expected"]
    assert signatures.is_valid(vector["expected"], {1: message}, secret=secret, public_key=None)


def test_a_heartbeat_tells_the_time_and_what_is_missing(device: Device, back_office: Api) -> None:
    device.post(sale(2))
    answer = device.heartbeat({"firmware": "7.1", "queue_depth": 4, "battery": 80}).json()
    assert (answer["next_sequence"], answer["missing_sequences"]) == (3, [[1, 1]])
    assert answer["server_time"].endswith("Z")
    shown = back_office.get(f"/v1/terminals/{device.terminal}").json()
    assert (shown["firmware"], shown["queue_depth"], shown["battery"], shown["last_sequence"]) == ("7.1", 4, 80, 2)
    assert shown["last_seen_at"] is not None
    refusal(device.heartbeat({"battery": 101}), 422, "validation_failed")
    refusal(device.heartbeat({"mood": "fine"}), 422, "validation_failed")


@pytest.fixture(params=[False, True], ids=["hmac", "ed25519"])
def second(request: pytest.FixtureRequest, back_office: Api) -> Device:
    """A device that paired by version 2."""
    return paired(back_office, ed25519=request.param, signature=2)


def test_a_request_signed_by_version_2_is_taken(second: Device) -> None:
    assert second.post(sale(1)).status_code == 201
    assert second.heartbeat().status_code == 200


def test_a_device_of_version_1_may_sign_by_version_2_at_any_time(device: Device) -> None:
    device.signature = 2
    assert device.post(sale(1)).status_code == 201


def test_whoever_paired_by_version_2_is_not_believed_by_version_1(second: Device) -> None:
    second.signature = 1
    refusal(second.post(sale(1)), 401, "signature_invalid")


@pytest.mark.parametrize("path", ["/v1/terminal/heartbeat", "/v1/terminal/transactions?x=1"])
def test_what_was_signed_for_one_address_is_worth_nothing_at_another(second: Device, path: str) -> None:
    body = json.dumps({}).encode()
    headers = second.headers(body, "/v1/terminal/transactions")
    refusal(second.send(path, None, raw=body, headers=headers), 401, "signature_invalid")


def test_what_was_signed_for_one_method_is_worth_nothing_by_another(second: Device) -> None:
    moment, body = str(int(time.time())), json.dumps(sale(1)).encode()
    message = signatures.message_v2(
        "m-1", moment, body, method="GET", path="/v1/terminal/transactions", terminal=second.terminal
    )
    headers = second.headers(body, webhook_id="m-1") | {
        "webhook-timestamp": moment,
        "webhook-signature": second.sign(message),
    }
    refusal(second.send("/v1/terminal/transactions", None, raw=body, headers=headers), 401, "signature_invalid")


def test_what_was_signed_for_one_terminal_is_worth_nothing_as_another(second: Device, back_office: Api) -> None:
    """Two terminals that share a key, as a careless maker's devices do."""
    other = paired(back_office, ed25519=second.key is not None, signature=2)
    if second.key is not None:
        Terminal.objects.filter(id=other.terminal).update(public_key=public_key(second.key))
    else:
        row = Terminal.objects.get(id=other.terminal)
        row.secret = second.secret
        row.save()
    body = json.dumps(sale(1)).encode()
    headers = second.headers(body) | {"Terminal-Id": other.terminal}
    refusal(second.send("/v1/terminal/transactions", None, raw=body, headers=headers), 401, "signature_invalid")


def test_pairing_anew_without_version_2_counts_both_again(second: Device, back_office: Api) -> None:
    code = back_office.post(f"/v1/terminals/{second.terminal}/unpair").json()["pairing_code"]
    answer = Api().post("/v1/terminals/pair", {"pairing_code": code}).json()
    assert Device(second.terminal, secret=answer["secret"]).post(sale(1)).status_code == 201

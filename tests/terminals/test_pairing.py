"""A terminal is made, paired once, unpaired, revoked; a code is good for ten minutes and one device."""

import base64
import secrets

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings
from django.test import Client

from payments.runtime import throttling
from payments.services import create_setup
from terminals import signatures
from terminals.models import Terminal
from terminals.services import authenticate
from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.responses import ClientResponse
from tests.terminals.conftest import new_terminal, paired
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db


@pytest.fixture
def stranger_on_the_phone() -> Api:
    """Someone at an address nobody has guessed from."""
    return Api(
        http=Client(REMOTE_ADDR=f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}")
    )


def pair(api: Api, code: str, **more: str) -> ClientResponse:
    return api.post("/v1/terminals/pair", {"pairing_code": code, **more})


def test_a_new_terminal_waits_with_a_code(back_office: Api, shop: Shop) -> None:
    made = new_terminal(back_office, serial_number="SN-1", model="A80")
    assert (made["object"], made["status"], made["series"], made["test_mode"]) == ("terminal", "unpaired", 0, True)
    assert made["channel"] == {"id": shop.store.id, "name": "Bloem Utrecht", "kind": "in_store"}
    assert len(made["pairing_code"]) == 8
    assert made["pairing_qr_svg"].startswith("<svg")
    shown = back_office.get(f"/v1/terminals/{made['id']}").json()
    assert shown == {**made, "pairing_code": None, "pairing_qr_svg": None}


def test_a_repeated_request_makes_no_second_terminal_and_shows_no_code(back_office: Api) -> None:
    first = back_office.post("/v1/terminals", {"label": "Counter"}, idempotency_key="once").json()
    again = back_office.post("/v1/terminals", {"label": "Counter"}, idempotency_key="once")
    assert again["Idempotency-Replayed"] == "true"
    assert again.json() == {**first, "pairing_code": None, "pairing_qr_svg": None}
    assert Terminal.objects.count() == 1


def test_pairing_gives_a_secret_this_once(back_office: Api, shop: Shop, stranger_on_the_phone: Api) -> None:
    made = new_terminal(back_office)
    answer = pair(stranger_on_the_phone, made["pairing_code"].lower())
    body = answer.json()
    assert answer.status_code == 201
    assert (body["terminal"], body["merchant"], body["series"], body["next_sequence"]) == (
        made["id"], shop.merchant.id, 1, 1,
    )  # fmt: skip
    assert (body["currency"], body["timezone"]) == ("EUR", "Europe/Amsterdam")
    assert len(base64.b64decode(body["secret"].removeprefix("whsec_"))) >= 24
    assert back_office.get(f"/v1/terminals/{made['id']}").json()["status"] == "active"
    assert body["secret"] not in Terminal.objects.values_list("secret", flat=True).query.__str__()


def test_a_code_works_once(back_office: Api, stranger_on_the_phone: Api) -> None:
    made = new_terminal(back_office)
    assert pair(stranger_on_the_phone, made["pairing_code"]).status_code == 201
    refusal(pair(stranger_on_the_phone, made["pairing_code"]), 404, "pairing_code_invalid")


def test_a_code_expires(back_office: Api, stranger_on_the_phone: Api) -> None:
    made = new_terminal(back_office)
    Terminal.objects.update(pairing_expires_at="2026-01-01T00:00:00Z")
    refusal(pair(stranger_on_the_phone, made["pairing_code"]), 404, "pairing_code_invalid")


@pytest.mark.parametrize("key", ["whpk_", "whpk_AAAA", "AAAA", "whpk_" + "A" * 44, "whsec_" + "A" * 43 + "=", "whpk_é"])
def test_a_malformed_key_does_not_use_the_code_up(back_office: Api, stranger_on_the_phone: Api, key: str) -> None:
    made = new_terminal(back_office)
    assert set(faults(pair(stranger_on_the_phone, made["pairing_code"], public_key=key))) == {"public_key"}
    assert pair(stranger_on_the_phone, made["pairing_code"]).status_code == 201


@pytest.mark.parametrize(
    "key",
    [
        "00" * 32,  # of order 4
        "00" * 31 + "80",
        "01" + "00" * 31,  # the neutral one
        "01" + "00" * 30 + "80",
        "ec" + "ff" * 30 + "7f",  # of order 2
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",  # of order 8, like the next three
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "ed" + "ff" * 30 + "7f",  # zero and one, written in another way
        "ee" + "ff" * 30 + "7f",
        "02" + "00" * 31,  # no point of the curve
    ],
)
def test_a_key_that_proves_nothing_is_refused(back_office: Api, stranger_on_the_phone: Api, key: str) -> None:
    """Signatures by a point of small order hold for what anyone signs."""
    made = new_terminal(back_office)
    weak = "whpk_" + base64.b64encode(bytes.fromhex(key)).decode()
    answer = pair(stranger_on_the_phone, made["pairing_code"], public_key=weak)
    assert [fault["param"] for fault in answer.json()["errors"]] == ["public_key"]
    assert pair(stranger_on_the_phone, made["pairing_code"]).status_code == 201


def test_keys_that_devices_make_are_accepted() -> None:
    for _ in range(50):
        made = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        assert signatures.is_safe("whpk_" + base64.b64encode(made).decode())


def test_who_guesses_waits_but_who_knows_never_does(back_office: Api, stranger_on_the_phone: Api) -> None:
    made = new_terminal(back_office)
    for _ in range(10):
        refusal(pair(stranger_on_the_phone, "WRONGONE"), 404, "pairing_code_invalid")
    answer = pair(stranger_on_the_phone, "WRONGONE")
    refusal(answer, 429, "too_many_requests")
    assert 1 <= int(answer["Retry-After"]) <= 10
    assert pair(stranger_on_the_phone, made["pairing_code"]).status_code == 201


def test_who_has_waited_is_told_again(stranger_on_the_phone: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttling, "WAIT_SECONDS", 600)
    for _ in range(10):
        pair(stranger_on_the_phone, "WRONGONE")
    refusal(pair(stranger_on_the_phone, "WRONGONE"), 429, "too_many_requests")
    for waiting in throttling.client().scan_iter(f"{settings.REDIS_PREFIX}guesses:*:wait"):
        throttling.client().expire(waiting, 0)
    for _ in range(2):
        refusal(pair(stranger_on_the_phone, "WRONGONE"), 404, "pairing_code_invalid")


def test_unpairing_ends_the_key_and_pairing_again_starts_a_new_series(back_office: Api) -> None:
    device = paired(back_office)
    device.post(sale(1))
    body = back_office.post(f"/v1/terminals/{device.terminal}/unpair")
    assert (body.status_code, body.json()["status"]) == (200, "unpaired")
    refusal(device.post(sale(2)), 401, "signature_invalid")
    again = pair(Api(), body.json()["pairing_code"]).json()
    assert (again["series"], again["next_sequence"]) == (2, 1)
    fresh = Device(device.terminal, secret=again["secret"])
    answer = fresh.post(sale(1, 999))
    assert (answer.status_code, answer.json()["status"]) == (201, "recorded")


def test_a_code_that_ran_out_is_replaced(back_office: Api) -> None:
    made = new_terminal(back_office)
    fresh = back_office.post(f"/v1/terminals/{made['id']}/unpair").json()["pairing_code"]
    refusal(pair(Api(), made["pairing_code"]), 404, "pairing_code_invalid")
    assert pair(Api(), fresh).status_code == 201


def test_a_process_that_remembers_an_old_key_still_refuses_it(back_office: Api) -> None:
    """What other processes do to a device, nobody tells this one."""
    old = paired(back_office)
    assert old.post(sale(1)).status_code == 201
    code = back_office.post(f"/v1/terminals/{old.terminal}/unpair").json()["pairing_code"]
    new = Device(old.terminal, secret=pair(Api(), code).json()["secret"])
    assert authenticate._remembered[old.terminal].secret == old.secret
    refusal(old.post(sale(2)), 401, "signature_invalid")
    assert new.post(sale(1, 900)).json()["status"] == "recorded"
    back_office.post(f"/v1/terminals/{old.terminal}/revoke")
    assert authenticate._remembered[old.terminal].secret == new.secret
    refusal(new.post(sale(2)), 401, "terminal_revoked")


def test_a_revoked_terminal_is_believed_nothing(back_office: Api) -> None:
    device = paired(back_office)
    assert back_office.post(f"/v1/terminals/{device.terminal}/revoke").json()["status"] == "revoked"
    refusal(device.post(sale(1)), 401, "terminal_revoked")
    refusal(back_office.post(f"/v1/terminals/{device.terminal}/unpair"), 409, "terminal_revoked")
    assert back_office.post(f"/v1/terminals/{device.terminal}/revoke").status_code == 200


def test_terminals_are_listed_by_status_and_channel(shop: Shop, back_office: Api) -> None:
    device = paired(back_office)
    fair = create_setup.create_channel(merchant=shop.merchant, kind="remote", name="Fair", actor="tests")
    new_terminal(shop.api(channel=fair), label="Fair")
    everything = shop.api().get("/v1/terminals").json()["data"]
    assert [row["label"] for row in everything] == ["Fair", "Counter 1"]
    assert [row["id"] for row in shop.api().get("/v1/terminals", status="active").json()["data"]] == [device.terminal]
    assert [row["id"] for row in back_office.get("/v1/terminals").json()["data"]] == [device.terminal]
    assert faults(back_office.get("/v1/terminals", status="asleep")) == {"status": "invalid_choice"}


def test_another_merchants_terminal_does_not_exist(back_office: Api, stranger: Shop) -> None:
    made = new_terminal(back_office)
    theirs = stranger.api()
    refusal(theirs.get(f"/v1/terminals/{made['id']}"), 404, "not_found")
    refusal(theirs.post(f"/v1/terminals/{made['id']}/revoke"), 404, "not_found")
    refusal(theirs.post(f"/v1/terminals/{made['id']}/unpair"), 404, "not_found")
    assert theirs.get("/v1/terminals").json()["data"] == []


def test_reading_and_writing_need_their_scopes(shop: Shop) -> None:
    reader = shop.api("terminals:read", channel=shop.store)
    assert reader.get("/v1/terminals").status_code == 200
    refusal(reader.post("/v1/terminals", {"label": "x"}), 403, "scope_missing")
    refusal(shop.api("payments:write").get("/v1/terminals"), 403, "scope_missing")


def test_every_fault_of_a_new_terminal_is_told(shop: Shop, stranger: Shop) -> None:
    answer = shop.api().post(
        "/v1/terminals", {"channel": stranger.store.id, "label": "", "colour": 1, "merchant_ids": [{"tid": 5}]}
    )
    assert set(faults(answer)) == {"channel", "label", "colour", "merchant_ids[0].brand", "merchant_ids[0].tid"}
    refusal(shop.api().post("/v1/terminals", {"label": "x"}), 422, "channel_required")


def test_a_brand_with_a_contract_of_its_own_is_owed_by_another_acquirer(shop: Shop, back_office: Api) -> None:
    amex = (
        shop.api()
        .post("/v1/provider_accounts", {"provider": "external", "name": "Amex", "currency": "EUR"})
        .json()["id"]
    )
    ids = [{"brand": "amex", "provider_account": amex, "tid": "T1", "mid": "9001"}]
    device = paired(back_office, merchant_ids=ids)
    answer = device.post(sale(1, card={"brand": "AMEX", "last4": "0005"})).json()
    payment = back_office.get(f"/v1/payments/{answer['payment']}").json()
    assert payment["provider_account"]["id"] == amex

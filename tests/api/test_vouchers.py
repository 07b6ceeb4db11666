"""Vouchers are made, looked up, spent and run out."""

import pytest

from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.responses import ClientResponse

pytestmark = pytest.mark.django_db(transaction=True)
GIFT = {"amount": 1500, "currency": "EUR", "purpose": "multi"}


def test_a_voucher_is_given_and_spent_in_any_channel(shop: Shop) -> None:
    web, store = shop.api(channel=shop.webshop), shop.api(channel=shop.store)
    made = web.post("/v1/vouchers", GIFT | {"expires_at": "2031-01-01T00:00:00+01:00"}).json()
    assert (made["balance"], made["status"], made["expires_at"]) == (1500, "active", "2030-12-31T23:00:00Z")
    body = {"order_reference": "1", "currency": "EUR", "method": "voucher", "voucher_code": made["code"]}
    paid = store.post("/v1/payments", body | {"amount": 1000})
    assert (paid.status_code, paid.json()["status"]) == (201, "captured")
    assert store.get(f"/v1/vouchers/{made['code'].lower()}").json()["balance"] == 500
    too_much = refusal(store.post("/v1/payments", body | {"amount": 501}), 422, "voucher_insufficient")
    assert too_much["balance"] == 500
    store.post("/v1/payments", body | {"amount": 500})
    assert store.get(f"/v1/vouchers/{made['code']}").json()["status"] == "spent"


def test_the_code_is_known_to_nobody_else(shop: Shop, stranger: Shop) -> None:
    code = shop.api().post("/v1/vouchers", GIFT).json()["code"]
    refusal(stranger.api().get(f"/v1/vouchers/{code}"), 404, "not_found")
    body = {"order_reference": "1", "amount": 100, "currency": "EUR", "method": "voucher", "voucher_code": code}
    other = stranger.api(channel=stranger.store).post("/v1/payments", body)
    assert the_param(other) == "voucher_code"


def test_one_whose_code_was_lost_with_the_answer_is_canceled_and_made_again(shop: Shop, stranger: Shop) -> None:
    web = shop.api(channel=shop.webshop)
    code = web.post("/v1/vouchers", GIFT, idempotency_key="gift-1").json()["code"]
    again = web.post("/v1/vouchers", GIFT, idempotency_key="gift-1").json()
    assert again["code"] is None
    path = f"/v1/vouchers/{again['id']}/cancel"
    for other in (stranger.api(), shop.api(channel=shop.store)):
        refusal(other.post(path), 404, "not_found")
    canceled = web.post(path, idempotency_key="cancel-1")
    assert (canceled.status_code, canceled.json()["status"], canceled.json()["balance"]) == (200, "canceled", 0)
    assert web.post(path, idempotency_key="cancel-1").content == canceled.content
    refusal(web.post(path), 409, "voucher_not_cancelable")
    body = {"order_reference": "1", "amount": 100, "currency": "EUR", "method": "voucher", "voucher_code": code}
    refusal(web.post("/v1/payments", body), 422, "voucher_insufficient")


def test_whoever_guesses_codes_has_to_wait_and_whoever_knows_one_has_not(shop: Shop) -> None:
    api = shop.api()
    code = api.post("/v1/vouchers", GIFT).json()["code"]
    answers = [api.get(f"/v1/vouchers/WRONG-{at}") for at in range(15)]
    assert {answer.status_code for answer in answers} == {404, 429}
    assert int(answers[-1]["Retry-After"]) >= 1
    assert api.get(f"/v1/vouchers/{code}").status_code == 200


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"amount": 0}, "amount"),
        ({"purpose": "gift"}, "purpose"),
        ({"purpose": None}, "purpose"),
        ({"expires_at": "2020-01-01"}, "expires_at"),
        ({"order": "ord_unknown"}, "order"),
        ({"code": "MINE"}, "code"),
    ],
)
def test_a_wrong_wish_is_refused(api: Api, change: dict[str, object], place: str) -> None:
    assert place in faults(api.post("/v1/vouchers", GIFT | change))


def test_a_voucher_cannot_have_expired_already(api: Api) -> None:
    members = refusal(api.post("/v1/vouchers", GIFT | {"expires_at": "2020-01-01T00:00:00Z"}), 422, "validation_failed")
    assert members["param"] == "expires_at"


def the_param(answer: ClientResponse) -> str | None:
    """The place of the one fault there is."""
    param: str | None = refusal(answer, 422, "validation_failed")["param"]
    return param

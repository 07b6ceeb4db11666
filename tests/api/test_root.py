"""A key asks what it is; without one, nobody is told anything."""

import pytest

from tests.api.client import Api, refusal
from tests.api.conftest import Shop


def test_a_key_is_told_what_it_is(shop: Shop) -> None:
    answer = shop.api("payments:write", channel=shop.store).get("/v1").json()
    assert answer == {
        "version": "v1",
        "test_mode": True,
        "merchant": shop.merchant.id,
        "channel": {"id": shop.store.id, "name": "Bloem Utrecht", "kind": "in_store"},
        "scopes": ["payments:read", "payments:write"],
        "stream_url": answer["stream_url"],
    }


def test_a_key_of_the_whole_merchant_has_no_channel(shop: Shop) -> None:
    assert shop.api().get("/v1").json()["channel"] is None


def test_without_a_key_nobody_is_told_anything() -> None:
    answer = Api().get("/v1")
    refusal(answer, 401, "authentication_required")
    assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["ot_test_" + "x" * 43, "x", "ot_live_é"])
def test_a_wrong_key_is_refused(key: str) -> None:
    refusal(Api(key).get("/v1"), 401, "invalid_api_key")


def test_an_unknown_parameter_is_refused(shop: Shop) -> None:
    members = refusal(shop.api().get("/v1", colour="red"), 422, "validation_failed")
    assert members["errors"][0]["param"] == "colour"


def test_a_wrong_method_is_refused(shop: Shop) -> None:
    answer = shop.api().post("/v1")
    refusal(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"]


def test_an_address_that_is_not_there(shop: Shop) -> None:
    refusal(shop.api().get("/v1/nothing"), 404, "not_found")

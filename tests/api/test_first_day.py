"""The first day of a webshop's developer: refusals that say what to send, and answers that say what they are about."""

from datetime import date
from typing import Any

import pytest
from django.test import Client

from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.responses import ClientResponse
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)

BODY = {"order_reference": "1001", "amount": 5000, "currency": "EUR", "method": "card"}


def test_a_name_of_another_api_is_answered_with_ours(api: Api) -> None:
    details = advice_of(
        api.post("/v1/payments", BODY | {"redirectUrl": "https://shop.example", "orderTotal": 1, "zz": 1})
    )
    assert details["redirectUrl"] == "There is no such field. Did you mean return_url?"
    assert details["orderTotal"] == "There is no such field. Did you mean order_total?"
    assert "send one of: order_reference, namespace, order, amount, currency" in details["zz"]


def test_an_unknown_parameter_is_answered_with_those_there_are(shop: Shop) -> None:
    details = advice_of(shop.api().get("/v1/statistics", month="2026-01"))
    assert details == {
        "month": "There is no such parameter. Leave it out, or send one of: from, to, group_by, currency."
    }
    assert advice_of(shop.api().get("/v1/events", objct="pay_1"))["objct"].endswith("Did you mean object?")
    assert advice_of(shop.api().get("/v1", colour="red"))["colour"] == "There is no such parameter. Leave it out."


def test_a_body_of_thousands_of_unknown_names_is_not_compared_for_ever(api: Api) -> None:
    refused = api.post("/v1/payments", {f"return_ur{n}": 1 for n in range(5_000)})
    assert list(faults(refused).values()).count("unknown_field") == 500


def test_a_voucher_without_its_code_is_told_what_is_missing(api: Api) -> None:
    assert advice_of(api.post("/v1/payments", BODY | {"method": "voucher"})) == {
        "voucher_code": "The method voucher needs voucher_code."
    }
    assert (
        "with the method voucher only"
        in advice_of(api.post("/v1/payments", BODY | {"voucher_code": "A"}))["voucher_code"]
    )


def test_a_missing_channel_is_told_with_where_to_find_one(shop: Shop) -> None:
    refused = shop.api().post("/v1/payments", {"order_reference": "1", "amount": 5, "currency": "EUR"})
    assert "GET /v1/channels" in refusal(refused, 422, "channel_required")["detail"]


def test_curl_without_a_content_type_is_told_which(api: Api) -> None:
    refused = api.post("/v1/payments", raw=b"{}", content_type="application/x-www-form-urlencoded")
    assert "Content-Type: application/json" in refusal(refused, 415, "unsupported_media_type")["detail"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"amount": 1,}', "a comma stands before a closing bracket at line 1, column 14"),
        (b'{"amount": 1', "it ends too early at line 1, column 13"),
        (b" ", "it is empty"),
        (b"{'amount': 1}", "this does not fit here at line 1, column 2"),
    ],
)
def test_broken_json_is_described_in_our_words(api: Api, body: bytes, words: str) -> None:
    assert words in refusal(api.post("/v1/payments", raw=body), 400, "malformed_json")["detail"]


def test_ideal_is_paid_in_euros_only(api: Api) -> None:
    for currency in ("USD", "JPY"):
        body = BODY | {"method": "ideal", "currency": currency, "return_url": "https://shop.example"}
        refusal(api.post("/v1/payments", body), 422, "method_not_supported")
        offers = api.get("/v1/methods", currency=currency).json()["data"]
        assert "ideal" not in {offer["method"] for offer in offers}
        assert "card" in {offer["method"] for offer in offers}


def test_a_payment_tells_until_when_it_waits(api: Api, simulator: RunningSimulator) -> None:
    waits = api.post("/v1/payments", BODY | {"method": "ideal", "return_url": "https://shop.example"}).json()
    assert waits["expires_at"] > waits["created_at"]
    assert api.post("/v1/payments", BODY | {"order_reference": "2"}).json()["expires_at"] is None


def test_the_days_of_the_figures_are_told(shop: Shop) -> None:
    requested = shop.api().get("/v1/statistics", **{"from": "2026-01-01", "to": "2026-01-31"}).json()
    assert (requested["from"], requested["to"]) == ("2026-01-01", "2026-01-31")
    usual = shop.api().get("/v1/statistics").json()
    first, last = date.fromisoformat(usual["from"]), date.fromisoformat(usual["to"])
    assert (first.day, first.month) == (1, last.month)


def test_an_event_is_found_by_its_id_and_by_its_object(
    shop: Shop, stranger: Shop, api: Api, simulator: RunningSimulator
) -> None:
    paid, _ = (api.post("/v1/payments", BODY | {"order_reference": name}).json()["id"] for name in "ab")
    (event,) = api.get("/v1/events", object=paid).json()["data"]
    assert (event["type"], event["data"]["object"]["id"]) == ("payment.captured", paid)
    assert api.get(f"/v1/events/{event['id']}").json() == event
    assert stranger.api().get("/v1/events", object=paid).json()["data"] == []
    refusal(stranger.api().get(f"/v1/events/{event['id']}"), 404, "not_found")
    refusal(shop.api(channel=shop.store).get(f"/v1/events/{event['id']}"), 404, "not_found")


def test_the_stream_is_somewhere_else(settings: Any) -> None:
    refused = refusal(Client().get("/v1/events/stream"), 404, "not_found")
    assert f"{settings.STREAM_URL}/v1/events/stream" in refused["detail"]


def test_a_delivery_names_the_type_of_its_event(shop: Shop, api: Api, simulator: RunningSimulator) -> None:
    endpoint = shop.api().post("/v1/webhook_endpoints", {"url": "https://example.com/hook", "events": ["*"]}).json()
    api.post("/v1/payments", BODY)
    (delivery,) = shop.api().get(f"/v1/webhook_endpoints/{endpoint['id']}/deliveries").json()["data"]
    assert delivery["type"] == "payment.captured"


@pytest.mark.parametrize("url", ["http://127.0.0.1:9410/hook", "https://localhost:9410/hook"])
def test_an_endpoint_on_this_machine_is_told_how(shop: Shop, url: str) -> None:
    detail = advice_of(shop.api().post("/v1/webhook_endpoints", {"url": url, "events": ["*"]}))["url"]
    assert "WEBHOOK_ALLOW_PRIVATE=1" in detail
    assert "manage.py listen --forward-to" in detail


def test_the_refund_of_an_order_names_the_voucher_that_was_sold_on_it(
    shop: Shop, api: Api, simulator: RunningSimulator
) -> None:
    paid = api.post("/v1/payments", BODY).json()
    gift = {"amount": 5_000, "currency": "EUR", "purpose": "multi", "order": paid["order"]["id"]}
    assert shop.api().post("/v1/vouchers", gift).status_code == 201
    refused = api.post("/v1/refunds", {"payment": paid["id"], "reason": "Changed my mind"})
    detail = refusal(refused, 422, "amount_exceeds_refundable")["detail"]
    assert detail == "Nothing is left to give back. €50.00 of the order was sold as vouchers, which stay good."


def advice_of(refused: ClientResponse) -> dict[str, str]:
    """What to do about each fault, by its place."""
    return {fault["param"]: fault["detail"] for fault in refused.json()["errors"]}

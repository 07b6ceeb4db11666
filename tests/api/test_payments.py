"""A webshop takes payments, and reads what became of them."""

import pytest

from payments.people.models import Customer
from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_card_payment_is_captured_at_once(shop: Shop, api: Api, simulator: RunningSimulator) -> None:
    answer = api.post(
        "/v1/payments",
        {
            "order_reference": "1001",
            "amount": 2500,
            "currency": "EUR",
            "method": "card",
            "customer": {"reference": "c-7", "email": "ada@example.com", "name": "Ada"},
            "description": "Roses",
            "metadata": {"basket": "7"},
        },
    )
    assert answer.status_code == 201
    payment = answer.json()
    assert payment["status"] == "captured"
    assert payment["amount_captured"] == payment["amount_refundable"] == 2500
    assert payment["order"]["reference"] == "1001"
    assert payment["channel"] == {"id": shop.webshop.id, "name": "Bloem online", "kind": "online"}
    assert payment["customer"].startswith("cus_")
    assert payment["metadata"] == {"basket": "7"}
    again = api.get(f"/v1/payments/{payment['id']}")
    assert again.json() == payment


def test_a_decline_is_an_answer_and_no_error(api: Api, simulator: RunningSimulator) -> None:
    answer = api.post("/v1/payments", {"order_reference": "1", "amount": 1001, "currency": "EUR", "method": "card"})
    assert (answer.status_code, answer.json()["status"]) == (201, "declined")
    assert answer.json()["failure"]["code"] == "do_not_honor"


def test_what_is_authorized_is_captured_in_parts_and_the_rest_released(api: Api, simulator: RunningSimulator) -> None:
    body = {"order_reference": "1", "amount": 10000, "currency": "EUR", "method": "card", "capture": "manual"}
    payment = api.post("/v1/payments", body).json()
    assert (payment["status"], payment["amount_capturable"]) == ("authorized", 10000)
    captured = api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 4000, "final": False})
    assert captured.status_code == 200
    assert (captured.json()["status"], captured.json()["amount_capturable"]) == ("captured", 6000)
    too_much = api.post(f"/v1/payments/{payment['id']}/capture", {"amount": 6100})
    refusal(too_much, 422, "amount_exceeds_capturable")
    released = api.post(f"/v1/payments/{payment['id']}/cancel")
    assert released.json()["amount_capturable"] == 0
    refusal(api.post(f"/v1/payments/{payment['id']}/cancel"), 409, "payment_not_cancelable")


def test_a_capture_after_the_final_one_is_told_what_that_released(api: Api, simulator: RunningSimulator) -> None:
    body = {"order_reference": "1", "amount": 10_000, "currency": "EUR", "method": "card", "capture": "manual"}
    path = f"/v1/payments/{api.post('/v1/payments', body).json()['id']}"
    assert api.post(f"{path}/capture", {"amount": 3_000}).json()["amount_capturable"] == 0
    for verb, code in (("capture", "payment_not_capturable"), ("cancel", "payment_not_cancelable")):
        refused = refusal(api.post(f"{path}/{verb}"), 409, code)
        assert "The capture of €30.00 was final and released €70.00" in refused["detail"]


def test_lists_are_added_where_they_are_asked_for(api: Api, simulator: RunningSimulator) -> None:
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card"}
    payment = api.post("/v1/payments", body).json()
    assert "operations" not in payment
    shown = api.get(f"/v1/payments/{payment['id']}", expand="operations,refunds,evidence,journal_entries").json()
    assert [operation["verb"] for operation in shown["operations"]] == ["sale"]
    assert (shown["refunds"], shown["evidence"]) == ([], [])
    [entry] = shown["journal_entries"]
    assert sum(line["debit"] for line in entry["postings"]) == 2500
    assert {line["code"].split(":")[0] for line in entry["postings"]} == {"receivable", "takings"}


def test_every_fault_is_told_at_once_with_its_place(api: Api) -> None:
    answer = api.post(
        "/v1/payments",
        {
            "amount": 12.5,
            "currency": "EURO",
            "method": "gold",
            "customer": {"email": "nobody", "colour": "red"},
            "vat": [{"rate": 21, "net": 100, "tax": 21}, {"rate": 21, "net": "100"}],
            "provider_account": "pac_unknown",
            "colour": "blue",
        },
    )
    refusal(answer, 422, "validation_failed")
    assert faults(answer) == {
        "order_reference": "required",
        "amount": "invalid_type",
        "currency": "currency_unknown",
        "method": "invalid_choice",
        "customer.email": "invalid_format",
        "customer.colour": "unknown_field",
        "vat[1].net": "invalid_type",
        "vat[1].tax": "required",
        "provider_account": "not_found",
        "colour": "unknown_field",
    }


def test_a_key_without_a_channel_must_name_one(shop: Shop, simulator: RunningSimulator) -> None:
    api = shop.api()
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card"}
    refusal(api.post("/v1/payments", body), 422, "channel_required")
    assert api.post("/v1/payments", body | {"channel": shop.store.id}).json()["channel"]["id"] == shop.store.id


def test_a_key_of_one_channel_cannot_speak_for_another(shop: Shop, api: Api) -> None:
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "channel": shop.store.id}
    refusal(api.post("/v1/payments", body), 403, "channel_not_allowed")


def test_payments_are_found_by_what_is_known_of_them(shop: Shop, api: Api, simulator: RunningSimulator) -> None:
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "card", "customer": {"reference": "c"}}
    first = api.post("/v1/payments", body).json()
    second = api.post(
        "/v1/payments", {"order_reference": "2", "amount": 1001, "currency": "EUR", "method": "card"}
    ).json()
    shows = {
        first["id"]: [
            {"status": "captured"},
            {"order_reference": "1"},
            {"order": first["order"]["id"]},
            {"customer": "c"},
            {"customer": first["customer"]},
            {"amount": "2500"},
            {"receipt_number": first["receipt_number"]},
            {"card_last4": first["card"]["last4"], "status": "captured"},
            {"created_to": second["created_at"]},
        ],
        second["id"]: [{"status": "declined"}, {"created_from": second["created_at"]}, {"amount": "1001"}],
    }
    for payment_id, filters in shows.items():
        for given in filters:
            found = api.get("/v1/payments", **given).json()["data"]
            assert [row["id"] for row in found] == [payment_id], given
    everything = {
        "channel": shop.webshop.id,
        "origin": "online",
        "method": "card",
        "business_day": first["business_day"],
    }
    assert [row["id"] for row in api.get("/v1/payments", **everything).json()["data"]] == [second["id"], first["id"]]
    assert api.get("/v1/payments", terminal="trm_x").json()["data"] == []


def test_a_list_comes_in_pages(shop: Shop) -> None:
    api = shop.api(channel=shop.store)
    ids = [
        api.post(
            "/v1/payments", {"order_reference": str(at), "amount": 500, "currency": "EUR", "method": "cash"}
        ).json()["id"]
        for at in range(5)
    ]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get("/v1/payments", limit=2, **cursor).json()
        seen += [row["id"] for row in page["data"]]
        assert page["has_more"] == (page["next_cursor"] is not None)
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ids[::-1]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("limit", "0"), ("limit", "101"), ("limit", "x"), ("limit", "1.5"), ("cursor", "x"), ("cursor", "%00"),
        ("expand", "everything"), ("expand", ""), ("status", "paid"), ("amount", "-1"), ("business_day", "2026-02-30"),
        ("created_from", "yesterday"), ("color", "red"), ("card_last4", "12345"), ("order", "\0"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(api: Api, parameter: str, value: str) -> None:
    assert parameter in faults(api.get("/v1/payments", **{parameter: value}))


def test_a_refused_payment_leaves_no_customer_behind(shop: Shop) -> None:
    api = shop.api(channel=shop.store)
    body = {"order_reference": "1", "amount": 500, "currency": "EUR", "method": "cash", "customer": {"reference": "c"}}
    refusal(api.post("/v1/payments", body | {"received": 100}), 422, "received_too_little")
    refusal(api.post("/v1/payments", body | {"order_total": 400}), 422, "amount_exceeds_due")
    assert not Customer.objects.exists()
    assert api.post("/v1/payments", body).json()["customer"] == Customer.objects.get().id


def test_a_payment_that_is_not_there(api: Api) -> None:
    for path in ("pay_x", "pay_" + "0" * 26, "%00", "🙂"):
        refusal(api.get(f"/v1/payments/{path}"), 404, "not_found")
        refusal(api.post(f"/v1/payments/{path}/capture"), 404, "not_found")


def test_nothing_follows_a_final_capture_that_is_under_way(shop: Shop, simulator: RunningSimulator) -> None:
    api = shop.api(channel=shop.webshop)
    body = {"order_reference": "1", "amount": 10_000, "currency": "EUR", "method": "card", "capture": "manual"}
    path = f"/v1/payments/{api.post('/v1/payments', body).json()['id']}"
    assert api.post(f"{path}/capture", {"amount": 2010, "final": False}).json()["status"] == "authorized"  # pending
    refused = refusal(api.post(f"{path}/capture", {"amount": 8000}), 422, "amount_exceeds_capturable")
    assert refused["amount_capturable"] == 7990
    assert api.post(f"{path}/capture", {"amount": 5010}).status_code == 200  # pending too, and the last one
    refusal(api.post(f"{path}/capture", {"amount": 500}), 409, "payment_not_capturable")

"""Refunds over the API: planned, made, given up, found; what they do is tried in tests/payments."""

from typing import Any

import pytest

from tests.api.client import Api, faults, refusal
from tests.api.conftest import Shop
from tests.simulator import RunningSimulator

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def paid(shop: Shop, simulator: RunningSimulator) -> dict[str, Any]:
    body = {"order_reference": "1001", "amount": 2500, "currency": "EUR", "method": "card"}
    made: dict[str, Any] = shop.api(channel=shop.webshop).post("/v1/payments", body).json()
    return made


def test_a_plan_changes_nothing_and_needs_no_key(shop: Shop, paid: dict[str, Any]) -> None:
    api = shop.api("refunds:read", channel=shop.store)
    answer = api.http.post(
        "/v1/refunds/plan",
        {"payment": paid["id"], "amount": 1000, "reason": "too big"},
        "application/json",
        headers=api.headers(),
    )
    assert answer.status_code == 200
    plan = answer.json()
    assert (plan["amount"], plan["currency"], plan["amount_refundable"]) == (1000, "EUR", 2500)
    assert [(part["payment"], part["amount"], part["route"]) for part in plan["parts"]] == [
        (paid["id"], 1000, "original")
    ]
    assert api.get("/v1/refunds").json()["data"] == []


def test_a_refund_falls_off_what_is_refundable_at_once(shop: Shop, paid: dict[str, Any]) -> None:
    store = shop.api(channel=shop.store)
    answer = store.post(
        "/v1/refunds", {"order": paid["order"]["id"], "amount": 1000, "reason": "too big", "metadata": {"a": "b"}}
    )
    assert answer.status_code == 201
    refund = answer.json()
    assert (refund["amount"], refund["status"], refund["channel"]["id"]) == (1000, "pending", shop.store.id)
    assert store.get(f"/v1/payments/{paid['id']}").json()["amount_refundable"] == 1500
    members = refusal(
        store.post("/v1/refunds", {"payment": paid["id"], "amount": 1501, "reason": "x"}),
        422,
        "amount_exceeds_refundable",
    )
    assert (members["amount_refundable"], members["currency"]) == (1500, "EUR")
    shown = store.get(f"/v1/refunds/{refund['id']}").json()
    for given in (
        {"order": paid["order"]["id"]},
        {"payment": paid["id"]},
        {"status": shown["status"]},
        {"channel": shop.store.id},
        {"route": "original"},
        {"created_from": refund["created_at"]},
    ):
        assert [row["id"] for row in store.get("/v1/refunds", **given).json()["data"]] == [refund["id"]], given
    assert store.get("/v1/refunds", route="cash").json()["data"] == []


def test_a_voucher_is_shown_in_the_first_answer_only(shop: Shop, paid: dict[str, Any]) -> None:
    api = shop.api(channel=shop.store)
    body = {"payment": paid["id"], "amount": 700, "reason": "too big", "route": "voucher"}
    first = api.post("/v1/refunds", body, idempotency_key="k1").json()
    code = first["parts"][0]["voucher"]["code"]
    assert (first["status"], first["amount_succeeded"]) == ("succeeded", 700)
    again = api.post("/v1/refunds", body, idempotency_key="k1").json()
    assert again["parts"][0]["voucher"] == {"id": first["parts"][0]["voucher"]["id"], "code": None}
    assert api.get(f"/v1/refunds/{first['id']}").json()["parts"][0]["voucher"]["code"] is None
    assert api.get(f"/v1/vouchers/{code}").json()["balance"] == 700


def test_a_bank_part_waits_and_is_given_up(shop: Shop, paid: dict[str, Any]) -> None:
    api = shop.api(channel=shop.store)
    account = {"iban": "NL91 ABNA 0417 1643 00", "name": "Ada"}
    body = {"payment": paid["id"], "reason": "x", "route": "bank", "bank_account": account}
    refund = api.post("/v1/refunds", body).json()
    assert (refund["amount"], refund["status"], refund["parts"][0]["status"]) == (2500, "pending", "pending")
    given_up = api.post(f"/v1/refunds/{refund['id']}/cancel", idempotency_key="k1")
    assert (given_up.status_code, given_up.json()["status"]) == (200, "canceled")
    assert api.post(f"/v1/refunds/{refund['id']}/cancel", idempotency_key="k1").content == given_up.content
    refusal(api.post(f"/v1/refunds/{refund['id']}/cancel"), 409, "refund_not_cancelable")
    assert api.get(f"/v1/payments/{paid['id']}").json()["amount_refundable"] == 2500


def test_what_cannot_be_meant(shop: Shop, stranger: Shop, paid: dict[str, Any]) -> None:
    api = shop.api(channel=shop.store)
    payload = {"payment": paid["id"], "reason": "x"}
    bodies = {
        "payment": payload | {"order": paid["order"]["id"]},
        "order_reference": {"order_reference": "1009", "reason": "x"},  # of no order of any channel
        "reason": {"payment": paid["id"]},
        "amount": payload | {"amount": 1.5},
        "bank_account.iban": payload | {"bank_account": {"iban": "NL00BANK0123456789", "name": "Ada"}},
        "terminal": payload | {"terminal": "trm_unknown"},
        "exchange_for": payload | {"exchange_for": "ord_unknown"},
        "allocation": payload | {"allocation": "random"},
        "allocation[0].payment": payload | {"allocation": [{"payment": "pay_x", "amount": 1}]},
        "route": payload | {"route": "pigeon"},
        "color": payload | {"color": "red"},
    }
    for place, body in bodies.items():
        answer = api.post("/v1/refunds", body)
        assert answer.status_code == 422, (place, answer.content)
        assert place in faults(answer), (place, answer.content)
        assert place in faults(api.post("/v1/refunds/plan", body))
    web = shop.api(channel=shop.webshop)
    assert web.post("/v1/refunds", {"order_reference": "1001", "amount": 1, "reason": "x"}).status_code == 201
    assert "payment" in faults(stranger.api(channel=stranger.store).post("/v1/refunds", payload))


def test_an_iban_is_no_card_number(shop: Shop, paid: dict[str, Any]) -> None:
    """Its digits may look like one; it is checked by its own rule."""
    api = Api(shop.api(channel=shop.store).key)
    account = {"iban": "NL30INGB4111111111", "name": "4111111111111111"}
    answer = api.post("/v1/refunds", {"payment": paid["id"], "reason": "x", "route": "bank", "bank_account": account})
    assert faults(answer) == {"bank_account.name": "card_number_refused"} | (
        {"bank_account.iban": "iban_invalid"} if "bank_account.iban" in faults(answer) else {}
    )


def test_a_refund_may_name_a_terminal_of_its_merchant_only(shop: Shop, stranger: Shop, paid: dict[str, Any]) -> None:
    ours, theirs = (
        one.api().post("/v1/terminals", {"channel": one.store.id, "label": "Till 1"}).json()["id"]
        for one in (shop, stranger)
    )
    api = shop.api(channel=shop.store)
    body = {"payment": paid["id"], "reason": "x", "amount": 100}
    assert "terminal" in faults(api.post("/v1/refunds", body | {"terminal": theirs}))
    assert api.post("/v1/refunds", body | {"terminal": ours}).status_code == 201


def test_store_credit_is_never_silent(shop: Shop) -> None:
    """What was paid in cash and comes back to the webshop goes nowhere by itself; the plan says the same."""
    till, web = shop.api(channel=shop.store), shop.api(channel=shop.webshop)
    body = {"order_reference": "1", "amount": 2500, "currency": "EUR", "method": "cash"}
    sold = till.post("/v1/payments", body).json()
    fields = {"payment": sold["id"], "amount": 1000, "reason": "too big"}
    for path in ("/v1/refunds", "/v1/refunds/plan"):
        members = refusal(web.post(path, fields), 422, "route_required")
        assert members["param"] == "route"
        assert [(row["route"], row["possible"], row["code"]) for row in members["routes"]] == [
            ("original", False, "no_till"),
            ("terminal", False, "not_paid_by_card"),
            ("bank", False, "bank_account_required"),
            ("voucher", True, None),
            ("cash", False, "no_till"),
        ]
        assert all(bool(row["detail"]) != row["possible"] for row in members["routes"])
    assert web.get("/v1/refunds").json()["data"] == []
    assert till.get(f"/v1/payments/{sold['id']}").json()["amount_refundable"] == 2500

    (part,) = till.post("/v1/refunds", fields).json()["parts"]
    assert (part["route"], part["status"], part["reasons"], part["voucher"]) == ("cash", "succeeded", [], None)
    shop.merchant.refund_fallback = "voucher"
    shop.merchant.save()
    (planned,) = web.post("/v1/refunds/plan", fields).json()["parts"]
    (part,) = web.post("/v1/refunds", fields).json()["parts"]
    assert planned["route"] == part["route"] == "voucher"
    assert [reason["code"] for reason in part["reasons"]] == ["no_till", "bank_account_required"]
    assert part["voucher"]["code"]

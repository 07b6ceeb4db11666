"""Payments, refunds, vouchers, statistics and books, as the contract tells them and a shop sees them."""

import threading
from typing import Any

import httpx

from tests.acceptance.conftest import Pay
from tests.simulator import eventually
from tests.stack import Shop


def give_back(shop: Shop, **body: Any) -> httpx.Response:
    return shop.api.post("/v1/refunds", {"reason": "Returned", "channel": shop.store} | body)


def test_what_is_due_is_asked_for_and_what_is_paid_twice_is_told(shop: Shop, pay: Pay) -> None:
    order = pay(amount=400, order_total=1000)["order"]["id"]
    body = {"order": order, "currency": "EUR", "method": "card", "channel": shop.store}
    answer = shop.api.post("/v1/payments", body | {"amount": 700, "order_total": 1000}).json()
    assert (answer["code"], answer["due"]) == ("amount_exceeds_due", 600)
    answer = shop.api.post("/v1/payments", body | {"amount": 700}).json()
    assert (answer["code"], answer["due"]) == ("amount_exceeds_due", 600)
    pay(order_reference=None, order=order, amount=600)
    shown = shop.api.get(f"/v1/orders/{order}")
    assert (shown["paid"], shown["due"], shown["refundable"]) == (1000, 0, 1000)
    answer = shop.api.post("/v1/payments", body | {"amount": 100, "order_total": 900}).json()
    assert answer["code"] == "order_total_below_paid"
    answer = shop.api.post("/v1/payments", body | {"amount": 100, "currency": "USD"}).json()
    assert answer["code"] == "order_currency_differs"


def test_captured_in_parts(shop: Shop, pay: Pay) -> None:
    path = f"/v1/payments/{pay(capture='manual')['id']}"
    first = shop.api.post(f"{path}/capture", {"amount": 300, "final": False}).json()
    assert (first["status"], first["amount_authorized"], first["amount_capturable"]) == ("captured", 1000, 700)
    assert shop.api.post(f"{path}/capture", {"amount": 701}).json()["code"] == "amount_exceeds_capturable"
    last = shop.api.post(f"{path}/capture", {"amount": 200}).json()
    assert (last["amount_authorized"], last["amount_capturable"], last["amount_captured"]) == (1000, 0, 500)
    for verb, code in (("capture", "payment_not_capturable"), ("cancel", "payment_not_cancelable")):
        refused = shop.api.post(f"{path}/{verb}", {})
        assert (refused.status_code, refused.json()["code"]) == (409, code)


def test_an_unknown_outcome_stops_a_second_charge_but_not_cash(shop: Shop, pay: Pay) -> None:
    unknown = pay(amount=1022)
    assert unknown["status"] == "unknown"
    body = {"order": unknown["order"]["id"], "amount": 500, "currency": "EUR", "method": "card", "channel": shop.web}
    refused = shop.api.post("/v1/payments", body)
    assert (refused.status_code, refused.json()["code"]) == (409, "outcome_unknown")
    assert refused.json()["payment"] == unknown["id"]
    assert refused.json()["age_seconds"] >= 0
    in_cash = {"method": "cash", "channel": shop.store}
    assert shop.api.post("/v1/payments", body | in_cash).json()["status"] == "captured"
    named = body | {"acknowledge_unknown": {"operator": "Ada", "reason": "she waits"}}
    assert shop.api.post("/v1/payments", named).json()["status"] == "captured"
    settled = eventually(lambda: (now := shop.api.get(f"/v1/payments/{unknown['id']}"))["amount_captured"] and now)
    assert settled["status"] == "captured"


def test_a_customer_is_sent_to_a_page_and_back(shop: Shop, pay: Pay) -> None:
    waiting = pay(method="ideal", return_url="https://shop.example/thanks?order=1")
    assert (waiting["status"], waiting["next_action"]["type"]) == ("requires_action", "redirect")
    page = waiting["next_action"]["url"]
    assert httpx.get(page, trust_env=False).status_code == 200
    gone = httpx.post(page, data={"action": "approve"}, trust_env=False)
    assert (gone.status_code, gone.headers["Location"]) == (303, "https://shop.example/thanks?order=1")
    paid = eventually(lambda: (now := shop.api.get(f"/v1/payments/{waiting['id']}"))["status"] == "captured" and now)
    assert paid["next_action"] is None


def test_forty_refunds_of_one_order_give_back_what_fits(shop: Shop, pay: Pay) -> None:
    payment = pay()
    answers: list[httpx.Response] = []

    def ask() -> None:
        answers.append(give_back(shop, payment=payment["id"], amount=100))

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lost = [answer.json() for answer in answers if answer.status_code == 422]
    assert (len(lost), sum(answer.status_code == 201 for answer in answers)) == (30, 10)
    assert {(refused["code"], refused["amount_refundable"], refused["currency"]) for refused in lost} == {
        ("amount_exceeds_refundable", 0, "EUR")
    }
    eventually(lambda: shop.api.get(f"/v1/payments/{payment['id']}")["amount_refunded"] == 1000)


def test_a_refund_by_voucher_shows_its_code_once_and_pays(shop: Shop, pay: Pay) -> None:
    body = {"payment": pay()["id"], "amount": 600, "route": "voucher", "reason": "Returned", "channel": shop.store}
    answer = shop.api.post("/v1/refunds", body, key="voucher-once")
    [part] = answer.json()["parts"]
    [again] = shop.api.post("/v1/refunds", body, key="voucher-once").json()["parts"]
    assert (part["status"], again["voucher"]) == ("succeeded", part["voucher"] | {"code": None})
    spend = {"order_reference": "spent", "currency": "EUR", "method": "voucher", "channel": shop.web}
    spend["voucher_code"] = part["voucher"]["code"]
    assert shop.api.post("/v1/payments", spend | {"amount": 601}).json()["code"] == "voucher_insufficient"
    assert shop.api.post("/v1/payments", spend | {"amount": 600}).json()["status"] == "captured"
    assert shop.api.get(f"/v1/vouchers/{part['voucher']['code']}")["balance"] == 0


def test_a_bank_refund_reserves_until_it_is_canceled(shop: Shop, pay: Pay) -> None:
    payment = pay()["id"]
    account = {"iban": "NL91 ABNA 0417 1643 00", "name": "A. Lovelace"}
    refund = give_back(shop, payment=payment, amount=400, route="bank", bank_account=account).json()
    assert (refund["status"], refund["parts"][0]["status"]) == ("pending", "pending")
    assert shop.api.get(f"/v1/payments/{payment}")["amount_refundable"] == 600
    assert shop.api.post(f"/v1/refunds/{refund['id']}/cancel").json()["status"] == "canceled"
    assert shop.api.get(f"/v1/payments/{payment}")["amount_refundable"] == 1000


def test_a_refund_that_fails_late_is_owed_again(shop: Shop, pay: Pay) -> None:
    payment = pay(amount=5000)["id"]
    refund = give_back(shop, payment=payment, amount=1031).json()["id"]
    eventually(lambda: shop.api.get(f"/v1/refunds/{refund}")["status"] == "failed")
    shown = shop.api.get(f"/v1/payments/{payment}")
    assert (shown["amount_refundable"], shown["amount_refunded"]) == (5000, 0)


def test_figures_and_books_know_it_at_once(shop: Shop, pay: Pay) -> None:
    def figures(**query: Any) -> list[dict[str, Any]]:
        return list(shop.api.get("/v1/statistics", currency="SEK", **query)["rows"])

    assert figures() == []
    payment = pay(amount=2500, currency="SEK")
    assert [(row["sales_count"], row["net_amount"]) for row in figures()] == [(1, 2500)]
    assert give_back(shop, payment=payment["id"], amount=500).status_code == 201
    rows = {row["channel"]["id"]: row for row in figures(group_by="channel")}
    assert (rows[shop.web]["sales_amount"], rows[shop.web]["refunds_amount"]) == (2500, 0)
    assert (rows[shop.store]["sales_amount"], rows[shop.store]["refunds_amount"]) == (0, 500)
    for trial in shop.api.get("/v1/ledger/trial_balance")["currencies"]:
        assert trial["total_debit"] == trial["total_credit"] > 0
    keys = [
        entry["key"].partition(":")[0] for entry in shop.api.get("/v1/ledger/entries", object=payment["id"])["data"]
    ]
    assert keys[-1] == "sale"
    assert shop.stack.manage("audit_ledger")["violations"] == []

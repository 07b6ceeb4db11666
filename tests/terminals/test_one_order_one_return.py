"""One order, one return, by whatever name: what a device gives back on the webshop's order, the webshop has no more."""

from dataclasses import replace
from typing import Any

import pytest

from payments import audit
from payments.core.errors import Invalid
from payments.core.ids import new_id
from payments.models import Discrepancy, Order, Refund
from payments.services import create_setup
from payments.services.card_present.types import Kind, Original
from payments.services.refunds.plan import BankAccount
from tests.api.client import refusal
from tests.api.conftest import Shop
from tests.builders import Shop as Cast
from tests.builders import fresh
from tests.builders import open_shop as open_cast
from tests.terminals.conftest import books
from tests.terminals.device import Device, refund, reversal, sale
from tests.threads import crowd

pytestmark = pytest.mark.django_db

ANNA = BankAccount(iban="NL91ABNA0417164300", name="A. de Vries")


def paid(shop: Shop, amount: int = 2000, reference: str = "1001", **more: Any) -> dict[str, Any]:
    """The webshop's order, paid by voucher: that asks no provider."""
    body = {"order_reference": reference, "amount": amount, "currency": "EUR", "method": "voucher"} | more
    web = shop.api(channel=shop.webshop)
    code = web.post("/v1/vouchers", {"amount": amount, "currency": body["currency"], "purpose": "single"}).json()[
        "code"
    ]
    answer = web.post("/v1/payments", body | {"voucher_code": code})
    assert answer.status_code == 201, answer.content
    found: dict[str, Any] = answer.json()
    return found


class TestAtTheTerminal:
    def test_the_webshops_order_is_given_back_once(self, terminal: Device, shop: Shop) -> None:
        sold = paid(shop)
        answer = terminal.post(refund(1, 2000, original={"order_reference": "1001"})).json()
        assert (answer["payment"], answer["discrepancies"]) == (sold["id"], [])
        web = shop.api(channel=shop.webshop)
        members = refusal(
            web.post("/v1/refunds", {"order_reference": "1001", "reason": "x", "route": "voucher"}),
            422,
            "amount_exceeds_refundable",
        )
        assert members["amount_refundable"] == 0
        order = web.get(f"/v1/orders/{sold['order']['id']}").json()
        assert (order["paid"], order["refunded"], order["refundable"]) == (2000, 2000, 0)

    @pytest.mark.parametrize("kind", ["payment", "refund"])
    def test_the_number_on_a_receipt_names_what_it_was_printed_for(
        self, terminal: Device, shop: Shop, kind: str
    ) -> None:
        sold = paid(shop)
        number = sold["receipt_number"]
        if kind == "refund":
            body = {"payment": sold["id"], "amount": 500, "reason": "x", "route": "voucher"}
            shop.api(channel=shop.webshop).post("/v1/refunds", body)
            part = Refund.objects.get().parts.get()
            number = f"{part.refund.business_day:%y%m%d}-R{part.item}"
        answer = terminal.post(refund(1, 1500, original={"receipt": number})).json()
        assert (answer["payment"], answer["discrepancies"]) == (sold["id"], [])
        (found,) = shop.api().get("/v1/orders", receipt=number).json()["data"]
        assert (found["id"], found["refunded"]) == (sold["order"]["id"], 1500 if kind == "payment" else 2000)

    def test_a_receipt_that_nobody_knows_is_told_to_finance(self, terminal: Device, discrepancies: Any) -> None:
        answer = terminal.post(refund(1, 900, original={"receipt": "261120-99"})).json()
        assert (answer["status"], answer["payment"]) == ("recorded", None)
        assert ("unlinked_refund", "open") in discrepancies()

    def test_a_reversal_finds_it_too(self, terminal: Device, shop: Shop) -> None:
        sold = paid(shop)
        given = reversal(1, of=9, amount=2000) | {"original": {"order_reference": "1001"}}
        assert terminal.post(given).json()["payment"] == sold["id"]

    def test_the_own_ticket_of_that_number_is_meant_first(self, terminal: Device, shop: Shop) -> None:
        paid(shop)
        ours = terminal.post(sale(1, 2000, order_reference="1001")).json()
        assert terminal.post(refund(2, 2000, original={"order_reference": "1001"})).json()["payment"] == ours["payment"]
        assert Order.objects.filter(reference="1001").count() == 2

    def test_a_sale_is_never_made_on_another_channels_ticket(self, terminal: Device, shop: Shop) -> None:
        web = paid(shop, order_total=2000)
        answer = terminal.post(sale(1, 2000, order_reference="1001")).json()
        assert answer["discrepancies"] == []
        assert Order.objects.get(payments=answer["payment"]).id != web["order"]["id"]

    @pytest.mark.parametrize(("amount", "currency"), [(2001, "EUR"), (2000, "GBP")])
    def test_another_channels_order_is_meant_only_where_the_money_fits(
        self, terminal: Device, shop: Shop, amount: int, currency: str, discrepancies: Any
    ) -> None:
        """It may be another ticket of that number, which a device has yet to bring: it waits, and finance is told."""
        sold = paid(shop)
        answer = terminal.post(refund(1, amount, currency=currency, original={"order_reference": "1001"})).json()
        assert (answer["status"], answer["payment"], answer["refund"]) == ("recorded", None, None)
        assert discrepancies() == [("unlinked_refund", "open")]
        assert sold["order"]["id"] in Discrepancy.objects.get().detail
        assert fresh(Order.objects.get(id=sold["order"]["id"])).refundable == 2000

    def test_of_several_orders_nobody_guesses(self, terminal: Device, shop: Shop, discrepancies: Any) -> None:
        first, second = paid(shop)["order"]["id"], at_another_shop(shop)
        answer = terminal.post(refund(1, 500, original={"order_reference": "1001"})).json()
        assert (answer["status"], answer["payment"]) == ("recorded", None)
        assert Refund.objects.get(id=answer["refund"]).order.excess == 500
        assert sorted(discrepancies()) == [("over_returned", "open"), ("unlinked_refund", "open")]
        detail = Discrepancy.objects.get(kind="unlinked_refund").detail
        for order_id in (first, second):
            assert order_id in detail
        assert "20.00 EUR" in detail
        assert "waits" not in detail

    def test_of_several_the_only_one_with_so_much_left_is_meant(self, terminal: Device, shop: Shop) -> None:
        sold = paid(shop, 3000)
        at_another_shop(shop)
        answer = terminal.post(refund(1, 2500, original={"order_reference": "1001"})).json()
        assert (answer["payment"], answer["discrepancies"]) == (sold["id"], [])

    def test_two_in_one_batch_share_what_is_there(self, terminal: Device, shop: Shop) -> None:
        """The second finds less: the first one's money is gone when it is looked at."""
        sold = paid(shop)
        rows = [refund(number, 1500, original={"order_reference": "1001"}) for number in (1, 2)]
        first, second = terminal.batch(rows).json()["results"]
        assert (first["payment"], second["payment"]) == (sold["id"], None)
        assert [found["kind"] for found in second["discrepancies"]] == ["unlinked_refund"]
        assert fresh(Order.objects.get(id=sold["order"]["id"])).refundable == 500

    def test_it_answers_the_part_that_waits_for_this_terminal(self, terminal: Device, shop: Shop) -> None:
        """By the order's name alone, of two card payments: what was asked of this terminal is what it did."""
        first, second = (terminal.post(sale(at, 2000, order_reference="A-1")).json() for at in (1, 2))
        api = shop.api(channel=shop.store)
        body = {"payment": first["payment"], "amount": 700, "reason": "x", "terminal": terminal.terminal}
        requested = api.post("/v1/refunds", body).json()
        assert (requested["parts"][0]["route"], requested["parts"][0]["status"]) == ("terminal", "queued")
        answer = terminal.post(refund(3, 700, original={"order_reference": "A-1"})).json()
        assert (answer["refund"], answer["payment"]) == (requested["id"], first["payment"])
        assert api.get(f"/v1/refunds/{requested['id']}").json()["status"] == "succeeded"
        assert api.get(f"/v1/payments/{second['payment']}").json()["amount_refundable"] == 2000
        assert books(shop.merchant)["returns"] == 700

    def test_what_was_asked_of_it_holds_its_amount_already(self, terminal: Device, shop: Shop) -> None:
        """Nothing is left of the webshop's order but what waits for this terminal: that is what it has done."""
        answer = terminal.post(sale(1, 2000, order_reference="1001", namespace=shop.webshop.namespace)).json()
        api = shop.api(channel=shop.store)
        body = {"order_reference": "1001", "reason": "x", "terminal": terminal.terminal}
        requested = api.post("/v1/refunds", body).json()
        assert (requested["amount"], requested["parts"][0]["status"]) == (2000, "queued")
        done = terminal.post(refund(2, 2000, original={"order_reference": "1001"})).json()
        assert (done["refund"], done["payment"], done["discrepancies"]) == (requested["id"], answer["payment"], [])
        assert api.get(f"/v1/refunds/{requested['id']}").json()["status"] == "succeeded"


class TestNamespaces:
    def test_a_sale_may_name_the_webshops_namespace(self, terminal: Device, shop: Shop) -> None:
        web = paid(shop, 1000, order_total=3000)
        answer = terminal.post(sale(1, 2000, order_reference="1001", namespace=shop.webshop.namespace)).json()
        assert (answer["status"], answer["discrepancies"]) == ("recorded", [])
        order = shop.api().get(f"/v1/orders/{web['order']['id']}").json()
        assert (order["paid"], order["due"], len(order["payments"])) == (3000, 0, 2)
        till = shop.api(channel=shop.store)
        body = {"order_reference": "1002", "namespace": shop.webshop.namespace, "amount": 100, "currency": "EUR"}
        made = till.post("/v1/payments", body | {"method": "cash"}).json()
        assert made["order"]["namespace"] == shop.webshop.namespace
        assert made["channel"]["id"] == shop.store.id
        (found,) = till.get("/v1/orders", reference="1002", namespace=shop.webshop.namespace).json()["data"]
        assert found["id"] == made["order"]["id"]

    def test_a_namespace_that_nobody_uses_is_refused(self, terminal: Device, shop: Shop, stranger: Shop) -> None:
        for wrong in ("shop-9", stranger.webshop.namespace):
            members = refusal(terminal.post(sale(1, order_reference="1", namespace=wrong)), 422, "validation_failed")
            assert [(fault["param"], fault["code"]) for fault in members["errors"]] == [("namespace", "not_found")]
            body = {"order_reference": "1", "namespace": wrong, "amount": 100, "currency": "EUR", "method": "cash"}
            members = refusal(shop.api(channel=shop.store).post("/v1/payments", body), 422, "validation_failed")
            assert members["param"] == "namespace"
        assert not Order.objects.filter(reference="1").exists()

    def test_it_stands_beside_a_reference_only(self, terminal: Device, shop: Shop) -> None:
        members = refusal(terminal.post(sale(1, namespace=shop.webshop.namespace)), 422, "validation_failed")
        assert members["errors"][0]["param"] == "namespace"
        body = {"order": paid(shop)["order"]["id"], "namespace": shop.webshop.namespace, "amount": 1, "currency": "EUR"}
        members = refusal(shop.api(channel=shop.store).post("/v1/payments", body), 422, "validation_failed")
        assert (members["param"], members["errors"][0]["code"]) == ("namespace", "not_together")

    def test_a_link_may_name_it_too(self, shop: Shop) -> None:
        sold = paid(shop, 1000, order_total=3000)
        body = {"order_reference": "1001", "namespace": shop.webshop.namespace, "amount": 2000, "currency": "EUR"}
        made = shop.api(channel=shop.store).post("/v1/payment_links", body | {"description": "Rest"}).json()
        assert made["order"]["id"] == sold["order"]["id"]


class TestOverTheApi:
    def test_the_store_gives_back_the_webshops_order_by_its_reference(self, shop: Shop) -> None:
        sold = paid(shop)
        till = shop.api(channel=shop.store)
        body = {"order_reference": "1001", "reason": "x", "route": "cash"}
        plan = till.post("/v1/refunds/plan", body).json()
        assert [(part["payment"], part["amount"]) for part in plan["parts"]] == [(sold["id"], 2000)]
        made = till.post("/v1/refunds", body).json()
        assert (made["order"]["id"], made["channel"]["id"]) == (sold["order"]["id"], shop.store.id)

    def test_too_much_is_told_with_what_is_left(self, shop: Shop) -> None:
        paid(shop)
        body = {"order_reference": "1001", "amount": 2001, "reason": "x", "route": "cash"}
        refused = shop.api(channel=shop.store).post("/v1/refunds", body)
        assert refusal(refused, 422, "amount_exceeds_refundable")["amount_refundable"] == 2000

    def test_of_several_the_order_must_be_named(self, shop: Shop) -> None:
        first, second = paid(shop)["order"]["id"], at_another_shop(shop)
        till = shop.api(channel=shop.store)
        for path in ("/v1/refunds", "/v1/refunds/plan"):
            body = {"order_reference": "1001", "amount": 100, "reason": "x", "route": "cash"}
            members = refusal(till.post(path, body), 422, "order_ambiguous")
            assert members["param"] == "order_reference"
            found = {row["id"]: (row["amount_refundable"], row["currency"]) for row in members["candidates"]}
            assert found == {first: (2000, "EUR"), second: (2000, "EUR")}
        assert till.post("/v1/refunds", {"order": second, "reason": "x", "route": "cash"}).status_code == 201
        assert till.post("/v1/refunds", body).json()["order"]["id"] == first  # the only one with so much left

    def test_a_reference_that_nobody_has(self, shop: Shop, stranger: Shop) -> None:
        paid(stranger)
        body = {"order_reference": "1001", "reason": "x", "route": "cash"}
        members = refusal(shop.api(channel=shop.store).post("/v1/refunds", body), 422, "validation_failed")
        assert members["errors"][0] | {"detail": ""} == {"param": "order_reference", "code": "not_found", "detail": ""}


def at_another_shop(shop: Shop) -> str:
    """An order of the same reference at a second webshop of the merchant, 20.00 paid; its id."""
    second = create_setup.create_channel(merchant=shop.merchant, kind="online", name="Bloem B2B", actor="tests")
    return str(paid(Shop(shop.merchant, second, shop.store))["order"]["id"])


@pytest.mark.django_db(transaction=True)
def test_fifty_at_once_through_both_doors() -> None:
    """40.00 was paid in the webshop; the device reports 25 refunds by its reference while the webshop asks for 25."""
    shop = open_cast()
    order = shop.pay(4000, method="voucher", voucher_code=shop.voucher(4000).code).order

    def either(number: int) -> Any:
        if number % 2:
            return shop.refund(order, 150, route="bank", bank_account=ANNA)
        about = Original(order_reference=order.reference)
        return at_terminal(shop, number, about)

    answers = crowd(50, either, width=20)
    refusals = [row for row in answers if isinstance(row, Invalid)]
    assert {row.code for row in refusals} <= {"amount_exceeds_refundable"}
    after = fresh(order)
    assert isinstance(after, Order)
    assert (after.refunded + after.refund_reserved, after.excess) == (150 * (4000 // 150), 0)
    waiting = [row for row in answers if not isinstance(row, Invalid | Refund) and row.refund_id is None]
    assert len(refusals) + len(waiting) == 50 - 4000 // 150
    assert Discrepancy.objects.filter(kind="unlinked_refund", status="open").count() == len(waiting)
    assert list(audit.check()) == []


def at_terminal(shop: Cast, number: int, about: Original) -> Any:
    """A device of its own reports one refund."""
    device = replace(shop.terminal, terminal_id=new_id("trm"))
    return Cast(shop.merchant, shop.webshop, shop.store, device).at_terminal(Kind.REFUND, 150, original=about)


def test_another_merchants_order_of_that_name_is_nothing(terminal: Device, stranger: Shop) -> None:
    paid(stranger)
    answer = terminal.post(refund(1, 2000, original={"order_reference": "1001"})).json()
    assert answer["payment"] is None
    assert Order.objects.get(merchant=stranger.merchant).refundable == 2000

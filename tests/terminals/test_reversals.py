"""A sale that the device takes back before it is settled counts as no sale."""

from typing import Any

import pytest

from payments.models import Payment, RefundPart, StatisticDelta
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, refund, reversal, sale

pytestmark = pytest.mark.django_db


def test_a_reversed_sale_is_reversed_and_books_nothing(terminal: Device, shop: Shop) -> None:
    sold = terminal.post(sale(1, 1250, tip=100)).json()
    answer = terminal.post(reversal(2, of=1)).json()
    assert (answer["payment"], answer["refund"], answer["discrepancies"]) == (sold["payment"], None, [])
    payment = Payment.objects.get(id=sold["payment"])
    assert (payment.status, payment.amount_captured, payment.order.captured) == ("reversed", 0, 0)
    assert books(shop.merchant) == {}
    assert sum(StatisticDelta.objects.values_list("sales_count", flat=True)) == 0
    assert sum(StatisticDelta.objects.values_list("sales_amount", flat=True)) == 0


def test_a_sale_and_its_reversal_may_come_in_one_batch(terminal: Device, shop: Shop) -> None:
    results = terminal.post(reversal(2, of=1), sale(1)).json()["results"]
    assert [result["status"] for result in results] == ["recorded", "recorded"]
    assert results[0]["payment"] == results[1]["payment"]
    assert Payment.objects.get().status == "reversed"
    assert books(shop.merchant) == {}


def test_an_offline_sale_can_be_reversed(terminal: Device, shop: Shop) -> None:
    terminal.post(sale(1, offline=True))
    terminal.post(reversal(2, of=1))
    assert Payment.objects.get().provisional is False
    assert books(shop.merchant) == {}


def test_a_reversal_before_its_sale_waits_for_it(terminal: Device, shop: Shop) -> None:
    early = terminal.post(reversal(2, of=1)).json()
    assert (early["status"], early["payment"]) == ("recorded", None)
    terminal.post(sale(1))
    assert Payment.objects.get().status == "reversed"
    assert books(shop.merchant) == {}


def test_reversing_twice_books_once_and_tells_finance(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    terminal.post(sale(1))
    terminal.post(reversal(2, of=1))
    assert terminal.post(reversal(3, of=1)).status_code == 201
    assert discrepancies() == [("duplicate", "open")]
    assert books(shop.merchant) == {}


def test_reversed_for_another_amount_it_is_a_refund_of_that_amount(
    terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    terminal.post(sale(1, 1250))
    answer = terminal.post(reversal(2, of=1, amount=1000)).json()
    assert answer["refund"] is not None
    assert discrepancies() == [("amount_differs", "open")]
    assert books(shop.merchant) == {"receivable": 250, "takings": -1250, "returns": 1000}


def test_a_sale_refunded_and_then_reversed_gave_back_too_much(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(1, 1250))
    terminal.post(refund(2, 400, original={"sequence": 1}))
    assert terminal.post(reversal(3, of=1)).status_code == 201
    assert discrepancies() == [("over_returned", "open")]


def test_a_declined_sale_may_be_reversed_to_be_sure(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    terminal.post(sale(1, outcome="declined"))
    assert terminal.post(reversal(2, of=1)).status_code == 201
    assert (Payment.objects.get().status, books(shop.merchant), discrepancies()) == ("declined", {}, [])


def test_a_refund_can_be_taken_back(terminal: Device, shop: Shop) -> None:
    terminal.post(sale(1, 1250))
    given = terminal.post(refund(2, 400, original={"sequence": 1})).json()
    answer = terminal.post(reversal(3, of=2, amount=400)).json()
    assert answer["refund"] == given["refund"]
    assert RefundPart.objects.get().status == "failed"
    assert Payment.objects.get().amount_refunded == 0
    # The customer brought the goods back and got nothing: the shop owes it.
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250, "returns": 400, "refunds_payable": -400}

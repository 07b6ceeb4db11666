"""A PIN sale is a payment like any other, from the moment the device posts it."""

from typing import Any

import pytest

from payments.models import CardEvidence, Order, Payment
from tests.api.client import Api
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db


def test_a_sale_is_a_captured_payment_in_the_store(terminal: Device, back_office: Api, shop: Shop) -> None:
    answer = terminal.post(sale(1, 1250, operator="Sanne"))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["sequence"], body["status"], body["refund"], body["discrepancies"], body["error"]) == (
        1, "recorded", None, [], None,
    )  # fmt: skip
    assert (body["missing_sequences"], body["next_sequence"]) == ([], 2)
    payment = Payment.objects.get(id=body["payment"])
    assert (payment.status, payment.amount_captured, payment.origin, payment.method) == (
        "captured", 1250, "in_store", "card",
    )  # fmt: skip
    assert (payment.card_brand, payment.card_last4, payment.terminal_id) == ("maestro", "1234", terminal.terminal)
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_tip_and_cashback_are_parts_of_the_amount(terminal: Device, shop: Shop) -> None:
    assert terminal.post(sale(1, 5000, tip=500, cashback=2000)).status_code == 201
    assert books(shop.merchant) == {"receivable": 5000, "takings": -2500, "tips": -500, "till": -2000}


def test_an_offline_sale_is_provisional(terminal: Device, shop: Shop) -> None:
    answer = terminal.post(sale(1, offline=True)).json()
    assert Payment.objects.get(id=answer["payment"]).provisional
    assert books(shop.merchant) == {"provisional": 1250, "takings": -1250}


def test_a_decline_is_a_declined_payment_and_books_nothing(terminal: Device, shop: Shop) -> None:
    answer = terminal.post(sale(1, outcome="declined", decline_code="insufficient_funds")).json()
    payment = Payment.objects.get(id=answer["payment"])
    assert (payment.status, payment.failure_code, payment.amount_captured) == ("declined", "insufficient_funds", 0)
    assert books(shop.merchant) == {}


def test_a_sale_pays_the_order_it_names(terminal: Device, other_terminal: Device) -> None:
    first = terminal.post(sale(1, 1000, order_reference="A-1001")).json()
    second = other_terminal.post(sale(1, 500, order_reference="A-1001")).json()
    order = Order.objects.get(reference="A-1001")
    assert {first["payment"], second["payment"]} == set(order.payments.values_list("id", flat=True))
    assert order.captured == 1500


def test_a_sale_pays_the_order_of_another_channel_by_its_id(terminal: Device, shop: Shop) -> None:
    order = Order.objects.create(
        merchant=shop.merchant, channel=shop.webshop, namespace=shop.webshop.namespace, reference="W-1", currency="EUR"
    )
    assert terminal.post(sale(1, order=order.id)).status_code == 201
    order.refresh_from_db()
    assert order.captured == 1250


def test_a_sale_in_another_currency_than_its_order_is_booked_beside_it(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(1, order_reference="A-1"))
    answer = terminal.post(sale(2, order_reference="A-1", currency="GBP")).json()
    assert answer["status"] == "recorded"
    assert [found["kind"] for found in answer["discrepancies"]] == ["currency_differs"]
    assert Payment.objects.get(id=answer["payment"]).order.reference is None
    assert discrepancies() == [("currency_differs", "open")]


def test_a_second_payment_of_the_same_is_booked_and_told_to_finance(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(1, order_reference="A-1"))
    answer = terminal.post(sale(2, order_reference="A-1")).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["overpaid"]
    assert discrepancies() == [("overpaid", "open")]


def test_what_the_device_can_prove_is_kept(terminal: Device) -> None:
    emv = {"aid": "A0000000043060", "label": "Maestro", "tvr": "0000008000", "cryptogram": "0123456789ABCDEF"}
    answer = terminal.post(
        sale(7, emv=emv, stan="000123", acquirer_tid="T1234567", acquirer_mid="123456789012345")
    ).json()
    evidence = CardEvidence.objects.get(terminal_id=terminal.terminal, series=1, sequence=7)
    assert evidence.payment_id == answer["payment"]
    assert (evidence.rrn, evidence.stan, evidence.acquirer_tid) == ("000000000007", "000123", "T1234567")
    assert evidence.posted["emv"]["tvr"] == "0000008000"


def test_the_payment_and_the_device_are_told_as_events(terminal: Device, back_office: Api) -> None:
    terminal.post(sale(1))
    events = {event["type"]: event["data"]["object"] for event in back_office.get("/v1/events").json()["data"]}
    assert {"payment.captured", "terminal.transaction_recorded"} <= events.keys()
    assert events["terminal.transaction_recorded"]["transaction"]["sequence"] == 1

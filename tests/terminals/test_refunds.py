"""Money that goes back to a card at the counter is bound to its sale, wherever that was made."""

from typing import Any

import pytest

from payments.models import CardEvidence, Order, Payment, Refund
from terminals.models import TerminalTransaction
from terminals.services import deferred
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, refund, sale

pytestmark = pytest.mark.django_db


def test_a_refund_is_bound_to_its_sale_by_sequence(terminal: Device, shop: Shop) -> None:
    sold = terminal.post(sale(1, 1250)).json()
    answer = terminal.post(refund(2, 450, original={"sequence": 1}, operator="Sanne", reason="Too small")).json()
    assert (answer["status"], answer["payment"], answer["discrepancies"]) == ("recorded", sold["payment"], [])
    payment, given = Payment.objects.get(id=sold["payment"]), Refund.objects.get(id=answer["refund"])
    assert (payment.amount_refunded, payment.order.refundable) == (450, 800)
    assert (given.status, given.reported, given.operator, given.reason) == ("succeeded", True, "Sanne", "Too small")
    assert books(shop.merchant) == {"receivable": 800, "takings": -1250, "returns": 450}


def test_a_refund_is_bound_to_a_sale_of_another_terminal_by_its_payment(
    terminal: Device, other_terminal: Device
) -> None:
    sold = other_terminal.post(sale(1)).json()
    answer = terminal.post(refund(1, original={"payment": sold["payment"]})).json()
    assert (answer["payment"], answer["discrepancies"]) == (sold["payment"], [])


@pytest.mark.parametrize("name", ["order_reference", "order"])
def test_a_refund_on_an_order_goes_to_the_payment_by_the_same_card(terminal: Device, name: str) -> None:
    anna = terminal.post(sale(1, 1000, order_reference="A-1")).json()
    bob = {"brand": "visa", "last4": "9999", "fingerprint": "fp_bob"}
    terminal.post(sale(2, 2000, order_reference="A-1", card=bob))
    order = Order.objects.get(reference="A-1")
    about = order.reference if name == "order_reference" else order.id
    answer = terminal.post(refund(3, 500, original={name: about})).json()
    assert answer["payment"] == anna["payment"]


def test_a_refund_without_a_sale_is_booked_and_told_to_finance(terminal: Device, shop: Shop) -> None:
    answer = terminal.post(refund(1, 900))
    assert answer.status_code == 201
    body = answer.json()
    assert body["payment"] is None
    assert {found["kind"] for found in body["discrepancies"]} == {"unlinked_refund", "over_returned"}
    assert Refund.objects.get(id=body["refund"]).order.excess == 900
    assert books(shop.merchant) == {"receivable": -900, "returns": 900}


def test_more_than_was_paid_is_booked_and_told_to_finance(terminal: Device, discrepancies: Any) -> None:
    terminal.post(sale(1, 1000))
    answer = terminal.post(refund(2, 1500, original={"sequence": 1})).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["over_returned"]
    assert discrepancies() == [("over_returned", "open")]


def test_a_refund_in_another_currency_is_bound_to_nothing(terminal: Device) -> None:
    terminal.post(sale(1, 1000))
    answer = terminal.post(refund(2, 1000, original={"sequence": 1}, currency="GBP")).json()
    assert answer["payment"] is None
    assert "unlinked_refund" in {found["kind"] for found in answer["discrepancies"]}


def test_a_declined_refund_moves_nothing(terminal: Device, shop: Shop) -> None:
    sold = terminal.post(sale(1, 1000)).json()
    answer = terminal.post(refund(2, 1000, original={"sequence": 1}, outcome="declined")).json()
    assert (answer["status"], answer["payment"], answer["refund"]) == ("recorded", sold["payment"], None)
    assert CardEvidence.objects.get(sequence=2).payment_id == sold["payment"]
    assert books(shop.merchant) == {"receivable": 1000, "takings": -1000}


def test_a_refund_before_its_sale_waits_for_it(terminal: Device, shop: Shop) -> None:
    early = terminal.post(refund(2, 450, original={"sequence": 1})).json()
    assert (early["status"], early["payment"], early["refund"], early["discrepancies"]) == ("recorded", None, None, [])
    assert early["missing_sequences"] == [[1, 1]]
    assert books(shop.merchant) == {}
    sold = terminal.post(sale(1, 1250)).json()
    again = terminal.post(refund(2, 450, original={"sequence": 1})).json()
    assert (again["status"], again["payment"]) == ("duplicate", sold["payment"])
    assert Refund.objects.get(id=again["refund"]).amount == 450
    assert CardEvidence.objects.get(sequence=2).payment_id == sold["payment"]
    assert books(shop.merchant) == {"receivable": 800, "takings": -1250, "returns": 450}


def test_a_refund_waits_for_a_sale_of_another_terminal(
    terminal: Device, other_terminal: Device, discrepancies: Any
) -> None:
    early = terminal.post(refund(1, 450, original={"order_reference": "A-1"})).json()
    assert [found["kind"] for found in early["discrepancies"]] == ["unlinked_refund"]
    sold = other_terminal.post(sale(1, 1250, order_reference="A-1")).json()
    assert deferred.sweep() == 1
    assert Payment.objects.get(id=sold["payment"]).amount_refunded == 450
    assert discrepancies() == [("unlinked_refund", "resolved")]
    assert deferred.sweep() == 0


def test_a_refund_whose_sale_nobody_brings_is_booked_in_the_end(terminal: Device, discrepancies: Any) -> None:
    terminal.post(refund(1, 450, original={"order_reference": "A-1"}))
    TerminalTransaction.objects.update(recorded_at="2026-11-01T00:00:00Z")
    assert deferred.sweep() == 1
    assert Refund.objects.get().amount == 450
    assert sorted(discrepancies()) == [
        ("over_returned", "open"),
        ("unlinked_refund", "open"),
        ("unlinked_refund", "resolved"),
    ]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"original": {"payment": "pay_0123456789abcdefghjkmnpqrs"}}, "original.payment"),
        ({"original": {"order": "ord_nothing"}}, "original.order"),
        ({"order": "4111111111111111"}, "order"),
    ],
)
def test_an_id_that_names_nothing_is_refused(terminal: Device, given: dict[str, Any], param: str) -> None:
    answer = terminal.post(refund(1, **given))
    members = refusal(answer, 422, "validation_failed")
    assert members["errors"] == [{"param": param, "code": "not_found", "detail": members["errors"][0]["detail"]}]
    assert (members["sequence"], members["missing_sequences"], members["next_sequence"]) == (1, [[1, 1]], 2)
    assert "4111111111111111" not in answer.content.decode()
    assert terminal.post(refund(1)).status_code == 201


def test_another_merchants_payment_is_not_found(terminal: Device, stranger: Shop) -> None:
    theirs = Api(stranger.api(channel=stranger.store).key)
    from tests.terminals.conftest import paired

    sold = paired(theirs).post(sale(1)).json()
    refusal(terminal.post(refund(1, original={"payment": sold["payment"]})), 422, "validation_failed")

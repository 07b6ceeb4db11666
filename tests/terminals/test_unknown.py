"""What a device does not know is not booked; a later word of it settles that."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment, Refund
from terminals.models import TerminalTransaction
from terminals.services import deferred
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, refund, reversal, sale

pytestmark = pytest.mark.django_db


def test_a_sale_of_unknown_outcome_stands_in_finances_view(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    answer = terminal.post(sale(1, outcome="unknown")).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["outcome_unknown"]
    assert Payment.objects.get(id=answer["payment"]).status == "unknown"
    assert (books(shop.merchant), discrepancies()) == ({}, [("outcome_unknown", "open")])


@pytest.mark.parametrize(
    ("outcome", "status", "booked"),
    [("approved", "captured", {"receivable": 1250, "takings": -1250}), ("declined", "declined", {})],
)
def test_a_later_word_settles_it(
    terminal: Device, shop: Shop, discrepancies: Any, outcome: str, status: str, booked: dict[str, int]
) -> None:
    first = terminal.post(sale(1, outcome="unknown")).json()
    answer = terminal.post(sale(2, outcome=outcome, resolves=1)).json()
    assert (answer["payment"], answer["discrepancies"]) == (first["payment"], [])
    assert (Payment.objects.get().status, books(shop.merchant)) == (status, booked)
    assert discrepancies() == [("outcome_unknown", "resolved")]


def test_the_later_word_may_come_first(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    terminal.post(sale(2, resolves=1))
    assert books(shop.merchant) == {}
    terminal.post(sale(1, outcome="unknown"))
    assert Payment.objects.get().status == "captured"
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_it_may_be_approved_for_another_amount(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    terminal.post(sale(1, 1250, outcome="unknown"))
    answer = terminal.post(sale(2, 1000, resolves=1)).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["amount_differs"]
    assert books(shop.merchant) == {"receivable": 1000, "takings": -1000}


def test_a_word_against_what_is_known_changes_nothing_and_is_told(
    terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    terminal.post(sale(1))
    answer = terminal.post(sale(2, outcome="declined", resolves=1)).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["sequence_conflict"]
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_a_charge_called_declined_that_was_made_after_all_is_booked(
    terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    first = terminal.post(sale(1, outcome="declined")).json()
    answer = terminal.post(sale(2, resolves=1)).json()
    assert answer["payment"] == first["payment"]
    assert [found["kind"] for found in answer["discrepancies"]] == ["sequence_conflict"]
    assert (Payment.objects.get().status, Payment.objects.get().failure_code) == ("captured", "")
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}
    terminal.post(sale(3, resolves=1))
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_a_later_word_of_a_reversed_charge_does_not_bring_it_back(terminal: Device, shop: Shop) -> None:
    terminal.post(sale(1, outcome="unknown"))
    terminal.post(reversal(2, of=1))
    terminal.post(sale(3, resolves=1, occurred_at="2099-01-01T00:00:00Z"))
    assert (Payment.objects.get().status, books(shop.merchant)) == ("declined", {})


def test_another_amount_for_what_is_known_is_told(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    terminal.post(sale(1, 1250))
    answer = terminal.post(sale(2, 1300, resolves=1)).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["amount_differs"]
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_a_later_word_of_what_never_came_stands_for_itself_after_two_days(terminal: Device, shop: Shop) -> None:
    terminal.post(sale(2, resolves=1))
    assert (deferred.sweep(), books(shop.merchant)) == (0, {})
    TerminalTransaction.objects.update(recorded_at=timezone.now() - deferred.PATIENCE)
    assert (deferred.sweep(), books(shop.merchant)) == (1, {"receivable": 1250, "takings": -1250})


def test_a_sale_in_doubt_that_is_reversed_was_none(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    terminal.post(sale(1, outcome="unknown"))
    terminal.post(reversal(2, of=1))
    assert (Payment.objects.get().status, books(shop.merchant)) == ("declined", {})
    assert discrepancies() == [("outcome_unknown", "resolved")]


def test_a_refund_in_doubt_is_booked_once_it_is_known(terminal: Device, shop: Shop, discrepancies: Any) -> None:
    sold = terminal.post(sale(1)).json()
    doubt = terminal.post(refund(2, original={"sequence": 1}, outcome="unknown")).json()
    assert (doubt["payment"], doubt["refund"]) == (sold["payment"], None)
    assert discrepancies() == [("outcome_unknown", "open")]
    answer = terminal.post(refund(3, resolves=2)).json()
    assert answer["payment"] == sold["payment"]
    assert Refund.objects.get().id == answer["refund"]
    assert discrepancies() == [("outcome_unknown", "resolved")]
    assert books(shop.merchant) == {"takings": -1250, "returns": 1250}
    again = terminal.post(refund(4, resolves=2)).json()
    assert (again["status"], Refund.objects.count()) == ("recorded", 1)


def test_a_reversal_in_doubt_is_made_once_it_is_known(terminal: Device, shop: Shop) -> None:
    terminal.post(sale(1))
    terminal.post(reversal(2, of=1, outcome="unknown"))
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}
    terminal.post(sale(3, type="reversal", resolves=2))
    assert (Payment.objects.get().status, books(shop.merchant)) == ("reversed", {})


def test_another_charge_beside_it_needs_a_person(terminal: Device, shop: Shop) -> None:
    terminal.post(sale(1, outcome="unknown", order_reference="A-1"))
    answer = shop.api(channel=shop.store).post(
        "/v1/payments", {"order_reference": "A-1", "amount": 1250, "currency": "EUR", "method": "card"}
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "outcome_unknown")


def test_an_order_in_doubt_shows_it_with_its_age(terminal: Device, shop: Shop) -> None:
    answer = terminal.post(sale(1, outcome="unknown", order_reference="A-1")).json()
    Payment.objects.update(created_at=timezone.now() - timedelta(hours=2))
    api = shop.api(channel=shop.store)
    (order,) = api.get("/v1/orders", reference="A-1").json()["data"]
    doubt = order["outcome_unknown"]
    assert (doubt["payment"], doubt["amount"], 7200 <= doubt["age_seconds"] < 7300) == (answer["payment"], 1250, True)
    terminal.post(sale(2, resolves=1))
    (order,) = api.get("/v1/orders", reference="A-1").json()["data"]
    assert order["outcome_unknown"] is None

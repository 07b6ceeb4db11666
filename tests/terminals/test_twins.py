"""One tap that is recorded twice: told to finance by the acquirer's own numbers, and never of mere look-alikes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from payments.models import Discrepancy, Payment
from tests.api.client import Api
from tests.terminals.conftest import paired
from tests.terminals.device import Device, refund, sale

pytestmark = pytest.mark.django_db

Look = Callable[[], list[tuple[str, str]]]
TAP: dict[str, Any] = {
    "rrn": "632810000007",
    "stan": "000007",
    "acquirer_tid": "12345601",
    "authorization_code": "C0FFE1",
}


def pair_again(back_office: Api, device: Device) -> None:
    made = back_office.post(f"/v1/terminals/{device.terminal}/unpair", {}).json()
    answer = Api().post("/v1/terminals/pair", {"pairing_code": made["pairing_code"]})
    device.secret = answer.json()["secret"]


def test_a_device_that_lost_its_memory_sends_its_day_again(
    back_office: Api, terminal: Device, discrepancies: Look
) -> None:
    terminal.post(sale(1, 1250, **TAP))
    pair_again(back_office, terminal)
    answer = terminal.post(sale(1, 1250, **TAP, order_reference="again")).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["duplicate"]
    assert discrepancies() == [("duplicate", "open")]
    discrepancy = Discrepancy.objects.get()
    assert discrepancy.payment_id == answer["payment"] and discrepancy.amount == 1250
    assert Payment.objects.filter(status="captured").count() == 2  # a fact is booked whatever it looks like


def test_two_sequences_two_terminals_and_one_batch(
    terminal: Device, other_terminal: Device, discrepancies: Look
) -> None:
    terminal.post(sale(1, 1250, **TAP))
    terminal.post(sale(2, 1250, **TAP, occurred_at="2026-11-20T09:31:00Z"))  # driven, and posted as well
    other_terminal.post(sale(1, 1250, **TAP))  # the same acquirer's terminal behind another of ours
    assert discrepancies() == [("duplicate", "open")] * 2
    batch = {"stan": "000100", "authorization_code": "AA11", "rrn": None, "acquirer_tid": "12345601"}
    sales = [{name: value for name, value in sale(at, 700, **batch).items() if value} for at in (3, 4)]
    terminal.post(*sales)
    assert discrepancies() == [("duplicate", "open")] * 3
    terminal.post({**sales[0], "sequence": 5})  # by its STAN and code, without an RRN
    assert discrepancies() == [("duplicate", "open")] * 4


def test_a_retourpin_is_recorded_twice(terminal: Device, discrepancies: Look) -> None:
    terminal.post(sale(1, 5000, rrn="1"))
    back = {"original": {"sequence": 1}, "rrn": "632810000008"}
    terminal.post(refund(2, 500, **back), refund(3, 500, **back))
    assert discrepancies() == [("duplicate", "open")]


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 1300},
        {"acquirer_tid": "12345602"},
        {"occurred_at": "2026-11-21T09:30:00Z"},  # RRNs come round again
        {"rrn": "632810000008"},
        {"card": {"brand": "maestro", "last4": "9999"}},
        {"card": {"brand": "maestro", "last4": "1234", "fingerprint": "fp_bob"}},
        {"outcome": "declined"},
    ],
)
def test_look_alikes_are_no_twins(terminal: Device, discrepancies: Look, other: dict[str, Any]) -> None:
    terminal.post(sale(1, **{"amount": 1250, **TAP}))
    terminal.post(sale(2, **{"amount": 1250, **TAP, **other}))
    assert discrepancies() == []


def test_two_tills_at_the_same_number(terminal: Device, other_terminal: Device, discrepancies: Look) -> None:
    """Two terminals that were started in the same week are at the same number within one hour."""
    terminal.post(sale(1, 1250, **TAP))
    other_terminal.post(sale(1, 1250, **{**TAP, "acquirer_tid": "12345602"}))
    unnamed = {name: value for name, value in TAP.items() if name != "acquirer_tid"}
    terminal.post(sale(2, 900, **unnamed))
    other_terminal.post(sale(2, 900, **unnamed))
    assert discrepancies() == []


def test_a_later_word_about_a_tap_is_no_second_one(terminal: Device, discrepancies: Look) -> None:
    terminal.post(sale(1, 1250, **TAP, outcome="unknown"))
    terminal.post(sale(2, 1250, **TAP, resolves=1))
    terminal.post(sale(3, 1250, **TAP, resolves=2))
    assert [kind for kind, status in discrepancies() if status == "open"] == []


def test_looking_for_twins_is_one_round_trip(back_office: Api) -> None:
    def cost(numbered: bool) -> int:
        device = paired(back_office)
        device.post(sale(1))
        sales = [sale(at, 1000 + at) for at in range(2, 102)]
        if not numbered:
            sales = [{name: value for name, value in each.items() if name != "rrn"} for each in sales]
        with CaptureQueriesContext(connection) as captured:
            device.batch(sales)
        return len(captured)

    assert cost(numbered=True) == cost(numbered=False) + 1

"""The simulator refuses what a real provider refuses, and moves nothing then."""

import socket
from dataclasses import replace
from typing import Any

import pytest

from payments.providers.base import Outcome, Result, Verb
from payments.providers.simulator.provider import Simulator
from tests.contracts.conftest import Account
from tests.contracts.stages import STAGES, call, credentials
from tests.simulator import RunningSimulator


def refused(result: Result) -> str | None:
    assert result.outcome is Outcome.DECLINED
    assert result.detail
    return result.code


def test_a_refund_beyond_the_charge(account: Account) -> None:
    payment = account.paid(12_50)
    assert refused(account.ask(Verb.REFUND, 12_51, payment_reference=payment)) == "amount_exceeds_refundable"
    assert account.ask(Verb.REFUND, 8_00, payment_reference=payment).outcome is Outcome.SUCCEEDED
    assert refused(account.ask(Verb.REFUND, 4_60, payment_reference=payment)) == "amount_exceeds_refundable"
    assert account.effects() == [("sale", 12_50), ("refund", 8_00)]


def test_a_second_refund_while_a_pending_one_holds_the_rest(account: Account) -> None:
    payment = account.paid(15_00)
    assert account.ask(Verb.REFUND, 10_10, payment_reference=payment).outcome is Outcome.PENDING
    assert refused(account.ask(Verb.REFUND, 5_00, payment_reference=payment)) == "amount_exceeds_refundable"


def test_a_refund_of_what_is_not_captured(account: Account) -> None:
    held = account.ask(Verb.AUTHORIZE, 20_00).payment_reference
    assert refused(account.ask(Verb.REFUND, 20_00, payment_reference=held)) == "payment_not_captured"


def test_a_second_capture_and_one_beyond_what_is_held(account: Account) -> None:
    held = account.ask(Verb.AUTHORIZE, 20_00).payment_reference
    assert refused(account.ask(Verb.CAPTURE, 20_50, payment_reference=held)) == "amount_exceeds_capturable"
    assert account.ask(Verb.CAPTURE, 20_00, payment_reference=held).outcome is Outcome.SUCCEEDED
    assert refused(account.ask(Verb.CAPTURE, 20_00, payment_reference=held)) == "nothing_to_capture"
    assert account.effects() == [("authorize", 20_00), ("capture", 20_00)]


def test_a_capture_of_a_sale(account: Account) -> None:
    payment = account.paid(20_00)
    assert refused(account.ask(Verb.CAPTURE, 20_00, payment_reference=payment)) == "nothing_to_capture"


def test_partial_captures_until_the_final_one_releases_the_rest(account: Account) -> None:
    held = account.ask(Verb.AUTHORIZE, 20_00).payment_reference
    account.ask(Verb.CAPTURE, 5_00, payment_reference=held, final=False)
    account.ask(Verb.CAPTURE, 8_00, payment_reference=held, final=True)
    assert refused(account.ask(Verb.CAPTURE, 1_00, payment_reference=held)) == "nothing_to_capture"
    assert refused(account.ask(Verb.CANCEL, 7_00, payment_reference=held)) == "nothing_to_cancel"
    assert account.effects() == [("authorize", 20_00), ("capture", 5_00), ("capture", 8_00), ("release", 7_00)]


def test_cancel_releases_what_is_left_whatever_is_asked(account: Account) -> None:
    held = account.ask(Verb.AUTHORIZE, 20_00).payment_reference
    account.ask(Verb.CAPTURE, 5_00, payment_reference=held, final=False)
    canceled = account.ask(Verb.CANCEL, 20_00, payment_reference=held)
    assert canceled.amount is not None
    assert canceled.amount.amount == 15_00
    assert refused(account.ask(Verb.CANCEL, 20_00, payment_reference=held)) == "nothing_to_cancel"
    assert account.effects()[-1] == ("cancel", 15_00)


@pytest.mark.parametrize("verb", [Verb.CAPTURE, Verb.CANCEL, Verb.REFUND])
def test_a_payment_that_does_not_exist_or_is_another_accounts(account: Account, verb: Verb) -> None:
    assert refused(account.ask(verb, 1_00, payment_reference="sim_pay_nothing")) == "payment_unknown"
    assert refused(account.ask(verb, 1_00, payment_reference=None)) == "payment_unknown"
    payment = account.paid()
    stranger = replace(account, credentials=credentials("simulator", account.provider.new_secrets()))
    assert refused(stranger.ask(verb, 1_00, payment_reference=payment)) == "payment_unknown"


def test_another_currency_than_the_payments(account: Account) -> None:
    payment = account.paid(12_50)
    assert refused(account.ask(Verb.REFUND, 12_50, currency="USD", payment_reference=payment)) == "currency_mismatch"


def test_unknown_currency_method_and_amount(account: Account) -> None:
    assert refused(account.ask(Verb.SALE, 12_50, method="cash")) == "method_not_supported"
    assert refused(account.ask(Verb.AUTHORIZE, 12_50, method="ideal")) == "manual_capture_not_supported"
    assert refused(account.ask(Verb.SALE, 0)) == "amount_invalid"
    assert refused(account.ask(Verb.SALE, -12_50)) == "amount_invalid"
    assert account.effects() == []


@pytest.mark.parametrize("change", [{"method": "ideal"}, {"payment_id": "pay_other"}, {"final": False}])
def test_an_operation_id_used_for_something_else_says_nothing_of_the_first(
    account: Account, change: dict[str, Any]
) -> None:
    request = call(STAGES["simulator"])
    first = account.provider.execute(request, account.credentials)
    second = account.provider.execute(replace(request, **change), account.credentials)
    assert (second.outcome, second.code) == (Outcome.UNKNOWN, "idempotency_mismatch")
    assert account.provider.fetch(request, account.credentials) == first
    assert account.effects() == [("sale", 12_50)]


def test_an_operation_of_another_account_is_not_told(account: Account) -> None:
    request = call(STAGES["simulator"])
    account.provider.execute(request, account.credentials)
    stranger = credentials("simulator", Simulator().new_secrets())
    assert account.provider.fetch(request, stranger).outcome is Outcome.NOT_SENT


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/operations", b"{", 400),
        ("POST", "/v1/operations", b"\xff", 400),
        ("POST", "/v1/operations", b"[]", 422),
        ("POST", "/v1/operations", b'{"id": "op_1"}', 422),
        ("POST", "/faults", b'{"rate": 2}', 422),
        ("POST", "/faults", b'{"kinds": ["boredom"]}', 422),
        ("POST", "/settlements", b'{"account": "pac_nobody"}', 409),
        ("POST", "/acquirer/transactions", b'{"account": "a", "type": "sale", "amount": 1, "currency": "EUR"}', 422),
        ("POST", "/statements", b'{"iban": "NL02ABNA0123456789", "date": "2026-11-22", "payouts": ["X"]}', 404),
        ("POST", "/dashboard/refunds", b'{"payment_reference": "sim_pay_nothing"}', 404),
        ("POST", "/dashboard/chargebacks/sim_cbk_nothing", b'{"outcome": "won"}', 404),
        ("GET", "/settlements/nothing.csv", b"", 404),
        ("GET", "/pay/nothing", b"", 404),
        ("GET", "/effects?after=x", b"", 422),
        ("GET", "/nowhere", b"", 404),
        ("GET", "/faults/", b"", 404),
        ("GET", "/v1/operations", b"", 405),
    ],
)
def test_nonsense_is_told_apart(simulator: RunningSimulator, method: str, path: str, body: bytes, status: int) -> None:
    response = simulator.http.request(method, path, content=body)
    assert response.status_code == status
    assert set(response.json()) == {"code", "detail"}


def test_an_idempotency_key_that_is_not_the_operations_id(simulator: RunningSimulator) -> None:
    body = {"id": "op_1", "account": "pac_1", "verb": "sale", "amount": 1, "currency": "EUR", "payment_id": "pay_1"}
    response = simulator.http.post("/v1/operations", json=body, headers={"idempotency-key": "op_2"})
    assert (response.status_code, response.json()["code"]) == (422, "idempotency_key_differs")


def test_a_body_beyond_all_measure_is_refused_unread(simulator: RunningSimulator) -> None:
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as connection:
        connection.sendall(b"POST /v1/operations HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n")
        assert b" 413 " in connection.recv(100)

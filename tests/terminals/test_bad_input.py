"""A device's mistakes: told clearly, changing nothing; card numbers in its reports are masked, never refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from payments.models import CardEvidence, Order, Payment
from payments.people.models import AuditLog
from terminals.models import SequenceConflict, Terminal
from tests.api.client import faults, refusal
from tests.terminals.device import Device, refund, sale

pytestmark = pytest.mark.django_db
PAN = "4111111111111111"
SUITE = Path(__file__).parents[3] / "shared" / "samples" / "lists" / "jsontestsuite"


@pytest.mark.parametrize(
    ("given", "param", "code"),
    [
        ({"sequence": 0}, "sequence", "sequence_out_of_range"),
        ({"sequence": 2**53}, "sequence", "sequence_out_of_range"),
        ({"sequence": "1"}, "sequence", "invalid_type"),
        ({"amount": 0}, "amount", "out_of_range"),
        ({"amount": -1}, "amount", "out_of_range"),
        ({"amount": 12.5}, "amount", "invalid_type"),
        ({"amount": 1e3}, "amount", "invalid_type"),
        ({"amount": "1250"}, "amount", "invalid_type"),
        ({"amount": True}, "amount", "invalid_type"),
        ({"amount": 10**12}, "amount", "out_of_range"),
        ({"amount": 10**30}, "amount", "out_of_range"),
        ({"currency": "eur"}, "currency", "invalid_format"),
        ({"currency": "XXX"}, "currency", "currency_unknown"),
        ({"currency": "EUR\n"}, "currency", "invalid_format"),
        ({"type": "payment"}, "type", "invalid_choice"),
        ({"outcome": "maybe"}, "outcome", "invalid_choice"),
        ({"occurred_at": "yesterday"}, "occurred_at", "invalid_time"),
        ({"occurred_at": "2026-11-20T09:30:00"}, "occurred_at", "invalid_time"),
        ({"occurred_at": "0001-01-01T00:00:00Z"}, "occurred_at", "out_of_range"),
        ({"occurred_at": "9999-12-31T23:59:59-12:00"}, "occurred_at", "out_of_range"),
        ({"tip": 1000, "cashback": 300}, "tip", "out_of_range"),
        ({"tip": -1}, "tip", "out_of_range"),
        ({"order_reference": ""}, "order_reference", "invalid_length"),
        ({"order_reference": "x" * 65}, "order_reference", "invalid_length"),
        ({"order": "ord_1", "order_reference": "A"}, "order", "not_together"),
        ({"original": {}}, "original", "required"),
        ({"original": {"sequence": 1}}, "original.sequence", "out_of_range"),
        ({"resolves": 1}, "resolves", "out_of_range"),
        ({"card": {"brand": "visa", "last4": "123"}}, "card.last4", "invalid_format"),
        ({"card": {"brand": "visa", "last4": "1234\n"}}, "card.last4", "invalid_format"),
        ({"card": {"brand": "visa"}}, "card.last4", "required"),
        ({"card": {"brand": "visa", "last4": "1234", "pan": "x"}}, "card.pan", "unknown_field"),
        ({"emv": {"aid": "hello"}}, "emv.aid", "invalid_format"),
        ({"colour": "red"}, "colour", "unknown_field"),
        ({PAN: "x"}, "[redacted]", "unknown_field"),
        ({"action": PAN}, "action", "invalid_format"),
    ],
)
def test_a_fault_is_told_by_its_place(terminal: Device, given: dict[str, Any], param: str, code: str) -> None:
    answer = terminal.post(sale(1) | given)
    assert faults(answer) == {param: code}
    assert PAN not in answer.content.decode()
    assert Payment.objects.count() == 0


def test_a_fault_says_what_to_send(terminal: Device) -> None:
    wrong = sale(1, type="loan", tip=-1, occurred_at="now", order_reference="", offline=1, rrn="é") | {"amount": "5"}
    answer = {fault["param"]: fault["detail"] for fault in terminal.post(wrong).json()["errors"]}
    assert answer == {
        "type": "Send one of: sale, refund, reversal.",
        "amount": 'Send whole minor units as a JSON integer: 1250, not 12.50 or "1250".',
        "tip": "Send an integer from 0 to 999999999999.",
        "occurred_at": "Send a time as RFC 3339 has it, with its offset: 2026-11-22T09:30:00Z.",
        "order_reference": "Send at least 1 character.",
        "offline": "Send true or false.",
        "rrn": "Send 1 to 40 visible characters.",
    }


def test_a_whole_card_number_for_its_last_digits_is_cut_and_never_refused(terminal: Device) -> None:
    answer = terminal.post(sale(1, card={"brand": "visa", "last4": "4111 1111 1111 1111"})).json()
    assert answer["status"] == "recorded"
    assert Payment.objects.get().card_last4 == "1111"
    assert CardEvidence.objects.get().posted["card"]["last4"] == "1111"
    assert AuditLog.objects.get(action="card_number.masked").after["fields"] == {"1": ["card.last4"]}
    refused = terminal.post(sale(2, card={"brand": "visa", "last4": "4111111111111112"}))
    assert faults(refused) == {"card.last4": "invalid_format"}


def test_every_fault_is_told_at_once(terminal: Device) -> None:
    answer = terminal.post({"sequence": 1, "type": "sale", "amount": "x", "card": {"last4": "1"}, "colour": 1})
    assert set(faults(answer)) == {
        "colour", "amount", "currency", "outcome", "occurred_at", "card.brand", "card.last4",
    }  # fmt: skip


@pytest.mark.parametrize("body", [b"{", b"[1,]", b'{"a":1,"a":2}', b'{"amount":NaN}', b"\xff", b'{"a":"\\ud800"}'])
def test_what_is_no_json_is_refused(terminal: Device, body: bytes) -> None:
    refusal(terminal.send("/v1/terminal/transactions", None, raw=body), 400, "malformed_json")


@pytest.mark.parametrize("body", [[], [sale(1)], "sale", 1, None])
def test_what_is_no_object_is_refused(terminal: Device, body: Any) -> None:
    refusal(terminal.send("/v1/terminal/transactions", body), 422, "validation_failed")


@pytest.mark.skipif(not SUITE.exists(), reason="the shared samples are not here")
def test_the_json_test_suite_finds_no_door(terminal: Device) -> None:
    for path in sorted(SUITE.glob("**/*.json")):
        status = terminal.send("/v1/terminal/transactions", None, raw=path.read_bytes()[:900_000]).status_code
        assert status in (400, 422), path.name
    assert Payment.objects.count() == 0


def test_a_body_over_a_megabyte_is_refused(terminal: Device) -> None:
    refusal(terminal.post(sale(1, reason="x" * 1_100_000)), 413, "body_too_large")


def test_a_card_number_in_a_report_is_masked_recorded_and_alerted(terminal: Device) -> None:
    emv = {"aid": "A0000000043060", "label": PAN, "cryptogram": PAN}
    card = {"brand": "visa", "last4": "1111", "fingerprint": PAN}
    posted = sale(
        1, operator=PAN, reason=f"card {PAN} was torn", shift=PAN, card=card, emv=emv, decline_code=PAN,
        rrn="5555555555554444", order_reference=PAN, receipt={"customer": "PAN 4111 1111 1111 1111\nTOTAL 12.50"},
    )  # fmt: skip
    answer = terminal.post(posted).json()
    assert answer["status"] == "recorded"
    evidence = CardEvidence.objects.get()
    kept = json.dumps([evidence.posted, list(Order.objects.values()), list(Payment.objects.values())], default=str)
    assert PAN not in kept.replace(evidence.posted["emv"]["cryptogram"], "")
    assert "5555555555554444" not in kept
    assert evidence.posted["receipt"]["customer"] == "PAN **** **** **** 1111\nTOTAL 12.50"
    action = AuditLog.objects.get(action="card_number.masked")
    assert (action.object_id, action.after["series"]) == (terminal.terminal, 1)
    assert {"operator", "reason", "receipt.customer", "card.fingerprint"} <= set(action.after["fields"]["1"])
    assert PAN not in json.dumps(action.after)


def test_masked_references_that_end_alike_stay_two_orders(terminal: Device) -> None:
    terminal.post(sale(1, order_reference="4111111111111111"))
    terminal.post(sale(2, order_reference="4000000000061111"))
    terminal.post(sale(3, order_reference="4111111111111111"))
    assert Order.objects.count() == 2
    assert all("*" in (reference or "") for reference in Order.objects.values_list("reference", flat=True))


def test_the_same_masked_report_is_a_duplicate(terminal: Device) -> None:
    terminal.post(sale(1, reason=PAN))
    assert terminal.post(sale(1, reason=PAN)).json()["status"] == "duplicate"
    terminal.post(sale(1, amount=5, reason=PAN))
    assert PAN not in json.dumps(SequenceConflict.objects.get().posted)


def test_a_merchant_number_that_looks_like_a_card_is_left_alone(terminal: Device) -> None:
    terminal.post(sale(1, acquirer_mid="378282246310005"))
    assert CardEvidence.objects.get().acquirer_mid == "378282246310005"


def test_a_merchant_number_with_anything_around_it_is_text(terminal: Device) -> None:
    terminal.post(sale(1, acquirer_mid="(340000000000009)"))
    assert CardEvidence.objects.get().acquirer_mid == "(***********0009)"


def test_a_heartbeats_card_number_is_masked(terminal: Device) -> None:
    assert terminal.heartbeat({"firmware": PAN}).status_code == 200
    assert Terminal.objects.get().firmware == "************1111"


def test_characters_no_database_stores_are_replaced(terminal: Device) -> None:
    assert terminal.post(sale(1, operator="a\0b", receipt={"merchant": "\0"})).status_code == 201
    assert CardEvidence.objects.get().posted["operator"] == "a\ufffdb"


@pytest.mark.parametrize("text", ["", " ", "ça", "𝔘𝔫𝔦", "'; DROP TABLE--", "\u202eright", "${jndi:x}", "a" * 200])
def test_naughty_strings_are_only_text(terminal: Device, text: str) -> None:
    terminal.post(sale(1))
    assert terminal.post(refund(2, original={"sequence": 1}, reason=text)).status_code == 201


def test_times_of_any_sane_clock_are_taken(terminal: Device) -> None:
    for sequence, moment in enumerate(
        ["2026-03-29T01:30:00Z", "2026-10-25T00:30:00Z", "2027-01-01T00:00:00Z"], start=1
    ):
        assert terminal.post(sale(sequence, occurred_at=moment)).status_code == 201
    days = Payment.objects.order_by("id").values_list("business_day", flat=True)
    assert [str(day) for day in days] == ["2026-03-29", "2026-10-25", "2027-01-01"]

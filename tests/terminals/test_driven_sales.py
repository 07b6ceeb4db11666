"""A till has a terminal charge a card: the payment stands first, and whatever the device says settles just that one."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from payments.models import Payment
from terminals.models import TerminalAction
from terminals.services.actions import sweep
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.terminals.conftest import books, paired
from tests.terminals.device import Device, sale

pytestmark = pytest.mark.django_db


def drive(api: Api, terminal: Device, **given: Any) -> dict[str, Any]:
    """The till has the terminal do something."""
    answer = api.post(f"/v1/terminals/{terminal.terminal}/actions", {"type": "sale", **given})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def charge(api: Api, terminal: Device, amount: int = 1250, **given: Any) -> dict[str, Any]:
    return drive(api, terminal, amount=amount, currency="EUR", **given)


def now(api: Api, action: dict[str, Any]) -> dict[str, Any]:
    """The action as it is now."""
    found: dict[str, Any] = api.get(f"/v1/terminals/{action['terminal']['id']}/actions/{action['id']}").json()
    return found


def pass_time(action: dict[str, Any], seconds: int) -> None:
    """Let time pass: everything about an action lies so much further back."""
    row = TerminalAction.objects.get(id=action["id"])
    for name in ("created_at", "expires_at", "sent_at", "presented_at", "ask_at"):
        moment = getattr(row, name)
        setattr(row, name, moment and moment - timedelta(seconds=seconds))
    row.save()
    sweep.sweep()


def status_of(action: dict[str, Any]) -> tuple[str, str]:
    """The status of an action, and that of its payment."""
    return TerminalAction.objects.get(id=action["id"]).status, Payment.objects.get(id=action["payment"]).status


def test_a_driven_sale_from_till_to_books(back_office: Api, terminal: Device, shop: Shop) -> None:
    action = charge(back_office, terminal, order_reference="1001")
    assert (action["status"], action["amount"], action["order"]["reference"]) == ("queued", 1250, "1001")
    payment = Payment.objects.get()
    assert (payment.id, payment.status, payment.terminal_id) == (action["payment"], "processing", terminal.terminal)
    polled = terminal.poll()
    assert polled is not None
    assert (polled["id"], polled["type"], polled["amount"], polled["payment"]) == (
        action["id"],
        "sale",
        1250,
        payment.id,
    )
    assert terminal.ack(action["id"]).status_code == 200
    assert now(back_office, action)["status"] == "presented"
    answer = terminal.result(action["id"], sale(1))
    assert answer.status_code == 200, answer.content
    assert (answer.json()["status"], answer.json()["transaction"]["payment"]) == ("succeeded", payment.id)
    assert answer.json()["next_sequence"] == 2
    assert status_of(action) == ("succeeded", "captured")
    assert Payment.objects.get().card_last4 == "1234"
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_the_same_action_is_given_until_it_is_acknowledged(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    assert [(terminal.poll() or {})["id"] for _ in range(2)] == [action["id"]] * 2
    terminal.ack(action["id"])
    assert terminal.poll() is None
    assert terminal.ack(action["id"]).status_code == 200


def test_a_poll_that_is_repeated_gets_its_first_answer(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    assert (terminal.poll(webhook_id="poll-1") or {})["id"] == action["id"]
    terminal.ack(action["id"], webhook_id="ack-1")
    assert (terminal.poll(webhook_id="poll-1") or {})["id"] == action["id"]
    again = terminal.send("/v1/terminal/actions", None, method="GET", raw=b"", webhook_id="ack-1")
    refusal(again, 409, "signature_reused")


def test_a_transaction_that_names_the_action_does_the_same(back_office: Api, terminal: Device, shop: Shop) -> None:
    action = charge(back_office, terminal)
    terminal.poll()
    answer = terminal.post(sale(1, action=action["id"]))
    assert (answer.status_code, answer.json()["payment"]) == (201, action["payment"])
    assert status_of(action) == ("succeeded", "captured")
    repeated = terminal.result(action["id"], sale(1))
    assert (repeated.status_code, repeated.json()["transaction"]["status"]) == (200, "duplicate")
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_a_decline_is_told_and_the_order_may_be_paid_again(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal, order_reference="1001")
    terminal.poll()
    terminal.result(action["id"], sale(1, outcome="declined", decline_code="wrong_pin"))
    assert status_of(action) == ("declined", "declined")
    assert back_office.get(f"/v1/payments/{action['payment']}").json()["failure"]["code"] == "wrong_pin"
    charge(back_office, terminal, order_reference="1001")


def test_a_tip_on_the_terminal_was_not_asked_for_and_differs_from_nothing(
    back_office: Api, terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    action = charge(back_office, terminal, 1000)
    terminal.result(action["id"], sale(1, 1150, tip=150))
    payment = back_office.get(f"/v1/payments/{action['payment']}").json()
    assert (payment["amount"], payment["tip"], payment["amount_captured"]) == (1150, 150, 1150)
    assert discrepancies() == []
    assert books(shop.merchant) == {"receivable": 1150, "takings": -1000, "tips": -150}


def test_another_amount_than_was_asked_for_is_booked_as_it_is(
    back_office: Api, terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    action = charge(back_office, terminal, 1000)
    terminal.result(action["id"], sale(1, 900))
    assert status_of(action) == ("succeeded", "captured")
    assert discrepancies() == [("amount_differs", "open")]
    assert books(shop.merchant) == {"receivable": 900, "takings": -900}


# --- One at a time ---


def test_one_customer_at_a_time(back_office: Api, terminal: Device, other_terminal: Device) -> None:
    action = charge(back_office, terminal)
    body = {"type": "sale", "amount": 500, "currency": "EUR"}
    refused = refusal(back_office.post(f"/v1/terminals/{terminal.terminal}/actions", body), 409, "terminal_busy")
    assert refused["action"] == action["id"]
    assert Payment.objects.count() == 1  # nothing of the refused one stands
    charge(back_office, other_terminal)
    terminal.result(action["id"], sale(1))
    charge(back_office, terminal)


def test_the_database_lets_no_second_one_through(back_office: Api, terminal: Device) -> None:
    row = TerminalAction.objects.get(id=charge(back_office, terminal)["id"])
    row.id, row.status = "act_00000000000000000000000000", "presented"
    with pytest.raises(IntegrityError, match="terminal_action_one_at_a_time"), transaction.atomic():
        row.save(force_insert=True)


def test_a_terminal_that_is_not_paired_is_asked_nothing(back_office: Api, terminal: Device) -> None:
    back_office.post(f"/v1/terminals/{terminal.terminal}/unpair")
    body = {"type": "sale", "amount": 500, "currency": "EUR"}
    refusal(back_office.post(f"/v1/terminals/{terminal.terminal}/actions", body), 409, "terminal_not_active")


def test_it_is_asked_once_per_idempotency_key(back_office: Api, terminal: Device) -> None:
    body = {"type": "sale", "amount": 500, "currency": "EUR"}
    path = f"/v1/terminals/{terminal.terminal}/actions"
    first = back_office.post(path, body, idempotency_key="k1")
    assert back_office.post(path, body, idempotency_key="k1").content == first.content
    assert TerminalAction.objects.count() == 1


def test_fields_of_another_type_are_refused(back_office: Api, terminal: Device) -> None:
    path = f"/v1/terminals/{terminal.terminal}/actions"
    refused = refusal(back_office.post(path, {"type": "abort", "amount": 500}), 422, "validation_failed")
    assert refused["errors"][0]["param"] == "amount"
    refusal(back_office.post(path, {"type": "sale", "amount": 500, "expires_in": 5}), 422, "validation_failed")


# --- What an order has due ---


def test_a_driven_sale_obeys_what_the_order_has_due(back_office: Api, terminal: Device, other_terminal: Device) -> None:
    cash = {"order_reference": "1001", "amount": 500, "currency": "EUR", "method": "cash", "order_total": 2000}
    assert back_office.post("/v1/payments", cash).status_code == 201
    body = {"type": "sale", "amount": 1501, "currency": "EUR", "order_reference": "1001"}
    path = f"/v1/terminals/{terminal.terminal}/actions"
    assert refusal(back_office.post(path, body), 422, "amount_exceeds_due")["due"] == 1500
    assert charge(back_office, terminal, 1000, order_reference="1001")["amount"] == 1000
    other = f"/v1/terminals/{other_terminal.terminal}/actions"
    refusal(back_office.post(other, body | {"amount": 1500}), 409, "payment_in_progress")
    assert charge(back_office, other_terminal, 500, order_reference="1001")["amount"] == 500


def test_without_an_amount_all_that_is_due_is_asked_for(back_office: Api, terminal: Device) -> None:
    cash = {"order_reference": "1001", "amount": 500, "currency": "EUR", "method": "cash", "order_total": 2000}
    back_office.post("/v1/payments", cash)
    assert drive(back_office, terminal, order_reference="1001")["amount"] == 1500


def test_without_an_amount_and_a_total_nothing_is_guessed(back_office: Api, terminal: Device) -> None:
    path = f"/v1/terminals/{terminal.terminal}/actions"
    refused = refusal(back_office.post(path, {"type": "sale"}), 422, "validation_failed")
    assert refused["errors"][0]["param"] == "amount"


# --- Silence ---


def test_what_no_device_fetched_expires_and_charged_nothing(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal, order_reference="1001")
    pass_time(action, 121)
    assert status_of(action) == ("expired", "expired")
    assert terminal.poll() is None
    charge(back_office, terminal, order_reference="1001")


def test_silence_is_no_answer(back_office: Api, terminal: Device, discrepancies: Any) -> None:
    action = charge(back_office, terminal, order_reference="1001")
    terminal.poll()
    terminal.ack(action["id"])
    pass_time(action, 121)
    assert status_of(action) == ("presented", "processing")
    pass_time(action, 15)
    assert status_of(action) == ("unknown", "unknown")
    assert discrepancies() == [("outcome_unknown", "open")]
    polled = terminal.poll()
    assert polled is not None
    assert (polled["type"], polled["target"]) == ("status", action["id"])


def test_what_a_device_was_given_may_have_been_presented_though_it_never_said_so(
    back_office: Api, terminal: Device
) -> None:
    action = charge(back_office, terminal)
    terminal.poll()  # and the line is gone
    pass_time(action, 140)
    assert status_of(action) == ("unknown", "unknown")


def unknown(api: Api, terminal: Device, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A driven sale without an answer, and the question about it."""
    action = charge(api, terminal, **given)
    terminal.poll()
    terminal.ack(action["id"])
    pass_time(action, 140)
    polled = terminal.poll()
    assert polled is not None
    return action, polled


@pytest.mark.parametrize("word", ["not_found", "aborted"])
def test_a_device_that_knows_of_nothing_frees_the_order(
    back_office: Api, terminal: Device, word: str, discrepancies: Any
) -> None:
    action, doubtful = unknown(back_office, terminal, order_reference="1001")
    assert terminal.result(doubtful["id"], word).json()["status"] == "succeeded"
    assert status_of(action) == ("canceled", "canceled")
    assert discrepancies() == [("outcome_unknown", "resolved")]
    assert terminal.poll() is None
    charge(back_office, terminal, order_reference="1001")


def test_the_question_may_be_answered_by_the_transaction(back_office: Api, terminal: Device, shop: Shop) -> None:
    action, doubtful = unknown(back_office, terminal)
    answer = terminal.result(doubtful["id"], sale(1))
    assert (answer.status_code, answer.json()["status"]) == (200, "succeeded")
    assert status_of(action) == ("succeeded", "captured")
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


@pytest.mark.parametrize("word", ["unknown", "in_progress"])
def test_a_device_that_does_not_know_yet_is_asked_again(back_office: Api, terminal: Device, word: str) -> None:
    action, doubtful = unknown(back_office, terminal)
    terminal.result(doubtful["id"], word)
    assert status_of(action) == ("unknown", "unknown")
    assert terminal.poll() is None
    pass_time(action, 60)
    again = terminal.poll()
    assert again is not None
    assert (again["type"], again["target"]) == ("status", action["id"])
    assert again["id"] != doubtful["id"]


def test_until_it_is_known_the_order_takes_cash_or_a_named_persons_word(
    back_office: Api, terminal: Device, other_terminal: Device
) -> None:
    action, _ = unknown(back_office, terminal, order_reference="1001")
    body = {"type": "sale", "amount": 1250, "currency": "EUR", "order_reference": "1001"}
    path = f"/v1/terminals/{other_terminal.terminal}/actions"
    refused = refusal(back_office.post(path, body), 409, "outcome_unknown")
    assert (refused["payment"], refused["age_seconds"] >= 0) == (action["payment"], True)
    cash = {"order_reference": "1001", "amount": 1250, "currency": "EUR", "method": "cash"}
    assert back_office.post("/v1/payments", cash).status_code == 201
    named = {"operator": "Sanne", "reason": "The slip says declined."}
    assert back_office.post(path, body | {"acknowledge_unknown": named}).status_code == 201


# --- Late, twice, otherwise ---


@pytest.mark.parametrize("ended", ["expired", "canceled", "declined"])
def test_failed_at_the_counter_and_then_the_money_came(
    back_office: Api, terminal: Device, shop: Shop, ended: str
) -> None:
    action = charge(back_office, terminal, order_reference="1001")
    if ended == "expired":
        pass_time(action, 121)
    elif ended == "canceled":
        terminal.result(action["id"], "aborted")
    else:
        terminal.result(action["id"], sale(1, outcome="declined"))
    assert status_of(action) == (ended, ended)
    # The device's clock says that it was before we concluded anything.
    late = terminal.post(sale(2, action=action["id"]))
    assert late.json()["payment"] == action["payment"]
    assert status_of(action) == ("succeeded", "captured")
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}
    assert [line["cause"] for line in now(back_office, action)["history"]][-1] == "late"


def test_a_second_approval_under_one_action_is_a_second_payment_of_the_order(
    back_office: Api, terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    action = charge(back_office, terminal, order_reference="1001")
    terminal.result(action["id"], sale(1))
    second = terminal.post(sale(2, action=action["id"])).json()
    assert second["payment"] != action["payment"]
    assert [found["kind"] for found in second["discrepancies"]] == ["overpaid"]
    assert {row.order_id for row in Payment.objects.all()} == {action["order"]["id"]}
    assert books(shop.merchant) == {"receivable": 2500, "takings": -2500}


def test_what_is_said_after_the_money_moved_unmakes_nothing(back_office: Api, terminal: Device, shop: Shop) -> None:
    action = charge(back_office, terminal)
    terminal.result(action["id"], sale(1))
    for word in ("aborted", "not_found", "unknown"):
        assert terminal.result(action["id"], word).json()["status"] == "succeeded"
    assert status_of(action) == ("succeeded", "captured")
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_other_content_under_the_same_number_is_a_conflict(back_office: Api, terminal: Device, shop: Shop) -> None:
    action = charge(back_office, terminal)
    terminal.result(action["id"], sale(1))
    refusal(terminal.result(action["id"], sale(1, 9900)), 409, "sequence_conflict")
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250}


def test_the_same_transaction_under_another_action_leaves_that_one_open(
    back_office: Api, terminal: Device, discrepancies: Any
) -> None:
    first = charge(back_office, terminal)
    terminal.result(first["id"], sale(1))
    second = charge(back_office, terminal)
    refusal(terminal.result(second["id"], sale(1)), 409, "sequence_conflict")
    assert status_of(second) == ("queued", "processing")
    assert discrepancies() == [("sequence_conflict", "open")]


def test_an_action_of_nobody_or_of_another_terminal_is_refused_and_the_number_stays_free(
    back_office: Api, terminal: Device, other_terminal: Device
) -> None:
    action = charge(back_office, terminal)
    for named in (action["id"], "act_01hzzzzzzzzzzzzzzzzzzzzzzz"):
        refused = refusal(other_terminal.post(sale(1, action=named)), 422, "validation_failed")
        assert refused["errors"][0]["param"] == "action"
    assert other_terminal.post(sale(1)).status_code == 201
    refusal(other_terminal.ack(action["id"]), 404, "not_found")
    refusal(other_terminal.result(action["id"], "aborted"), 404, "not_found")


def test_an_address_and_a_body_that_name_two_actions_contradict(back_office: Api, terminal: Device) -> None:
    first = charge(back_office, terminal)
    terminal.result(first["id"], "aborted")
    second = charge(back_office, terminal)
    refused = refusal(terminal.result(second["id"], sale(1, action=first["id"])), 422, "validation_failed")
    assert refused["errors"][0] | {"detail": ""} == {"param": "action", "code": "not_together", "detail": ""}


# --- Stop ---


def test_what_is_aborted_while_queued_never_reaches_the_device(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    stopped = drive(back_office, terminal, type="abort")
    assert (stopped["status"], stopped["target"]) == ("succeeded", action["id"])
    assert status_of(action) == ("canceled", "canceled")
    assert terminal.poll() is None


def test_what_is_presented_is_stopped_by_the_device(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    terminal.poll()
    terminal.ack(action["id"])
    stop = drive(back_office, terminal, type="abort", target=action["id"])
    assert stop["status"] == "queued"
    assert status_of(action) == ("presented", "processing")
    assert drive(back_office, terminal, type="abort")["id"] == stop["id"]  # asked once
    polled = terminal.poll()
    assert polled is not None
    assert (polled["type"], polled["target"]) == ("abort", action["id"])
    terminal.ack(stop["id"])
    assert terminal.poll() is None
    terminal.result(action["id"], "aborted")
    assert status_of(action) == ("canceled", "canceled")
    assert now(back_office, stop)["status"] == "succeeded"


def test_a_stop_that_comes_too_late_says_so(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    terminal.poll()
    stop = drive(back_office, terminal, type="abort")
    terminal.result(action["id"], sale(1))
    assert (now(back_office, stop)["status"], status_of(action)[1]) == ("declined", "captured")
    path = f"/v1/terminals/{terminal.terminal}/actions"
    refusal(back_office.post(path, {"type": "abort"}), 409, "action_ended")


def test_what_has_ended_is_not_presented_any_more(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    terminal.poll()
    pass_time(action, 140)
    refused = refusal(terminal.ack(action["id"]), 409, "action_ended")
    assert refused["action_status"] == "unknown"


def test_a_till_may_ask_what_came_of_it(back_office: Api, terminal: Device) -> None:
    action = charge(back_office, terminal)
    terminal.poll()
    terminal.ack(action["id"])
    question = drive(back_office, terminal, type="status", target=action["id"])
    assert terminal.result(question["id"], "in_progress").json()["status"] == "succeeded"
    assert status_of(action) == ("presented", "processing")


# --- Strangers ---


def test_nobody_drives_anothers_terminal(shop: Shop, stranger: Shop, back_office: Api) -> None:
    theirs = paired(stranger.api(channel=stranger.store))
    body = {"type": "sale", "amount": 500, "currency": "EUR"}
    refusal(back_office.post(f"/v1/terminals/{theirs.terminal}/actions", body), 404, "not_found")
    webshop = shop.api(channel=shop.webshop)
    ours = paired(back_office)
    refusal(webshop.post(f"/v1/terminals/{ours.terminal}/actions", body), 404, "not_found")
    reader = shop.api("terminals:read")
    refusal(reader.post(f"/v1/terminals/{ours.terminal}/actions", body), 403, "scope_missing")


def test_an_unsigned_poll_learns_nothing(back_office: Api, terminal: Device) -> None:
    assert terminal.poll() is None
    charge(back_office, terminal)
    forged = Device(terminal.terminal, secret="whsec_" + "A" * 43 + "=")
    refusal(forged.send("/v1/terminal/actions", None, method="GET", raw=b""), 401, "signature_invalid")
    back_office.post(f"/v1/terminals/{terminal.terminal}/revoke")
    answer = terminal.send("/v1/terminal/actions", None, method="GET", raw=b"")
    refusal(answer, 401, "terminal_revoked")
    assert TerminalAction.objects.get().sent_at is None


def test_a_device_without_anything_to_do_is_refused_too_once_its_key_has_ended(
    back_office: Api, terminal: Device
) -> None:
    assert terminal.poll() is None
    back_office.post(f"/v1/terminals/{terminal.terminal}/revoke")
    refusal(terminal.send("/v1/terminal/actions", None, method="GET", raw=b""), 401, "terminal_revoked")

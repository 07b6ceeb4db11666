"""A refund on the card at a terminal: bound to its sale, offered by itself, with a name, a reason and the card compared."""

from typing import Any

import pytest

from payments.models import Payment, Refund, RefundPart
from payments.providers.base import Card
from payments.services.card_present.compare import compare
from terminals.models import TerminalAction
from terminals.services.actions import refunds, sweep
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.terminals.conftest import books
from tests.terminals.device import Device, refund, sale
from tests.terminals.test_driven_sales import charge, now, pass_time

pytestmark = pytest.mark.django_db

WORDS = {"operator": "Sanne", "reason": "Too small"}


def sold(terminal: Device, sequence: int = 1, amount: int = 1250, **more: Any) -> str:
    """A sale by PIN; the id of its payment."""
    payment: str = terminal.post(sale(sequence, amount, **more)).json()["payment"]
    return payment


def requested_refund(api: Api, terminal: Device, **given: Any) -> dict[str, Any]:
    """The till has the terminal give back."""
    answer = api.post(f"/v1/terminals/{terminal.terminal}/actions", {"type": "refund", **WORDS, **given})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def part_of(api: Api, refund_id: str) -> dict[str, Any]:
    (part,) = api.get(f"/v1/refunds/{refund_id}").json()["parts"]
    found: dict[str, Any] = part
    return found


def test_a_retourpin_from_till_to_books(back_office: Api, terminal: Device, shop: Shop) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    assert (action["amount"], action["operator"], action["reason"]) == (400, "Sanne", "Too small")
    assert part_of(back_office, action["refund"])["status"] == "queued"
    polled = terminal.poll()
    assert polled is not None
    assert (polled["type"], polled["refund"], polled["payment"]) == ("refund", action["refund"], action["payment"])
    assert part_of(back_office, action["refund"])["status"] == "queued"
    terminal.ack(action["id"])
    assert part_of(back_office, action["refund"])["status"] == "pending"
    done = terminal.result(action["id"], refund(2, 400))
    assert (done.status_code, done.json()["status"]) == (200, "succeeded")
    part = part_of(back_office, action["refund"])
    assert (part["status"], part["card_match"]) == ("succeeded", {"verdict": "same", "by": "fingerprint"})
    assert back_office.get(f"/v1/payments/{action['payment']}").json()["amount_refunded"] == 400
    assert books(shop.merchant) == {"receivable": 850, "takings": -1250, "returns": 400}
    assert Refund.objects.count() == 1


@pytest.mark.parametrize("missing", ["operator", "reason"])
def test_nobody_gives_back_on_a_card_without_a_name_and_a_reason(
    back_office: Api, terminal: Device, missing: str
) -> None:
    body = {"type": "refund", "payment": sold(terminal), **WORDS}
    del body[missing]
    refused = refusal(back_office.post(f"/v1/terminals/{terminal.terminal}/actions", body), 422, "validation_failed")
    assert [fault["param"] for fault in refused["errors"]] == [missing]
    assert Refund.objects.count() == 0


def test_a_refund_of_that_route_is_offered_by_itself(back_office: Api, terminal: Device) -> None:
    body = {"payment": sold(terminal), "amount": 400, "route": "terminal", "terminal": terminal.terminal, **WORDS}
    made = back_office.post("/v1/refunds", body).json()
    assert terminal.poll() is None
    assert refunds.offer_refunds() == 1
    polled = terminal.poll()
    assert polled is not None
    assert (polled["refund"], polled["amount"]) == (made["id"], 400)
    assert refunds.offer_refunds() == 0
    terminal.post(refund(2, 400, action=polled["id"]))
    assert back_office.get(f"/v1/refunds/{made['id']}").json()["status"] == "succeeded"


def test_it_waits_until_its_terminal_is_free(back_office: Api, terminal: Device) -> None:
    payment = sold(terminal)
    action = charge(back_office, terminal)
    body = {"payment": payment, "amount": 400, "route": "terminal", "terminal": terminal.terminal, **WORDS}
    back_office.post("/v1/refunds", body)
    assert refunds.offer_refunds() == 0
    terminal.result(action["id"], sale(2))
    assert refunds.offer_refunds() == 1


def test_auto_takes_the_only_terminal_that_asks_for_work(
    back_office: Api, terminal: Device, other_terminal: Device
) -> None:
    payment = sold(terminal)
    body = {"payment": payment, "amount": 100, **WORDS}
    refusal(back_office.post("/v1/refunds", body), 422, "route_required")
    terminal.poll()
    assert back_office.post("/v1/refunds/plan", body).json()["parts"][0]["route"] == "terminal"
    made = back_office.post("/v1/refunds", body).json()
    assert RefundPart.objects.get(refund=made["id"]).terminal_id == terminal.terminal
    other_terminal.poll()  # now only the counter knows where the customer stands
    refusal(back_office.post("/v1/refunds", body), 422, "route_required")


def test_nobody_came_with_the_card(back_office: Api, terminal: Device) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    pass_time(action, 121)
    assert now(back_office, action)["status"] == "expired"
    assert part_of(back_office, action["refund"])["status"] == "queued"
    assert refunds.offer_refunds() == 0  # once by itself; then a person says when
    again = requested_refund(back_office, terminal, refund=action["refund"])
    terminal.poll()
    terminal.result(again["id"], refund(2, 400))
    assert part_of(back_office, action["refund"])["status"] == "succeeded"


@pytest.mark.parametrize("word", ["aborted", "not_found"])
def test_what_the_customer_stopped_waits_and_may_be_canceled(back_office: Api, terminal: Device, word: str) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    terminal.poll()
    terminal.ack(action["id"])
    refusal(back_office.post(f"/v1/refunds/{action['refund']}/cancel"), 409, "refund_not_cancelable")
    terminal.result(action["id"], word)
    assert part_of(back_office, action["refund"])["status"] == "queued"
    assert back_office.post(f"/v1/refunds/{action['refund']}/cancel").json()["status"] == "canceled"


def test_a_refund_that_was_canceled_is_not_presented(back_office: Api, terminal: Device) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    back_office.post(f"/v1/refunds/{action['refund']}/cancel")
    assert terminal.poll() is None
    assert now(back_office, action)["status"] == "canceled"


def test_what_a_device_was_given_cannot_be_canceled_behind_its_back(back_office: Api, terminal: Device) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    terminal.poll()
    refusal(back_office.post(f"/v1/refunds/{action['refund']}/cancel"), 409, "refund_not_cancelable")


def test_a_refund_without_an_answer_is_unknown_and_asked_about(
    back_office: Api, terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    terminal.poll()
    terminal.ack(action["id"])
    pass_time(action, 140)
    assert part_of(back_office, action["refund"])["status"] == "unknown"
    assert discrepancies() == [("outcome_unknown", "open")]
    question = terminal.poll()
    assert question is not None
    terminal.result(question["id"], refund(2, 400))
    assert part_of(back_office, action["refund"])["status"] == "succeeded"
    assert discrepancies() == [("outcome_unknown", "resolved")]
    assert books(shop.merchant) == {"receivable": 850, "takings": -1250, "returns": 400}


def test_a_card_that_refuses_fails_the_part_and_the_debt_stays(back_office: Api, terminal: Device, shop: Shop) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    terminal.poll()
    terminal.result(action["id"], refund(2, 400, outcome="declined", decline_code="not_permitted"))
    assert part_of(back_office, action["refund"])["status"] == "failed"
    assert books(shop.merchant) == {"receivable": 1250, "takings": -1250, "returns": 400, "refunds_payable": -400}


def test_another_amount_is_booked_by_itself_and_the_part_still_waits(
    back_office: Api, terminal: Device, shop: Shop
) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal), amount=400)
    terminal.poll()
    terminal.result(action["id"], refund(2, 300))
    assert part_of(back_office, action["refund"])["status"] == "queued"
    assert Refund.objects.count() == 2
    assert back_office.get(f"/v1/payments/{action['payment']}").json()["amount_refunded"] == 300


def test_a_second_time_under_one_action_is_a_second_refund(
    back_office: Api, terminal: Device, shop: Shop, discrepancies: Any
) -> None:
    action = requested_refund(back_office, terminal, payment=sold(terminal))
    terminal.result(action["id"], refund(2))
    answer = terminal.post(refund(3, action=action["id"])).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["over_returned"]
    assert books(shop.merchant) == {"receivable": -1250, "takings": -1250, "returns": 2500}


def test_above_the_limit_a_second_person_comes_first(back_office: Api, terminal: Device, shop: Shop) -> None:
    shop.merchant.second_person_above = 300
    shop.merchant.save()
    body = {"type": "refund", "payment": sold(terminal), "amount": 400, **WORDS}
    answer = back_office.post(f"/v1/terminals/{terminal.terminal}/actions", body)
    assert (answer.status_code, answer.json()["status"]) == (202, "requires_approval")
    assert (TerminalAction.objects.count(), sweep.sweep(), refunds.offer_refunds(), terminal.poll()) == (0, 0, 0, None)


def test_more_than_is_left_of_its_sale_is_refused(back_office: Api, terminal: Device) -> None:
    body = {"type": "refund", "payment": sold(terminal), "amount": 1251, **WORDS}
    refused = refusal(
        back_office.post(f"/v1/terminals/{terminal.terminal}/actions", body), 422, "amount_exceeds_refundable"
    )
    assert refused["amount_refundable"] == 1250


PAID = Card(brand="maestro", last4="1234", fingerprint="fp_anna", par="PARANNA")


@pytest.mark.parametrize(
    ("shown", "verdict"),
    [
        (PAID, ("same", "par")),
        (Card(brand="maestro", last4="9876", fingerprint="fp_phone", par="PARANNA"), ("same", "par")),  # her phone
        (Card(brand="maestro", last4="1234", fingerprint="fp_anna"), ("same", "fingerprint")),
        (Card(brand="maestro", last4="1234", fingerprint="fp_bram"), ("other", "fingerprint")),
        (Card(brand="Maestro", last4="1234"), ("alike", "last4")),
        (Card(brand="maestro", last4="4321"), ("other", "last4")),
        (Card(), ("unknown", "nothing")),
    ],
)
def test_the_card_is_held_against_the_one_that_paid(shown: Card, verdict: tuple[str, str]) -> None:
    paid = Payment(card_brand="maestro", card_last4="1234", card_fingerprint="fp_anna", card_par="PARANNA")
    found = compare(paid, shown)
    assert (found["verdict"], found["by"]) == verdict

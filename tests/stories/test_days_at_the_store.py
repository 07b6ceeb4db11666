"""What a shop manager meets at the store door, one story per case: each reads as it would be told at the counter."""

from typing import Any

import pytest

from payments.models import Merchant, Refund, RefundRule
from payments.people.models import Approval
from payments.people.services import approvals
from payments.services import refund_rules
from terminals.services.actions import refunds
from tests.api.client import Api, refusal
from tests.api.conftest import Shop
from tests.builders import BY
from tests.counter.cast import signed_in, staff, text
from tests.people.cast import finance_of
from tests.terminals.conftest import back_office as back_office
from tests.terminals.conftest import nobody_has_guessed as nobody_has_guessed
from tests.terminals.conftest import open_shop as open_shop
from tests.terminals.conftest import shop as shop
from tests.terminals.conftest import terminal as terminal
from tests.terminals.device import Device, refund, sale
from tests.terminals.test_driven_sales import charge, now, unknown
from tests.terminals.test_shifts import close, shift, total
from tests.terminals.test_tills import move

pytestmark = pytest.mark.django_db
IBAN = "NL91ABNA0417164300"


@pytest.fixture(autouse=True)
def banked(shop: Shop) -> None:
    """The shop has a bank account, to which its takings go."""
    Merchant.objects.filter(id=shop.merchant.id).update(iban=IBAN)
    shop.merchant.refresh_from_db()


def cash_sale(api: Api, amount: int, name: str) -> str:
    body = {"order_reference": name, "amount": amount, "currency": "EUR", "method": "cash"}
    made: str = api.post("/v1/payments", body).json()["id"]
    return made


def test_the_till_sends_the_amount_to_the_terminal(back_office: Api, terminal: Device) -> None:
    """Nobody types the amount twice: the till asks, the customer pays, and the order says that it is paid."""
    asked = charge(back_office, terminal, 4_995, order_reference="T-1")
    told = terminal.poll()
    assert told is not None and told["amount"] == 4_995
    terminal.ack(asked["id"])
    busy = {"type": "sale", "amount": 100, "currency": "EUR"}
    refusal(back_office.post(f"/v1/terminals/{terminal.terminal}/actions", busy), 409, "terminal_busy")
    terminal.result(asked["id"], sale(1, 4_995))
    assert now(back_office, asked)["status"] == "succeeded"
    (order,) = back_office.get("/v1/orders", reference="T-1").json()["data"]
    assert (order["paid"], order["refundable"]) == (4_995, 4_995)


def test_the_power_fails_while_the_card_is_being_charged(back_office: Api, terminal: Device, shop: Shop) -> None:
    """Nobody knows whether it was paid. The card is not charged again; cash is taken; in the end the truth is told."""
    asked, question = unknown(back_office, terminal, order_reference="T-2", amount=2_000)
    order = asked["order"]["id"]
    again = {"type": "sale", "amount": 2_000, "currency": "EUR", "order": order}
    refusal(back_office.post(f"/v1/terminals/{terminal.terminal}/actions", again), 409, "outcome_unknown")
    paid = {"order": order, "amount": 2_000, "currency": "EUR", "method": "cash"}
    assert back_office.post("/v1/payments", paid).status_code == 201
    terminal.result(question["id"], sale(1, 2_000))
    shown = back_office.get(f"/v1/orders/{order}").json()
    assert shown["paid"] == 4_000, "both are facts: the customer paid twice, and gets one of them back"
    kinds = [row["kind"] for row in shop.api().get("/v1/discrepancies", status="open").json()["data"]]
    assert kinds == ["overpaid"]


def test_a_pin_sale_is_given_back_on_the_card_with_a_limit_above_which_a_colleague_agrees(
    back_office: Api, terminal: Device, shop: Shop
) -> None:
    """€ 25.00 a day on cards without asking; € 30.00 waits for a second person, and then the terminal asks for the card."""
    rule = refund_rules.add_rule(
        shop.merchant, name="Cards: € 25", kind="per_operator", amount=2_500, beyond="second_person", actor=BY
    )
    assert isinstance(rule, RefundRule)
    payment = terminal.post(sale(1, 5_000)).json()["payment"]
    wish = {"type": "refund", "payment": payment, "operator": "Sanne", "reason": "Too small"}
    small = back_office.post(f"/v1/terminals/{terminal.terminal}/actions", wish | {"amount": 2_000}).json()
    terminal.poll()
    terminal.result(small["id"], refund(2, 2_000))
    waiting = back_office.post(f"/v1/terminals/{terminal.terminal}/actions", wish | {"amount": 3_000})
    assert (waiting.status_code, waiting.json()["status"]) == (202, "requires_approval")
    approval = Approval.objects.get(decision=None)
    approvals.settle(approval_id=approval.id, user=finance_of(shop.merchant.id), approved=True, note="I saw it.")
    assert refunds.offer_refunds() == 1
    told = terminal.poll()
    assert told is not None
    terminal.result(told["id"], refund(3, 3_000))
    assert back_office.get(f"/v1/payments/{payment}").json()["amount_refunded"] == 5_000


def test_another_card_than_the_one_that_paid_is_seen(back_office: Api, terminal: Device) -> None:
    """The money went to a card that had not paid: it is booked, and said."""
    payment = terminal.post(sale(1, 5_000)).json()["payment"]
    wish = {"type": "refund", "payment": payment, "operator": "Sanne", "reason": "Too small"}
    asked = back_office.post(f"/v1/terminals/{terminal.terminal}/actions", wish).json()
    terminal.poll()
    other = {"brand": "visa", "last4": "9999", "fingerprint": "fp_somebody"}
    terminal.result(asked["id"], refund(2, 5_000, card=other))
    (part,) = back_office.get(f"/v1/refunds/{asked['refund']}").json()["parts"]
    assert part["card_match"] == {"verdict": "other", "by": "fingerprint"}


def test_the_shift_is_closed_and_one_sale_is_still_in_the_terminal(back_office: Api, terminal: Device) -> None:
    """The terminal counts two, the books one: the difference names the number, and is gone once it comes."""
    card = {"brand": "maestro", "last4": "1234", "fingerprint": "fp_anna"}
    terminal.post(sale(1, 1_000, card=card))
    closed = close(terminal, shift(1, 2, total("maestro", "sale", 2, 3_000)))
    assert closed["status"] == "differs"
    (difference,) = closed["differences"]
    assert difference["sequences"] == [[2, 2]]
    terminal.post(sale(2, 2_000, card=card))
    assert back_office.get(f"/v1/terminals/shifts/{closed['id']}").json()["status"] == "agrees"


def test_the_drawer_is_counted_and_taken_to_the_bank(back_office: Api, terminal: Device) -> None:
    """A float in the morning, € 2.00 short at night, the rest to the bank."""
    move(terminal, "paid_in", 10_000, reason="Float")
    cash_sale(back_office, 5_000, "K-1")
    assert move(terminal, "count", 14_800)["difference"] == -200
    assert move(terminal, "deposit", 4_800)["expected"] == 10_000


def test_more_is_wanted_in_cash_than_the_drawer_holds(back_office: Api, terminal: Device) -> None:
    """€ 80.00 paid by card is wanted in cash; the drawer has € 50.00. The cashier reads what it holds."""
    cash_sale(back_office, 5_000, "K-1")
    payment = terminal.post(sale(1, 8_000)).json()["payment"]
    wish = {"payment": payment, "route": "cash", "reason": "No card any more"}
    told = refusal(back_office.post("/v1/refunds", wish), 422, "till_too_low")
    assert (told["balance"], told["currency"]) == (5_000, "EUR")
    assert "€50.00" in told["detail"]
    assert back_office.post("/v1/refunds", {**wish, "amount": 5_000}).json()["status"] == "succeeded"


def test_the_line_is_down_all_afternoon(back_office: Api, terminal: Device) -> None:
    """Sales go on, and stand as exposed until the acquirer has paid them."""
    terminal.post(sale(1, 3_000, offline=True), sale(2, 1_500, offline=True))
    exposure = back_office.get("/v1/terminals/exposure").json()
    assert sum(row["amount"] for row in exposure["data"]) == 4_500


def test_bought_online_and_brought_back_to_the_counter(shop: Shop) -> None:
    """The clerk finds the order, reads out how the money goes back, and does it: on the voucher it was paid with."""
    api = shop.api()
    made = api.post("/v1/vouchers", {"amount": 4_990, "currency": "EUR", "purpose": "multi"}).json()
    paid = {"order_reference": "W-1", "amount": 4_990, "currency": "EUR", "method": "voucher"}
    order = api.post("/v1/payments", paid | {"voucher_code": made["code"], "channel": shop.webshop.id}).json()["order"]
    tablet = signed_in(shop.store, staff("anna", shop.store))
    assert "W-1" in text(tablet.opens(f"/counter/orders/{order['id']}"))
    done = tablet.gives_back(order["id"], "49.90")
    assert "Done" in text(done)
    (given,) = Refund.objects.all()
    assert (given.channel_id, given.operator, given.amount) == (shop.store.id, "Anna", 4_990)


def test_one_tap_that_two_records_tell_of(back_office: Api, terminal: Device) -> None:
    """The terminal forgot, and sent it again under another number: finance hears of it before the customer does."""
    tap: dict[str, Any] = {"rrn": "632810000007", "acquirer_tid": "12345601", "authorization_code": "C0FFE1"}
    terminal.post(sale(1, 1_250, **tap))
    answer = terminal.post(sale(2, 1_250, **tap)).json()
    assert [found["kind"] for found in answer["discrepancies"]] == ["duplicate"]

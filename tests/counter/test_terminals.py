"""A payment and a refund on the store's terminal, asked for and watched at the counter, also where nobody knows."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment, Refund
from payments.people import permissions
from payments.people.models import Role, User
from terminals.models import ActionStatus, TerminalAction
from terminals.services import create, pair
from terminals.services.actions import refunds, sweep
from tests.builders import BY, Shop
from tests.counter.cast import Tablet, text
from tests.responses import ClientResponse
from tests.terminals.device import Device, sale


@pytest.fixture
def device(shop: Shop) -> Device:
    """The terminal beside the till."""
    made = create.create(channel=shop.store, label="Till 1", actor=BY)
    paired = pair.pair(code=made.pairing_code, address="127.0.0.1")
    return Device(made.terminal.id, secret=paired.secret)


def charges(tablet: Tablet, device: Device, path: str = "/counter/pay", **fields: str) -> ClientResponse:
    """Fill in the form and send it to the terminal."""
    once = tablet.fields(tablet.opens(path))["once"]
    return tablet.sends(path, **{"once": once, "terminal": device.terminal, "amount": "12.50"} | fields)


def page_of(answer: ClientResponse) -> str:
    assert answer.status_code == 302, text(answer)
    return answer["Location"]


def presented(device: Device) -> dict[str, Any]:
    """What the device is given to do, which it presents."""
    action = device.poll()
    assert action is not None
    assert device.ack(action["id"]).status_code == 200
    return action


def no_answer() -> None:
    """Its time is over, and the device is silent."""
    past = timezone.now() - timedelta(minutes=5)
    TerminalAction.objects.filter(status="presented").update(expires_at=past, ask_at=past)
    sweep.sweep()


def retourpin(action: dict[str, Any], sequence: int = 2) -> dict[str, Any]:
    return sale(sequence, action["amount"], type="refund", original={"payment": action["payment"]})


def test_a_driven_sale_is_watched_until_it_is_paid(shop: Shop, at_counter: Tablet, device: Device, anna: User) -> None:
    page = page_of(charges(at_counter, device, reference="R-7"))
    action = TerminalAction.objects.get()
    assert (action.amount, action.operator, action.requested_by) == (1_250, "Anna", anna.id)
    assert "Till 1 is being asked." in at_counter.reads(page)
    given = presented(device)
    assert "The customer pays on Till 1 now." in at_counter.reads(page)
    device.result(given["id"], sale(1))
    done = at_counter.reads(page)
    assert "Payment of €12.50 Paid." in done
    assert "Receipt" in done
    payment = Payment.objects.get()
    assert (payment.status, payment.order.reference) == ("captured", "R-7")


def test_sent_twice_charges_once(at_counter: Tablet, device: Device) -> None:
    once = at_counter.fields(at_counter.opens("/counter/pay"))["once"]
    form = {"once": once, "terminal": device.terminal, "amount": "12.50"}
    pages = {page_of(at_counter.sends("/counter/pay", **form)) for _ in range(3)}
    assert len(pages) == TerminalAction.objects.count() == 1


def test_what_is_due_on_an_order_is_asked_for_and_no_more(shop: Shop, at_counter: Tablet, device: Device) -> None:
    order = shop.pay_cash(1_000, order_total=2_500).order
    path = f"/counter/orders/{order.id}/pay"
    assert 'value="15.00"' in at_counter.opens(path).content.decode()
    too_much = charges(at_counter, device, path, amount="15.01")
    assert too_much.status_code == 422
    assert "more than is due" in text(too_much)
    charges(at_counter, device, path, amount="15.00")
    assert TerminalAction.objects.get().order == order


def test_a_busy_terminal_says_what_it_is_at(at_counter: Tablet, device: Device) -> None:
    first = page_of(charges(at_counter, device))
    answer = charges(at_counter, device)
    assert answer.status_code == 422
    assert "This terminal is at something else." in text(answer)
    assert f'href="{first}"' in answer.content.decode()


def test_a_sale_is_stopped_before_and_after_the_terminal_has_it(at_counter: Tablet, device: Device) -> None:
    page = page_of(charges(at_counter, device))
    at_counter.sends(f"{page}/abort")
    assert "Stopped. Nothing was taken." in at_counter.reads(page)
    page = page_of(charges(at_counter, device))
    presented(device)
    at_counter.sends(f"{page}/abort")
    assert "It is being stopped." in at_counter.reads(page)
    stop = device.poll()
    assert stop is not None
    device.result(stop["id"], "aborted")
    assert "Stopped. Nothing was taken." in at_counter.reads(page)
    assert page_of(at_counter.sends(f"{page}/abort")) == page  # it is over: its page says so
    assert "Try again" in at_counter.reads(page)


def test_a_decline_is_told_with_what_to_do(at_counter: Tablet, device: Device) -> None:
    page = page_of(charges(at_counter, device))
    device.result(presented(device)["id"], sale(1, outcome="declined", decline_code="wrong_pin"))
    assert "Declined. Nothing was taken." in at_counter.reads(page)


def test_an_unknown_outcome_says_what_to_do_and_is_resolved(shop: Shop, at_counter: Tablet, device: Device) -> None:
    order = shop.pay_cash(1_000, order_total=2_250).order
    path = f"/counter/orders/{order.id}/pay"
    page = page_of(charges(at_counter, device, path))
    given = presented(device)
    no_answer()
    texts = at_counter.reads(page)
    assert "It is not known yet whether the card was charged." in texts
    assert "Do not charge the card again. Ask for cash, or wait" in texts
    assert "Do not charge the card again." in at_counter.reads(f"/counter/orders/{order.id}")
    again = charges(at_counter, device, path)
    assert again.status_code == 422
    assert "Do not charge the card again: ask for cash" in text(again)
    assert page_of(at_counter.sends(f"{page}/ask")) == page
    question = device.poll()
    assert question is not None
    assert (question["type"], question["target"]) == ("status", given["id"])
    device.result(question["id"], sale(1))
    done = at_counter.reads(page)
    assert "Paid." in done
    assert "Afterwards the terminal told that it did succeed" in done


def test_a_card_that_was_read_here_gets_its_money_back_on_the_terminal(
    shop: Shop, at_counter: Tablet, device: Device, django_capture_on_commit_callbacks: Any
) -> None:
    page_of(charges(at_counter, device))
    device.result(presented(device)["id"], sale(1))
    order = Payment.objects.get().order
    path = f"/counter/orders/{order.id}/refund"
    once = at_counter.fields(at_counter.opens(path))["once"]
    plan = at_counter.sends(path, once=once, amount="5.00", reason="Too small")
    assert "€5.00 goes back on the card, which the customer holds to the terminal once you have confirmed it." in text(
        plan
    )
    refund_page = page_of(at_counter.agrees(path, plan))
    refunds.offer_refunds()
    assert "Till 1 is being asked. Have the customer's card ready." in at_counter.reads(refund_page)
    given = presented(device)
    assert "The customer holds the card to Till 1 now." in at_counter.reads(refund_page)
    device.result(given["id"], retourpin(given))
    assert "Done: the customer has it" in at_counter.reads(refund_page)
    made = Refund.objects.get()
    assert (made.amount_succeeded if hasattr(made, "amount_succeeded") else made.amount, made.operator) == (500, "Anna")
    assert "Given back on the card." in at_counter.reads(f"/counter/actions/{given['id']}")


def test_a_refund_that_nobody_presented_is_asked_for_once_more(shop: Shop, at_counter: Tablet, device: Device) -> None:
    page_of(charges(at_counter, device))
    device.result(presented(device)["id"], sale(1))
    at_counter.gives_back(Payment.objects.get().order_id, "5.00")
    refunds.offer_refunds()
    action = TerminalAction.objects.get(type="refund")
    page = f"/counter/actions/{action.id}"
    at_counter.sends(f"{page}/abort")
    shown = at_counter.opens(page)
    assert "Nothing was given back." in text(shown)
    once = at_counter.fields(shown)["once"]
    pages = {page_of(at_counter.sends(f"{page}/again", once=once)) for _ in range(2)}
    assert len(pages) == 1
    given = presented(device)
    device.result(given["id"], retourpin(given))
    assert Refund.objects.get().status == "succeeded"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"amount": "free"}, "Write an amount"),
        ({"amount": "0"}, "above zero"),
        ({"terminal": "trm_other"}, "Choose a terminal of this store."),
        ({"reference": "4111 1111 1111 1111"}, "card number"),
    ],
)
def test_what_is_wrong_is_named_and_no_terminal_is_told(
    at_counter: Tablet, device: Device, fields: dict[str, str], why: str
) -> None:
    answer = charges(at_counter, device, **fields)
    assert answer.status_code == 422
    assert why in text(answer)
    assert TerminalAction.objects.count() == 0


def test_terminals_and_actions_of_another_store_are_not_there(shop: Shop, at_counter: Tablet, device: Device) -> None:
    from payments.services import create_setup

    other = create_setup.create_channel(merchant=shop.merchant, kind="in_store", name="Bloem Zeist", actor=BY)
    made = create.create(channel=other, label="Theirs", actor=BY)
    assert "Theirs" not in at_counter.reads("/counter/pay")
    page = page_of(charges(at_counter, device))
    TerminalAction.objects.update(channel=other, terminal=made.terminal)
    for path in ("", "/abort", "/ask", "/again"):
        answer = at_counter.sends(page + path) if path else at_counter.opens(page)
        assert answer.status_code == 404, path
    assert TerminalAction.objects.get().status == ActionStatus.QUEUED


def test_a_role_without_it_drives_no_terminal(
    at_counter: Tablet, device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = page_of(charges(at_counter, device))
    held = permissions.GRANTS[Role.Name.CLERK] - {permissions.May.REQUEST_PAYMENT}
    monkeypatch.setitem(permissions.GRANTS, Role.Name.CLERK, held)
    assert at_counter.opens("/counter/pay").status_code == 403
    assert at_counter.sends(f"{page}/abort").status_code == 403
    assert TerminalAction.objects.get().status == ActionStatus.QUEUED


def test_a_store_without_terminals_says_so(at_counter: Tablet) -> None:
    assert "No terminal of this store is paired." in at_counter.reads("/counter/pay")

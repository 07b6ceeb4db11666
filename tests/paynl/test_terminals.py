"""Terminals of Pay.nl from till to books: taps, refusals, stops that cross a tap, lost answers and lost power."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from payments.core.money import Money
from payments.models import Payment, RefundPart
from payments.providers.base import Outcome
from payments.providers.paynl.requests import PIN, RETOURPIN
from terminals.models import TerminalAction
from terminals.providers.base import Request, Till
from terminals.providers.paynl import PayNl
from terminals.services.actions import drive, sweep
from tests.api.client import refusal
from tests.fake_paynl import afterwards
from tests.fake_paynl.books import Object
from tests.fake_paynl.server import FakePayNl
from tests.fake_paynl.traps import Trap
from tests.fakes.faults import Fault
from tests.paynl.conftest import PayNlShop
from tests.simulator import eventually
from tests.terminals.conftest import books as ledger
from tests.terminals.test_driven_sales import pass_time, status_of

pytestmark = pytest.mark.django_db(transaction=True)

CODE = "TH-1234-5678"
WORDS = {"operator": "Sanne", "reason": "Too small"}


@pytest.fixture
def device(paynl: PayNlShop) -> Object:
    """A terminal at whose counter nobody has come yet: what its customer does, each test says."""
    terminal = afterwards.add_terminal(paynl.books, CODE)
    terminal["_card"] = "nothing"
    return terminal


@pytest.fixture
def till(paynl: PayNlShop, device: Object) -> str:
    """The same terminal, as ours."""
    about = {"channel": paynl.shop.store.id, "label": "Till 9", "driver": "paynl", "device_id": CODE}
    made: str = paynl.ask("/v1/terminals", **about)["id"]
    return made


@pytest.fixture
def sell(paynl: PayNlShop, till: str) -> Callable[..., dict[str, Any]]:
    """Have the terminal charge a card."""

    def ask(amount: int = 10_00, **more: Any) -> dict[str, Any]:
        body = {"type": "sale", "amount": amount, "currency": "EUR", **more}
        made = paynl.ask(f"/v1/terminals/{till}/actions", **body)
        drive.drive(till)
        return made

    return ask


def only(orders: dict[str, Object]) -> str:
    """The only order there is."""
    [name] = orders
    return name


def polled() -> None:
    """Seconds later."""
    TerminalAction.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
    drive.drive_all()


def asked_later(action: dict[str, Any], seconds: int = 140) -> None:
    """What stands without an answer is asked about when it is due."""
    pass_time(action, seconds)
    drive.drive_all()
    sweep.sweep()


def test_a_tap_is_booked_and_known_by_its_order(
    paynl: PayNlShop, sell: Callable[..., dict[str, Any]], till: str
) -> None:
    action = sell(order_reference="W-1")
    assert status_of(action) == ("presented", "processing")
    name = only(paynl.books.orders)
    asked = paynl.books.orders[name]["_asked"]
    assert asked["paymentMethod"] == {"id": PIN, "input": {"terminalCode": CODE}}
    afterwards.pay(paynl.books, name)
    polled()
    assert status_of(action) == ("succeeded", "captured")
    payment = paynl.payment({"id": action["payment"]})
    assert payment["card"]["last4"] == "4321"
    assert Payment.objects.get().provider_reference == name
    assert TerminalAction.objects.get().maker_reference == name
    assert ledger(paynl.shop.merchant) == {"receivable": 1000, "takings": -1000}


def test_its_exchange_tells_the_same_once(paynl: PayNlShop, sell: Callable[..., dict[str, Any]]) -> None:
    action = sell()
    afterwards.pay(paynl.books, only(paynl.books.orders))
    paynl.deliver()
    polled()
    assert status_of(action) == ("succeeded", "captured")
    assert ledger(paynl.shop.merchant) == {"receivable": 1000, "takings": -1000}
    assert Payment.objects.count() == 1


@pytest.mark.parametrize(
    ("status", "ended"),
    [(-63, ("declined", "declined")), (-90, ("canceled", "canceled")), (-80, ("canceled", "canceled"))],
)
def test_what_was_not_paid(
    paynl: PayNlShop, sell: Callable[..., dict[str, Any]], status: int, ended: tuple[str, str]
) -> None:
    action = sell()
    afterwards.fail(paynl.books, only(paynl.books.orders), status)
    polled()
    assert status_of(action) == ended
    assert paynl.effects() == []


def test_a_busy_terminal_is_a_refusal_and_nothing_is_sent_again(
    paynl: PayNlShop, sell: Callable[..., dict[str, Any]], fake_paynl: FakePayNl
) -> None:
    fake_paynl.traps.set(Trap.TERMINAL_BUSY)
    action = sell()
    assert status_of(action) == ("declined", "declined")
    assert paynl.payment({"id": action["payment"]})["failure"]["code"] == "terminal_busy"
    asked_later(action)
    assert paynl.books.orders == {}


def test_a_stop_that_crosses_a_tap_says_what_happened(
    paynl: PayNlShop, sell: Callable[..., dict[str, Any]], till: str, fake_paynl: FakePayNl
) -> None:
    action = sell()
    fake_paynl.traps.set(Trap.ABORT_CROSSES_TAP)
    stop = paynl.ask(f"/v1/terminals/{till}/actions", type="abort")
    drive.drive(till)
    assert status_of(action) == ("succeeded", "captured")
    assert TerminalAction.objects.get(id=stop["id"]).status == "declined"
    assert ledger(paynl.shop.merchant) == {"receivable": 1000, "takings": -1000}


def test_a_stop_in_time_charges_nobody(paynl: PayNlShop, sell: Callable[..., dict[str, Any]], till: str) -> None:
    action = sell()
    paynl.ask(f"/v1/terminals/{till}/actions", type="abort")
    drive.drive(till)
    assert status_of(action) == ("canceled", "canceled")
    assert paynl.effects() == []


def test_a_lost_answer_is_found_by_the_exchange(
    paynl: PayNlShop, sell: Callable[..., dict[str, Any]], fake_paynl: FakePayNl
) -> None:
    fake_paynl.faults.plan(Fault.DROPPED_DONE)
    action = sell()
    assert status_of(action) == ("unknown", "unknown")
    asked_later(action)
    assert status_of(action) == ("unknown", "unknown")
    afterwards.pay(paynl.books, only(paynl.books.orders))
    paynl.deliver()
    sweep.sweep()
    assert status_of(action) == ("succeeded", "captured")
    assert (len(paynl.books.orders), ledger(paynl.shop.merchant)) == (1, {"receivable": 1000, "takings": -1000})


def test_a_call_that_was_never_answered_ends_when_nobody_can_pay_it_any_more(
    till: str,
    paynl: PayNlShop,
    monkeypatch: pytest.MonkeyPatch,
    sell: Callable[..., dict[str, Any]],
    fake_paynl: FakePayNl,
) -> None:
    fake_paynl.faults.plan(Fault.DROPPED_NOT_DONE)
    action = sell()
    monkeypatch.setattr("terminals.providers.paynl.ORDER_LIVES", timedelta(minutes=-6))
    asked_later(action)
    assert status_of(action) == ("canceled", "canceled")
    assert paynl.books.orders == {}


def test_power_that_fails_between_approval_and_answer_is_waited_for(
    paynl: PayNlShop, sell: Callable[..., dict[str, Any]], device: Object
) -> None:
    device["_card"], device["_seconds"] = "lose_power", 0.0
    action = sell()
    eventually(lambda: device["connectionStatus"] == "OFFLINE")
    polled()
    assert status_of(action) == ("presented", "processing")
    asked_later(action)
    assert status_of(action) == ("unknown", "unknown")
    afterwards.restore(paynl.books, CODE)
    asked_later(action)
    assert status_of(action) == ("succeeded", "captured")
    assert ledger(paynl.shop.merchant) == {"receivable": 1000, "takings": -1000}


def test_a_sale_by_pin_goes_back_by_retourpin(paynl: PayNlShop, sell: Callable[..., dict[str, Any]], till: str) -> None:
    sale = sell()
    sold = only(paynl.books.orders)
    afterwards.pay(paynl.books, sold)
    polled()
    # Its provider cannot give it back without the card.
    asked = {"payment": sale["payment"], "route": "original", "reason": "Too small", "channel": paynl.shop.store.id}
    refusal(paynl.api.post("/v1/refunds", asked), 422, "route_not_possible")
    paynl.ask(f"/v1/terminals/{till}/actions", type="refund", payment=sale["payment"], amount=4_00, **WORDS)
    drive.drive(till)
    [name] = set(paynl.books.orders) - {sold}
    order = paynl.books.orders[name]
    assert (order["type"], order["_asked"]["paymentMethod"]["id"]) == ("credit", RETOURPIN)
    afterwards.pay(paynl.books, name)
    paynl.deliver()  # the exchange tells, and the poll tells once more
    polled()
    assert RefundPart.objects.get().status == "succeeded"
    assert ledger(paynl.shop.merchant) == {"receivable": 600, "takings": -1000, "returns": 400}
    assert paynl.effects() == [("charge", 10_00), ("retourpin", 4_00)]


def test_a_retourpin_without_an_answer_is_never_called_undone(
    till: str, paynl: PayNlShop, device: Object, fake_paynl: FakePayNl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("terminals.providers.paynl.ORDER_LIVES", timedelta(minutes=-60))
    about = Request(action_id=TerminalAction().id, amount=Money(4_00, "EUR"), is_refund=True)
    known = PayNl().status(about, Till(CODE, paynl.books.secrets, test_mode=True))
    assert (known.outcome, fake_paynl.received) == (Outcome.UNKNOWN, [])


def test_a_terminal_of_paynl_needs_an_account_there(paynl: PayNlShop) -> None:
    external = paynl.ask("/v1/provider_accounts", provider="external", name="Acquirer", currency="EUR")["id"]
    about = {"channel": paynl.shop.store.id, "label": "Till 9", "driver": "paynl", "device_id": CODE}
    refusal(paynl.api.post("/v1/terminals", {**about, "provider_account": external}), 422, "provider_account_required")

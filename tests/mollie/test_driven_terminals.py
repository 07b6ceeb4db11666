"""Mollie's terminals from till to books: sale, stop, busy, out of reach, silence, and a refund that needs no card."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from payments.models import Payment
from terminals.models import TerminalAction
from terminals.services.actions import drive, sweep
from tests.fake_mollie import afterwards
from tests.fake_mollie.server import FakeMollie
from tests.fake_mollie.traps import Trap
from tests.fakes.faults import Fault
from tests.mollie.conftest import MollieShop
from tests.terminals.conftest import books as ledger
from tests.terminals.test_driven_sales import pass_time, status_of

pytestmark = pytest.mark.django_db(transaction=True)

Sell = Callable[..., dict[str, Any]]


@pytest.fixture
def till(mollie_shop: MollieShop) -> str:
    """A device of Mollie's, as our terminal; its account is the only one of Mollie's there is."""
    device = afterwards.terminal(mollie_shop.books)["id"]
    about = {"channel": mollie_shop.shop.store.id, "label": "Till 9", "driver": "mollie", "device_id": device}
    made: str = mollie_shop.ask("/v1/terminals", **about)["id"]
    return made


@pytest.fixture
def sell(mollie_shop: MollieShop, till: str) -> Sell:
    """Have the terminal charge a card."""

    def ask(amount: int = 10_00) -> dict[str, Any]:
        made = mollie_shop.ask(f"/v1/terminals/{till}/actions", type="sale", amount=amount, currency="EUR")
        drive.drive(till)
        return made

    return ask


def tapped(shop: MollieShop) -> str:
    """The customer holds a card to the device; Mollie's name for the payment."""
    [payment] = shop.books.all("tr")
    afterwards.pay(shop.books, payment["id"])
    return str(payment["id"])


def polled() -> None:
    """Seconds later."""
    TerminalAction.objects.filter(poll_at__isnull=False).update(poll_at=timezone.now())
    drive.drive_all()


def test_a_sale_by_pin_is_given_back_without_the_card(mollie_shop: MollieShop, sell: Sell) -> None:
    action = sell()
    name = tapped(mollie_shop)
    polled()
    assert status_of(action) == ("succeeded", "captured")
    assert Payment.objects.get().provider_reference == name
    refund = mollie_shop.refund({"id": action["payment"]}, 4_00)
    [part] = refund["parts"]
    assert (part["route"], part["status"]) == ("original", "pending")
    afterwards.refunds_leave(mollie_shop.books)
    mollie_shop.tell()
    assert mollie_shop.refunded(refund)["status"] == "succeeded"
    assert ledger(mollie_shop.shop.merchant) == {"receivable": 600, "takings": -1000, "returns": 400}
    assert mollie_shop.effects() == [("sale", 10_00), ("refund", 4_00)]


def test_a_webhook_that_comes_first_tells_the_same_once(mollie_shop: MollieShop, sell: Sell) -> None:
    action = sell()
    tapped(mollie_shop)
    mollie_shop.tell()
    polled()
    assert status_of(action) == ("succeeded", "captured")
    assert (Payment.objects.count(), ledger(mollie_shop.shop.merchant)) == (1, {"receivable": 1000, "takings": -1000})


def test_what_was_stopped_in_time_charges_nobody(mollie_shop: MollieShop, sell: Sell, till: str) -> None:
    action = sell()
    mollie_shop.ask(f"/v1/terminals/{till}/actions", type="abort")
    drive.drive(till)
    assert status_of(action) == ("canceled", "canceled")
    assert mollie_shop.effects() == []


def test_a_stop_that_crosses_a_tap_says_what_happened(
    mollie_shop: MollieShop, sell: Sell, till: str, fake_mollie: FakeMollie
) -> None:
    action = sell()
    fake_mollie.traps.set(Trap.CANCEL_CROSSES_TAP)
    mollie_shop.ask(f"/v1/terminals/{till}/actions", type="abort")
    drive.drive(till)
    assert status_of(action) == ("succeeded", "captured")
    assert ledger(mollie_shop.shop.merchant) == {"receivable": 1000, "takings": -1000}


@pytest.mark.parametrize("trap", [Trap.TERMINAL_BUSY, Trap.TERMINAL_UNREACHABLE])
def test_a_terminal_that_takes_nothing_is_a_refusal_and_is_not_asked_again(
    mollie_shop: MollieShop, sell: Sell, fake_mollie: FakeMollie, trap: Trap
) -> None:
    fake_mollie.traps.set(trap)
    action = sell()
    assert status_of(action) == ("declined", "declined")
    assert mollie_shop.payment({"id": action["payment"]})["failure"]["code"] == trap.value
    pass_time(action, 140)
    drive.drive_all()
    assert len(mollie_shop.books.all("tr")) == 1


def test_a_lost_answer_is_found_by_our_own_name(mollie_shop: MollieShop, sell: Sell, fake_mollie: FakeMollie) -> None:
    fake_mollie.faults.plan(Fault.DROPPED_DONE)
    action = sell()
    assert status_of(action) == ("unknown", "unknown")
    name = tapped(mollie_shop)
    pass_time(action, 140)
    drive.drive_all()
    sweep.sweep()
    assert status_of(action) == ("succeeded", "captured")
    assert TerminalAction.objects.get(id=action["id"]).maker_reference == name
    assert (len(mollie_shop.books.all("tr")), Payment.objects.count()) == (1, 1)

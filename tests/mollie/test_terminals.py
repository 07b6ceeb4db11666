"""Terminals of Mollie: started, read, stopped, busy, out of reach, and silent."""

from dataclasses import replace

import pytest

from payments.core.ids import new_id
from payments.core.money import Money
from payments.providers.base import Outcome
from terminals.providers.base import Request, Till
from terminals.providers.mollie import Mollie
from tests.fake_mollie import afterwards
from tests.fake_mollie.books import Books
from tests.fake_mollie.server import FakeMollie
from tests.fake_mollie.traps import Trap
from tests.fakes.faults import Fault


@pytest.fixture
def books(fake_mollie: FakeMollie) -> Books:
    return fake_mollie.account("bloem")


@pytest.fixture
def till(books: Books) -> Till:
    return Till(afterwards.terminal(books)["id"], books.secrets, test_mode=True)


def request(amount: int = 10_00) -> Request:
    return Request(action_id=new_id("act"), amount=Money(amount, "EUR"), operator="Sanne")


def test_a_card_is_charged_and_told_with_what_proves_it(books: Books, till: Till) -> None:
    one, asked = Mollie(), request()
    assert one.start(asked, till).outcome is Outcome.PENDING
    [payment] = books.all("tr")
    assert (payment["method"], payment["details"]) == ("pointofsale", {"terminalId": till.device_id})
    afterwards.pay(books, payment["id"])
    answer = one.status(asked, till)
    assert (answer.outcome, answer.charged) == (Outcome.SUCCEEDED, Money(10_00, "EUR"))
    assert (answer.rrn, answer.authorization_code) == (payment["id"], "080668")
    card = answer.card
    assert (card.brand, card.last4, card.entry_mode, card.verification) == ("mastercard", "1234", "contactless", "none")


def test_a_second_start_under_one_id_charges_nobody(books: Books, till: Till) -> None:
    asked = request()
    assert Mollie().start(asked, till) == Mollie().start(asked, till)
    assert len(books.all("tr")) == 1


@pytest.mark.parametrize("trap", [Trap.TERMINAL_BUSY, Trap.TERMINAL_UNREACHABLE])
def test_a_device_that_takes_nothing_is_a_refusal_with_its_code(
    books: Books, till: Till, fake_mollie: FakeMollie, trap: Trap
) -> None:
    fake_mollie.traps.set(trap)
    answer = Mollie().start(request(), till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, trap.value)


def test_a_stop_that_crosses_a_tap_says_what_happened(books: Books, till: Till, fake_mollie: FakeMollie) -> None:
    one, asked = Mollie(), request()
    one.start(asked, till)
    fake_mollie.traps.set(Trap.CANCEL_CROSSES_TAP)
    answer = one.cancel(asked, till)
    assert (answer.outcome, answer.charged) == (Outcome.SUCCEEDED, Money(10_00, "EUR"))


def test_what_the_device_alone_can_stop_goes_on(books: Books, till: Till, fake_mollie: FakeMollie) -> None:
    one, asked = Mollie(), request()
    one.start(asked, till)
    fake_mollie.traps.set(Trap.NOT_CANCELABLE)
    assert one.cancel(asked, till).outcome is Outcome.PENDING
    assert one.cancel(asked, till).code == "canceled"


@pytest.mark.parametrize(
    ("fault", "afterwards_known"), [(Fault.DROPPED_DONE, Outcome.PENDING), (Fault.DROPPED_NOT_DONE, Outcome.DECLINED)]
)
def test_silence_is_found_out_by_asking(
    books: Books, till: Till, fake_mollie: FakeMollie, fault: Fault, afterwards_known: Outcome
) -> None:
    one, asked = Mollie(), request()
    fake_mollie.faults.plan(fault)
    assert one.start(asked, till).outcome is Outcome.UNKNOWN
    one.start(request(20_00), till)  # another customer's, which is not the one
    answer = one.status(asked, till)
    assert answer.outcome is afterwards_known
    assert answer.code == ("not_found" if afterwards_known is Outcome.DECLINED else "")


@pytest.mark.parametrize("fault", [Fault.DROPPED_NOT_DONE, Fault.RATE_LIMITED, Fault.UNREADABLE])
def test_a_question_that_is_not_answered_decides_nothing(
    books: Books, till: Till, fake_mollie: FakeMollie, fault: Fault
) -> None:
    one, asked = Mollie(), request()
    one.start(asked, till)
    fake_mollie.faults.plan(fault, fault)
    assert one.status(asked, till).outcome is Outcome.UNKNOWN
    assert one.cancel(asked, till).outcome is Outcome.UNKNOWN


def test_a_device_that_is_unknown_or_retired_takes_nothing(books: Books, till: Till) -> None:
    retired = afterwards.terminal(books, "inactive")
    for device in (retired["id"], "term_nobody"):
        answer = Mollie().start(request(), replace(till, device_id=device))
        assert (answer.outcome, answer.code) == (Outcome.DECLINED, "invalid_request")


def test_a_key_of_the_other_mode_is_never_sent(books: Books, till: Till, fake_mollie: FakeMollie) -> None:
    answer = Mollie().start(request(), replace(till, test_mode=False))
    assert (answer.outcome, answer.code) == (Outcome.NOT_SENT, "credentials_of_other_mode")
    assert fake_mollie.received == []


def test_a_refund_needs_no_device(till: Till) -> None:
    assert Mollie().refund(request(), till).code == "not_supported"

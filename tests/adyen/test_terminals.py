"""Terminals of Adyen: over the cloud and in the store, busy, silent, without power, stopped too late, and forged."""

from dataclasses import replace
from typing import Any

import pytest

from payments.core.ids import new_id
from payments.core.money import Money
from payments.providers.adyen import webhooks
from payments.providers.base import Outcome, ReportType
from terminals.providers.adyen import connection
from terminals.providers.adyen.driver import Adyen
from terminals.providers.base import Request, Till
from tests.fake_adyen import terminals
from tests.fake_adyen import webhooks as theirs
from tests.fake_adyen.server import FakeAdyen
from tests.fake_adyen.terminals import FakeTerminal
from tests.fake_adyen.traps import Trap
from tests.fakes.faults import Fault


@pytest.fixture(params=["cloud", "encrypted", "local"])
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def terminal(fake_adyen: FakeAdyen, way: str) -> FakeTerminal:
    return fake_adyen.terminal("bloem", encrypted=way != "cloud")


@pytest.fixture
def till(fake_adyen: FakeAdyen, terminal: FakeTerminal, way: str) -> Till:
    address = "@127.0.0.1" if way == "local" else ""
    secrets = terminal.books.secrets | (terminals.SECRETS if way != "cloud" else {})
    return Till(terminal.device + address, secrets, test_mode=True)


def request(amount: int = 10_10, **more: Any) -> Request:
    return Request(action_id=new_id("act"), amount=Money(amount, "EUR"), operator="Sanne", **more)


def paid(terminal: FakeTerminal, till: Till, asked: Request) -> Any:
    """A card was there, and what came of it."""
    terminal.card = "tap"
    first = Adyen().start(asked, till)
    return first if first.outcome is Outcome.SUCCEEDED else Adyen().status(asked, till)


def test_a_card_is_charged_and_told_with_what_proves_it(terminal: FakeTerminal, till: Till) -> None:
    answer = paid(terminal, till, asked := request())
    assert (answer.outcome, answer.charged) == (Outcome.SUCCEEDED, Money(10_10, "EUR"))
    [payment] = terminal.books.payments.values()
    assert (answer.payment_reference, answer.rrn, answer.authorization_code) == (payment.name, payment.name, "123456")
    assert payment.reference == asked.action_id
    card = answer.card
    assert (card.brand, card.last4, card.entry_mode, card.verification) == (
        "mastercard",
        "4321",
        "contactless",
        "online_pin",
    )
    assert answer.occurred_at is not None


def test_a_second_start_under_one_id_charges_nobody(terminal: FakeTerminal, till: Till) -> None:
    asked = request()
    paid(terminal, till, asked)
    Adyen().start(asked, till)
    assert [effect.verb for effect in terminal.books.effects] == ["sale"]


@pytest.mark.parametrize(("what", "code"), [("refuse", "declined"), ("give_up", "canceled")])
def test_a_refusal_and_a_customer_who_goes(terminal: FakeTerminal, till: Till, what: str, code: str) -> None:
    terminal.card, asked = what, request()
    Adyen().start(asked, till)
    answer = Adyen().status(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, code)


def test_a_busy_terminal_is_a_refusal_with_its_code(terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen) -> None:
    fake_adyen.traps.set(Trap.TERMINAL_BUSY)
    asked = request()
    Adyen().start(asked, till)
    answer = Adyen().status(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "terminal_busy")


def test_a_customer_who_takes_long_is_waited_for(
    terminal: FakeTerminal, till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.5)
    asked = request()
    assert Adyen().start(asked, till).outcome is Outcome.PENDING
    assert Adyen().status(asked, till).outcome is Outcome.PENDING
    terminal.act("tap")
    assert Adyen().status(asked, till).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("trap", [None, Trap.ABORT_CROSSES_TAP, Trap.ABORT_IGNORED])
def test_what_came_of_a_stop_is_asked_and_never_taken_from_its_answer(
    terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen, monkeypatch: pytest.MonkeyPatch, trap: Trap | None
) -> None:
    monkeypatch.setattr(connection, "READ_SECONDS", 0.5)
    one, asked = Adyen(), request()
    one.start(asked, till)
    if trap is not None:
        fake_adyen.traps.set(trap)
    wanted = {None: Outcome.DECLINED, Trap.ABORT_CROSSES_TAP: Outcome.SUCCEEDED, Trap.ABORT_IGNORED: Outcome.PENDING}
    answer = one.cancel(asked, till)
    assert answer.outcome is wanted[trap]
    assert answer.code == ("canceled" if trap is None else "")
    assert len(terminal.books.effects) == (trap is Trap.ABORT_CROSSES_TAP)


def test_a_terminal_that_loses_its_power_has_charged_nobody(
    terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen
) -> None:
    fake_adyen.traps.set(Trap.POWER_LOST)
    asked = request()
    assert Adyen().start(asked, till).outcome in (Outcome.UNKNOWN, Outcome.DECLINED)
    answer = Adyen().status(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "not_found")
    assert terminal.books.effects == []


def test_an_answer_that_was_lost_is_found_out_by_asking(
    terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen
) -> None:
    terminal.card, asked = "tap", request()
    fake_adyen.faults.plan(Fault.DROPPED_DONE)
    assert Adyen().start(asked, till).outcome is Outcome.SUCCEEDED, "it is asked at once"
    assert [effect.verb for effect in terminal.books.effects] == ["sale"]


@pytest.mark.parametrize("fault", [Fault.DROPPED_NOT_DONE, Fault.ERROR_NOT_DONE, Fault.UNREADABLE])
def test_a_question_that_is_not_answered_decides_nothing(
    terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen, fault: Fault
) -> None:
    asked = request()
    paid(terminal, till, asked)
    fake_adyen.faults.plan(fault)
    assert Adyen().status(asked, till).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("way", "code"), [("cloud", "not_found"), ("encrypted", "answer_not_genuine")], indirect=["way"]
)
def test_a_terminal_out_of_reach(terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen, code: str) -> None:
    """Adyen could not hand it on. Whether the terminal is just coming back is not known: it is not sent again."""
    terminal.is_online, asked = False, request()
    assert Adyen().start(asked, till).outcome is Outcome.UNKNOWN
    assert Adyen().status(asked, till).outcome is Outcome.UNKNOWN
    fake_adyen.traps.set(Trap.TERMINAL_OFFLINE)  # for the first message only
    terminal.is_online = True
    asked = request()
    assert Adyen().start(asked, till).code == code, "a plain word of Adyen's own is not believed where keys are used"
    answer = Adyen().status(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "not_found")


@pytest.mark.parametrize("way", ["encrypted", "local"], indirect=True)
def test_a_plain_answer_where_an_encrypted_one_is_due_is_a_forgery(
    terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen
) -> None:
    terminal.card, asked = "tap", request()
    fake_adyen.traps.always(Trap.PLAIN_ANSWER)
    Adyen().start(asked, till)
    answer = Adyen().status(asked, till)
    assert (answer.outcome, answer.code) == (Outcome.UNKNOWN, "answer_not_genuine")
    assert Adyen().totals(till) is None
    fake_adyen.traps.clear()
    assert Adyen().status(asked, till).outcome is Outcome.SUCCEEDED


@pytest.mark.parametrize("way", ["encrypted", "local"], indirect=True)
def test_another_key_understands_nothing(terminal: FakeTerminal, till: Till) -> None:
    terminal.card, asked = "tap", request()
    Adyen().start(asked, till)
    for wrong in ({"terminal_key_version": "2"}, {"terminal_key_identifier": "Another"}):
        other = replace(till, secrets={**till.secrets, **wrong})
        assert Adyen().status(asked, other).code == "answer_not_genuine"


@pytest.mark.parametrize("way", ["local"], indirect=True)
def test_a_terminal_in_the_store_is_never_spoken_to_without_its_key(
    terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen
) -> None:
    bare = replace(till, secrets=terminal.books.secrets)
    half = replace(till, secrets={**till.secrets, "terminal_key_version": ""})
    assert [Adyen().start(request(), each).code for each in (bare, half)] == [
        "terminal_key_missing",
        "terminal_key_incomplete",
    ]
    assert fake_adyen.received == []


def test_a_refund_of_what_a_terminal_charged_is_received_and_told_by_its_webhook(
    terminal: FakeTerminal, till: Till
) -> None:
    sale = paid(terminal, till, request())
    told: list[Any] = []
    terminal.books.listen = lambda _, items: told.extend(items)
    operation = new_id("op")
    asked = request(4_00, is_refund=True, operation_id=operation, original_reference=sale.reference)
    assert Adyen().refund(asked, till).outcome is Outcome.PENDING
    assert Adyen().status(asked, till).outcome is Outcome.PENDING, "received is not refunded"
    terminals.carry_out_reversal(terminal.books, action="cancel")
    [report] = webhooks.parse_webhook(theirs.body(terminal.books.hmac_key, *told)).reports
    assert (report.fact, report.operation_id, report.result.outcome, report.result.amount) == (
        ReportType.REFUND,
        operation,
        Outcome.SUCCEEDED,
        Money(4_00, "EUR"),
    )


def test_a_refund_of_anything_else_goes_to_the_card_that_is_there(terminal: FakeTerminal, till: Till) -> None:
    asked = request(4_00, is_refund=True, original_reference="8515565295894301")
    answer = paid(terminal, till, asked)
    assert (answer.outcome, answer.charged) == (Outcome.SUCCEEDED, Money(4_00, "EUR"))
    assert [(effect.verb, effect.net) for effect in terminal.books.effects] == [("refund", -4_00)]


def test_totals(terminal: FakeTerminal, till: Till) -> None:
    for amount in (10_10, 20_00):
        paid(terminal, till, request(amount))
    [total] = Adyen().totals(till) or ()
    assert (total.brand, total.type, total.count, total.amount) == ("mc", "sale", 2, Money(30_10, "EUR"))


def test_a_terminal_whose_account_is_of_the_other_mode_is_never_spoken_to(
    terminal: FakeTerminal, till: Till, fake_adyen: FakeAdyen
) -> None:
    answer = Adyen().start(request(), replace(till, test_mode=False))
    assert (answer.outcome, answer.code) == (Outcome.NOT_SENT, "credentials_of_other_mode")
    assert fake_adyen.received == []


@pytest.mark.parametrize("way", ["cloud"], indirect=True)
def test_a_device_that_nobody_knows(till: Till) -> None:
    answer = Adyen().start(request(), replace(till, device_id="V400m-0"))
    assert (answer.outcome, answer.code) == (Outcome.DECLINED, "adyen_10_404")

"""What every driver of terminals promises: five outcomes, nothing twice, no exception for what a network does."""

import pytest

from payments.core.ids import new_id
from payments.core.money import Money
from payments.providers.base import Outcome
from terminals.providers.base import Answer, Request, Till
from terminals.providers.registry import driver, drivers
from tests.terminals.providers.conftest import RunningMaker

TILL = Till("T1")


def request(amount: int = 1000) -> Request:
    return Request(action_id=new_id("act"), amount=Money(amount, "EUR"), operator="Sanne")


@pytest.fixture(params=["onetill_device", "simulator"])
def code(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_driver_of_the_settings_is_tried_here(settings: object) -> None:
    elsewhere = {"adyen", "mollie", "paynl", "stripe"}  # each in its own test_terminals.py
    assert set(drivers()) - elsewhere == {"onetill_device", "simulator"}


def test_a_driver_answers_with_one_of_five_outcomes(code: str, maker: RunningMaker) -> None:
    requested = request()
    one = driver(code)
    assert one.code == code
    answers = [one.start(requested, TILL), one.status(requested, TILL), one.cancel(requested, TILL)]
    answers += [one.refund(request(), TILL)]
    assert {type(answer) for answer in answers} == {Answer}
    if not one.asks:  # the device fetches it, and answers by itself
        assert {answer.outcome for answer in answers} == {Outcome.PENDING}
        assert one.totals(TILL) is None


def test_no_driver_raises_while_its_maker_is_away(code: str, maker: RunningMaker) -> None:
    maker.stop()
    one, requested = driver(code), request()
    outcomes = {one.start(requested, TILL).outcome, one.status(requested, TILL).outcome}
    assert outcomes == ({Outcome.NOT_SENT} if one.asks else {Outcome.PENDING})
    assert one.totals(TILL) is None
    maker.start()


def test_a_second_start_under_one_id_charges_nobody(maker: RunningMaker) -> None:
    one, requested = driver("simulator"), request()
    first, second = one.start(requested, TILL), one.start(requested, TILL)
    assert (first.outcome, first.rrn, first.charged) == (Outcome.SUCCEEDED, second.rrn, Money(1000, "EUR"))
    totals = one.totals(TILL)
    assert totals is not None
    assert [(each.type, each.count, each.amount.amount) for each in totals] == [("sale", 1, 1000)]


@pytest.mark.parametrize(
    ("amount", "at_once", "afterwards"),
    [
        (1001, Outcome.DECLINED, Outcome.DECLINED),
        (1002, Outcome.DECLINED, Outcome.DECLINED),
        (1003, Outcome.UNKNOWN, Outcome.SUCCEEDED),
        (1004, Outcome.UNKNOWN, Outcome.SUCCEEDED),
        (1005, Outcome.PENDING, Outcome.PENDING),
        (1006, Outcome.UNKNOWN, Outcome.DECLINED),
    ],
)
def test_what_was_not_answered_is_found_out_by_asking(
    maker: RunningMaker, amount: int, at_once: Outcome, afterwards: Outcome
) -> None:
    one, requested = driver("simulator"), request(amount)
    assert one.start(requested, TILL).outcome == at_once
    maker.restart()  # its memory is on the disk
    assert one.status(requested, TILL).outcome == afterwards


def test_a_stop_that_comes_too_late_says_what_happened(maker: RunningMaker) -> None:
    one, paid, slow = driver("simulator"), request(), request(1005)
    one.start(paid, TILL)
    one.start(slow, TILL)
    assert one.cancel(paid, TILL).outcome == Outcome.SUCCEEDED
    stopped = one.cancel(slow, TILL)
    assert (stopped.outcome, stopped.code) == (Outcome.DECLINED, "canceled")

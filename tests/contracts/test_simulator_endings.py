"""Every magic ending does what the table says, to a charge, a capture and a refund, by answer, fetch and effect log."""

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import pytest

from payments.providers.base import Credentials, Outcome, ProviderRequest, Result, Verb
from payments.providers.simulator.magic import DELAY, Ending, magic
from payments.providers.simulator.provider import Simulator
from tests.contracts.stages import STAGES, call, credentials
from tests.simulator import RunningSimulator

SUCCEEDED, DECLINED, PENDING, UNKNOWN, NOT_SENT = (
    Outcome.SUCCEEDED,
    Outcome.DECLINED,
    Outcome.PENDING,
    Outcome.UNKNOWN,
    Outcome.NOT_SENT,
)
SIMULATOR: Final = Simulator()
STAGE: Final = STAGES["simulator"]
BASE: Final = 10_00
LAST_WORD: Final = 6.0  # seconds after which nothing more happens by itself (webhooks apart)
PATIENCE: Final = 20.0


@dataclass(frozen=True, slots=True)
class Expected:
    """The answer, what fetch says at once and in the end, and how many times the amount moved in the end."""

    answer: Outcome
    fetched: Outcome
    final: Outcome
    moved: int
    code: str | None = None


PLAIN: Final = Expected(SUCCEEDED, SUCCEEDED, SUCCEEDED, 1)
GONE: Final = Expected(SUCCEEDED, SUCCEEDED, SUCCEEDED, 0)
DONE_WITHOUT_WORD: Final = Expected(UNKNOWN, SUCCEEDED, SUCCEEDED, 1)
ALWAYS: Final = {
    Ending.PLAIN: PLAIN,
    Ending.DO_NOT_HONOR: Expected(DECLINED, DECLINED, DECLINED, 0, "do_not_honor"),
    Ending.INSUFFICIENT_FUNDS: Expected(DECLINED, DECLINED, DECLINED, 0, "insufficient_funds"),
    Ending.EXPIRED_CARD: Expected(DECLINED, DECLINED, DECLINED, 0, "expired_card"),
    Ending.PENDING_SUCCEEDS: Expected(PENDING, PENDING, SUCCEEDED, 1),
    Ending.PENDING_FAILS: Expected(PENDING, PENDING, DECLINED, 0),
    Ending.TIMEOUT_DONE: DONE_WITHOUT_WORD,
    Ending.TIMEOUT_NOT_DONE: Expected(UNKNOWN, NOT_SENT, NOT_SENT, 0),
    Ending.DROPPED_DONE: DONE_WITHOUT_WORD,
    Ending.ERROR_DONE: DONE_WITHOUT_WORD,
    Ending.ERROR_NOT_DONE: Expected(UNKNOWN, NOT_SENT, NOT_SENT, 0),
    Ending.RATE_LIMITED: Expected(NOT_SENT, NOT_SENT, NOT_SENT, 0, "rate_limited"),
    Ending.BALANCE_SHORT_ONCE: Expected(NOT_SENT, NOT_SENT, NOT_SENT, 0, "balance_too_short"),
    Ending.UNREACHABLE_ONCE: Expected(NOT_SENT, NOT_SENT, NOT_SENT, 0, "unreachable"),
    Ending.WEBHOOK_FIRST: PLAIN,
    Ending.WEBHOOKS_TWICE: PLAIN,
    Ending.WEBHOOK_LATE: Expected(PENDING, PENDING, SUCCEEDED, 1),
}
OF_CHARGES: Final = ALWAYS | {
    Ending.REDIRECT: Expected(PENDING, PENDING, PENDING, 0),
    Ending.REDIRECT_DECLINED: Expected(PENDING, PENDING, PENDING, 0),
    Ending.REDIRECT_EXPIRES: Expected(PENDING, PENDING, DECLINED, 0),
}
AFTER_MONEY_CAME_IN: Final = {
    Ending.REVERSED: GONE,
    Ending.FAILS_LATE: GONE,
    Ending.DASHBOARD_REFUND: GONE,
    Ending.CHARGEBACK_LOST: GONE,
    Ending.CHARGEBACK_WON: PLAIN,
    Ending.CHARGEBACK_INQUIRY: PLAIN,
    Ending.CHARGEBACK_AGAIN: GONE,
}
MONEY_ENDINGS: Final = dict.fromkeys(AFTER_MONEY_CAME_IN, PLAIN)
REDIRECTS: Final = dict.fromkeys((Ending.REDIRECT, Ending.REDIRECT_DECLINED, Ending.REDIRECT_EXPIRES), PLAIN)
FAILS_LATE: Final = Expected(SUCCEEDED, SUCCEEDED, DECLINED, 0)
TABLE: Final = {
    Verb.SALE: OF_CHARGES | AFTER_MONEY_CAME_IN,
    Verb.AUTHORIZE: OF_CHARGES | MONEY_ENDINGS,  # an authorization moves no money that could come back
    Verb.CAPTURE: ALWAYS | REDIRECTS | AFTER_MONEY_CAME_IN,
    Verb.REFUND: ALWAYS | REDIRECTS | MONEY_ENDINGS | {Ending.REVERSED: FAILS_LATE, Ending.FAILS_LATE: FAILS_LATE},
}
CASES: Final = [(verb, ending) for verb in TABLE for ending in Ending]


@dataclass(slots=True)
class Played:
    """What came of one case."""

    account: Credentials
    call: ProviderRequest
    answer: Result
    fetched: Result
    final: Result | None = None


@pytest.fixture(scope="module")
def played(simulator: RunningSimulator) -> dict[tuple[Verb, Ending], Played]:
    """All cases at once, so that their seconds of waiting are shared."""
    with ThreadPoolExecutor(len(CASES)) as pool:
        plays = dict(zip(CASES, pool.map(lambda case: _play(*case), CASES), strict=True))
    time.sleep(LAST_WORD)
    for (verb, ending), play in plays.items():
        play.final = _in_the_end(play, TABLE[verb][ending].final)
    return plays


def test_the_table_names_every_ending() -> None:
    assert all(expected.keys() == set(Ending) for expected in TABLE.values())


@pytest.mark.parametrize(("verb", "ending"), CASES, ids=lambda part: part.name)
def test_does_as_the_table_says(
    played: dict[tuple[Verb, Ending], Played], simulator: RunningSimulator, verb: Verb, ending: Ending
) -> None:
    play, expected = played[verb, ending], TABLE[verb][ending]
    assert play.final is not None
    assert play.answer.outcome is expected.answer
    assert play.fetched.outcome is expected.fetched
    assert play.final.outcome is expected.final
    assert expected.code in (None, play.answer.code)
    assert _moved(simulator, play, verb) == expected.moved * play.call.amount.amount


@pytest.mark.parametrize(("verb", "ending"), CASES, ids=lambda part: part.name)
def test_moves_an_operation_at_most_once(
    played: dict[tuple[Verb, Ending], Played], simulator: RunningSimulator, verb: Verb, ending: Ending
) -> None:
    play = played[verb, ending]
    own = simulator.effects(account=play.account.account_id, operation_id=play.call.operation_id, verb=verb.value)
    once = TABLE[verb][ending].final is SUCCEEDED or TABLE[verb][ending] is FAILS_LATE
    assert [(row["amount"], row["currency"]) for row in own] == [(play.call.amount.amount, "EUR")] * once


@pytest.mark.parametrize(
    "ending",
    [Ending.TIMEOUT_NOT_DONE, Ending.ERROR_NOT_DONE, Ending.RATE_LIMITED, Ending.UNREACHABLE_ONCE],
    ids=lambda ending: ending.name,
)
def test_what_was_not_done_succeeds_when_asked_again(
    played: dict[tuple[Verb, Ending], Played], simulator: RunningSimulator, ending: Ending
) -> None:
    play = played[Verb.REFUND, ending]
    assert SIMULATOR.execute(play.call, play.account).outcome is SUCCEEDED
    assert SIMULATOR.execute(play.call, play.account).outcome is SUCCEEDED
    assert len(simulator.effects(account=play.account.account_id, operation_id=play.call.operation_id)) == 1


def _in_the_end(play: Played, wanted: Outcome) -> Result:
    """What fetch says at last; a simulator that is late is waited for."""
    end = time.monotonic() + PATIENCE
    while (text := SIMULATOR.fetch(play.call, play.account)).outcome is not wanted and time.monotonic() < end:
        time.sleep(0.1)
    return text


def _play(verb: Verb, ending: Ending) -> Played:
    """Anew where we were too slow to ask before what follows by itself had followed."""
    while True:
        began = time.monotonic()
        played = _played(verb, ending)
        if played.answer.outcome is not PENDING or time.monotonic() - began < DELAY:
            return played


def _played(verb: Verb, ending: Ending) -> Played:
    account = credentials("simulator", SIMULATOR.new_secrets())
    request = call(STAGE, verb, magic(BASE, ending))
    if verb in (Verb.CAPTURE, Verb.REFUND):
        before = call(STAGE, Verb.AUTHORIZE if verb is Verb.CAPTURE else Verb.SALE, 5 * BASE)
        payment = SIMULATOR.execute(before, account)
        request = call(STAGE, verb, magic(BASE, ending), payment_reference=payment.payment_reference)
    answer = SIMULATOR.execute(request, account)
    return Played(account, request, answer, SIMULATOR.fetch(request, account))


def _moved(simulator: RunningSimulator, play: Played, verb: Verb) -> int:
    """How much this operation, with all that followed, brought the merchant (or cost them, if it is a refund)."""
    rows = simulator.effects(account=play.account.account_id)
    if verb is Verb.AUTHORIZE:
        return sum(int(row["amount"]) for row in rows if row["verb"] == "authorize")
    net: int = sum(row["net"] for row in rows)
    return 5 * BASE - net if verb is Verb.REFUND else net

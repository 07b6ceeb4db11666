"""The simulator's webhooks: signed, prompt or late, twice, out of order, and never lost."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest

from config.sandbox.psp.processor import AFTERWARDS_OF_CHARGES, AFTERWARDS_OF_REFUNDS
from payments.providers.base import Outcome, ProviderReport, ProviderRequest, ReportType, Result, Verb, WebhookEvent
from payments.providers.simulator.magic import LATE, VERY_LATE, Ending, magic
from tests.contracts.conftest import Account, new_account
from tests.contracts.stages import STAGES, call
from tests.simulator import Receiver, RunningSimulator, eventually

SLOW: Final = [
    *((Verb.SALE, ending) for ending in AFTERWARDS_OF_CHARGES),
    *((Verb.REFUND, ending) for ending in AFTERWARDS_OF_REFUNDS),
    (Verb.SALE, Ending.WEBHOOK_LATE),
    (Verb.SALE, Ending.DROPPED_DONE),
]


@dataclass(frozen=True, slots=True)
class Story:
    """One operation with its own account, begun long enough ago."""

    account: Account
    call: ProviderRequest
    answer: Result
    began: float


@pytest.fixture(scope="module")
def stories(simulator: RunningSimulator) -> Iterator[dict[tuple[Verb, Ending], Story]]:
    """Everything slow begins at once, so that the waiting is shared."""
    receivers = [Receiver() for _ in SLOW]
    accounts = [new_account(simulator, receiver) for receiver in receivers]
    yield {case: _begin(*case, account) for case, account in zip(SLOW, accounts, strict=True)}
    for receiver in receivers:
        receiver.close()


def _begin(verb: Verb, ending: Ending, account: Account) -> Story:
    more = {"payment_reference": account.paid(50_00)} if verb is Verb.REFUND else {}
    request = call(STAGES["simulator"], verb, magic(12_00, ending), webhook_url=account.receiver.url, **more)
    began = time.monotonic()
    return Story(account, request, account.provider.execute(request, account.credentials), began)


def only(notice: WebhookEvent) -> ProviderReport:
    (report,) = notice.reports
    return report


def test_an_ordinary_sale_is_told_promptly_once_and_completely(account: Account) -> None:
    request = call(STAGES["simulator"], webhook_url=account.receiver.url)
    answer = account.provider.execute(request, account.credentials)
    (notice,) = account.notices(1, within=LATE)
    assert only(notice) == ProviderReport(fact=ReportType.SALE, result=answer, operation_id=request.operation_id)
    time.sleep(0.5)
    assert len(account.receiver.landed) == 1


def test_a_refusal_is_told_too(account: Account) -> None:
    account.ask(Verb.SALE, magic(12_00, Ending.DO_NOT_HONOR))
    report = only(account.notices(1)[0])
    assert (report.fact, report.result.outcome, report.result.code) == (
        ReportType.SALE,
        Outcome.DECLINED,
        "do_not_honor",
    )


def test_without_an_address_nothing_is_sent(account: Account) -> None:
    account.provider.execute(call(STAGES["simulator"]), account.credentials)
    time.sleep(0.5)
    assert account.receiver.landed == []


@pytest.mark.parametrize("verb", [Verb.SALE, Verb.REFUND])
def test_the_webhook_may_come_before_the_answer(account: Account, verb: Verb) -> None:
    more: dict[str, Any] = {"payment_reference": account.paid()} if verb is Verb.REFUND else {}
    before = len(account.notices(len(more)))
    result = account.ask(verb, magic(12_00, Ending.WEBHOOK_FIRST), **more)
    answered = time.monotonic()
    assert result.outcome is Outcome.SUCCEEDED
    landed = account.receiver.landed[before]
    assert landed.at < answered


def test_every_webhook_twice_and_out_of_order(account: Account) -> None:
    account.ask(Verb.SALE, magic(12_00, Ending.WEBHOOKS_TWICE))
    notices = account.notices(4)
    types = [notice.type for notice in notices]
    assert sorted(types) == ["sale.pending"] * 2 + ["sale.succeeded"] * 2
    assert types.index("sale.succeeded") < len(types) - 1 - types[::-1].index("sale.pending")
    assert len(set(notices)) == 2
    assert len({only(notice).operation_id for notice in notices}) == 1
    assert account.effects() == [("sale", 12_41)]


@pytest.mark.parametrize(
    ("ending", "outcome", "seconds"),
    [(Ending.WEBHOOK_LATE, Outcome.PENDING, LATE), (Ending.DROPPED_DONE, Outcome.UNKNOWN, VERY_LATE)],
    ids=lambda part: getattr(part, "name", None),
)
def test_a_webhook_may_come_late(
    stories: dict[tuple[Verb, Ending], Story], ending: Ending, outcome: Outcome, seconds: float
) -> None:
    story = stories[Verb.SALE, ending]
    assert story.answer.outcome is outcome
    assert story.account.notice_types(1) == ["sale.succeeded"]
    assert story.account.receiver.landed[0].at - story.began >= seconds


def test_repeated_until_taken_with_the_same_id_and_a_fresh_signature(account: Account) -> None:
    account.receiver.status = 503
    account.ask(Verb.SALE, 12_50)
    eventually(lambda: len(account.receiver.landed) >= 3)
    account.receiver.status = 200
    notices = account.notices(4)
    assert len(set(notices)) == 1
    times = [landed.at for landed in account.receiver.landed]
    assert times[1] - times[0] >= 0.5
    assert times[2] - times[1] >= 1.0
    count = len(account.receiver.landed)
    time.sleep(1)
    assert len(account.receiver.landed) == count


@pytest.mark.parametrize("ending", [Ending.REVERSED, Ending.FAILS_LATE])
def test_a_sale_that_is_reversed(stories: dict[tuple[Verb, Ending], Story], ending: Ending) -> None:
    story = stories[Verb.SALE, ending]
    answer, events = story.answer, story.account.notices(2)
    assert [notice.type for notice in events] == ["sale.succeeded", "reversal.succeeded"]
    report = only(events[1])
    assert (report.operation_id, report.original_reference) == (None, answer.reference)
    assert report.result.payment_reference == answer.payment_reference
    assert report.result.amount == answer.amount


@pytest.mark.parametrize("ending", [Ending.REVERSED, Ending.FAILS_LATE])
def test_a_refund_that_fails_late(stories: dict[tuple[Verb, Ending], Story], ending: Ending) -> None:
    story = stories[Verb.REFUND, ending]
    account, requested, answer = story.account, story.call, story.answer
    assert answer.outcome is Outcome.SUCCEEDED
    events = account.notices(3)
    assert sorted(notice.type for notice in events) == ["refund.declined", "refund.succeeded", "sale.succeeded"]
    report = only(next(notice for notice in events if notice.type == "refund.declined"))
    assert (report.operation_id, report.result.reference) == (requested.operation_id, answer.reference)
    assert report.result.code == "refund_failed"
    assert report.result.occurred_at is not None
    assert answer.occurred_at is not None
    assert report.result.occurred_at > answer.occurred_at
    assert [verb for verb, _ in account.effects()] == ["sale", "refund", "refund_failed"]


def test_a_refund_at_the_dashboard(stories: dict[tuple[Verb, Ending], Story]) -> None:
    story = stories[Verb.SALE, Ending.DASHBOARD_REFUND]
    answer, events = story.answer, story.account.notices(2)
    report = only(events[1])
    assert (report.fact, report.operation_id, report.reason) == (ReportType.REFUND, None, "dashboard")
    assert report.result.payment_reference == answer.payment_reference
    assert report.result.reference != answer.reference


@pytest.mark.parametrize(
    ("ending", "types", "effects"),
    [
        (Ending.CHARGEBACK_LOST, ["chargeback_opened", "chargeback_lost"], ["sale", "chargeback"]),
        (Ending.CHARGEBACK_WON, ["chargeback_opened", "chargeback_won"], ["sale", "chargeback", "chargeback_reversal"]),
        (Ending.CHARGEBACK_INQUIRY, ["chargeback_inquiry"], ["sale"]),
        (
            Ending.CHARGEBACK_AGAIN,
            ["chargeback_opened", "chargeback_won", "chargeback_opened", "chargeback_lost"],
            ["sale", "chargeback", "chargeback_reversal", "chargeback"],
        ),
    ],
    ids=lambda part: getattr(part, "name", None),
)
def test_chargebacks(
    stories: dict[tuple[Verb, Ending], Story], ending: Ending, types: list[str], effects: list[str]
) -> None:
    account, answer = stories[Verb.SALE, ending].account, stories[Verb.SALE, ending].answer
    events = account.notices(1 + len(types))[1:]
    assert [notice.type for notice in events] == [f"{name}.succeeded" for name in types]
    reports = [only(notice) for notice in events]
    assert len({report.result.reference for report in reports}) == 1
    assert {report.original_reference for report in reports} == {answer.reference}
    assert {report.reason for report in reports} == {"fraud"}
    assert [verb for verb, _ in account.effects()] == effects


def test_the_dashboard_does_the_same_by_hand(account: Account) -> None:
    simulator, payment = account.simulator, account.paid(20_00)
    first = {"payment_reference": payment}
    assert simulator.http.post("/dashboard/refunds", json=first | {"amount": 20_01}).status_code == 409
    simulator.post("/dashboard/refunds", **first, amount=5_00)
    opened = simulator.post("/dashboard/chargebacks", **first, amount=20_00)  # more than is left: a fact all the same
    simulator.post(f"/dashboard/chargebacks/{opened['reference']}", outcome="won")
    again = simulator.http.post(f"/dashboard/chargebacks/{opened['reference']}", json={"outcome": "lost"})
    assert again.json()["code"] == "chargeback_closed"
    simulator.post("/dashboard/chargebacks", **first, stage="inquiry")
    assert simulator.http.post("/dashboard/reversals", json=first).json()["code"] == "not_reversible"
    expected = [("sale", 20_00), ("refund", 5_00), ("chargeback", 20_00), ("chargeback_reversal", 20_00)]
    assert account.effects() == expected
    types = ["chargeback_inquiry", "chargeback_opened", "chargeback_won", "refund", "sale"]
    assert sorted(account.notice_types(5)) == [f"{name}.succeeded" for name in types]


def test_an_authorization_that_runs_out(account: Account) -> None:
    answer = account.ask(Verb.AUTHORIZE, 20_00)
    account.ask(Verb.CAPTURE, 5_00, payment_reference=answer.payment_reference, final=False)
    account.simulator.post("/dashboard/expirations", payment_reference=answer.payment_reference)
    report = only(next(notice for notice in account.notices(3) if notice.type.startswith("expire")))
    assert (report.operation_id, report.original_reference) == (None, answer.reference)
    assert account.effects()[-1] == ("expire", 15_00)
    late = account.ask(Verb.CAPTURE, 15_00, payment_reference=answer.payment_reference)
    assert late.code == "nothing_to_capture"


def test_a_whole_sale_can_be_reversed_by_hand(account: Account) -> None:
    account.simulator.post("/dashboard/reversals", payment_reference=account.paid(20_00))
    assert account.effects() == [("sale", 20_00), ("reversal", 20_00)]

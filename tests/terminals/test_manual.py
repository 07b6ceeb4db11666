"""A device that follows the manual to the letter gets everything told, exactly once, whatever the line and servers do."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from django.test import Client

from payments.models import CardEvidence, Payment
from terminals.models import TerminalAction
from tests.api.client import Api
from tests.terminals.device import Device, refund, sale
from tests.terminals.manual import Answer, ManualDevice

pytestmark = pytest.mark.django_db

FAULTS = ("lost", "unanswered", 429, 503, 500, 502, 409)


@dataclass
class Weather:
    """The line and the proxies before the server: each request meets one of the faults with this chance."""

    chance: random.Random
    badly: float
    http: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    met: list[Any] = field(default_factory=list)

    def __call__(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        fault = self.chance.choice(FAULTS) if self.chance.random() < self.badly else None
        self.met += [fault] if fault else []
        if fault == "lost":
            return None
        if isinstance(fault, int):
            wait = {"Retry-After": str(self.chance.randint(1, 5))} if fault in (429, 503, 409) else {}
            return fault, wait, {"code": {409: "idempotency_in_progress"}.get(fault, "unavailable")}
        answer = self.http.generic("POST", path, body, "application/json", headers=headers)
        if fault == "unanswered":
            return None
        return answer.status_code, dict(answer.headers), json.loads(answer.content)


def device(terminal: Device, weather: Weather, *, off: float = 0.0) -> ManualDevice:
    return ManualDevice(terminal.terminal, terminal.secret or "", weather, lambda: time.time() + off)


@pytest.fixture
def manual(terminal: Device) -> Callable[..., ManualDevice]:
    """The paired device, in any weather."""

    def make(*, seed: int = 0, badly: float = 0.0, off: float = 0.0) -> ManualDevice:
        return device(terminal, Weather(random.Random(seed), badly), off=off)

    return make


@pytest.mark.parametrize("seed", range(4))
def test_everything_is_told_exactly_once_in_any_weather(manual: Callable[..., ManualDevice], seed: int) -> None:
    chance = random.Random(seed)
    till = manual(seed=seed, badly=0.5, off=chance.choice([0, 3600, -86_400 * 400]))
    till.largest = chance.choice([1, 3, 7])
    expected: dict[int, str] = {}
    for number in range(1, 16):
        happened, outcome = _anything(chance, number)
        till.queue.append(happened)
        expected[number] = outcome
    till.queue += [dict(sale(2, 99_999)), dict(sale(3))]  # one number used twice, and one told twice
    till.send_all(at_most=400)
    assert (till.queue, till.stopped) == ([], None)
    refused = sorted(number for number, outcome in expected.items() if outcome == "refused")
    assert sorted(number for number, status in till.set_aside if status == "refused" and number != 2) == refused
    assert set(till.done) >= {number for number, outcome in expected.items() if outcome == "recorded"}
    recorded = [number for number, outcome in expected.items() if outcome == "recorded"]
    assert sorted(CardEvidence.objects.values_list("sequence", flat=True)) == sorted(recorded)
    assert Payment.objects.count() == len(recorded)


def _anything(chance: random.Random, number: int) -> tuple[dict[str, Any], str]:
    if number > 3 and chance.random() < 0.2:
        return sale(number, amount=-1), "refused"
    return sale(number), "recorded"


def test_a_clock_a_year_off_costs_one_more_request(manual: Callable[..., ManualDevice]) -> None:
    till = manual(off=-86_400 * 365)
    till.queue.append(sale(1))
    till.send_all(at_most=2)
    assert (till.done, till.requests, till.waited) == ([1], 2, 0.0)


def test_a_batch_that_is_too_large_is_halved_until_it_fits(manual: Callable[..., ManualDevice]) -> None:
    till = manual()
    till.largest = 600
    till.queue += [sale(number) for number in range(1, 602)]
    till.send_all(at_most=6)
    assert len(till.done) == 601


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"amount": 0}, "refused"),
        ({"sequence": 2_147_483_648}, "refused"),
        ({"sequence": 900_000}, "refused"),
        ({"colour": "red"}, "refused"),
        ({"sequence": 1, "amount": 9999}, "conflict"),
    ],
)
def test_what_is_refused_is_set_aside_at_once(
    manual: Callable[..., ManualDevice], wrong: dict[str, Any], status: str
) -> None:
    till = manual()
    till.queue.append(sale(1))
    till.send_all(at_most=1)
    till.queue.append({**sale(2), **wrong})
    till.send_all(at_most=2)
    assert till.set_aside == [(wrong.get("sequence", 2), status)]


def test_a_device_that_was_revoked_stops_and_keeps_its_queue(
    manual: Callable[..., ManualDevice], back_office: Any, terminal: Device
) -> None:
    till = manual()
    assert back_office.post(f"/v1/terminals/{terminal.terminal}/revoke", {}).status_code == 200
    till.queue.append(sale(1))
    till.send_all(at_most=1)
    assert (till.stopped, len(till.queue)) == ("terminal_revoked", 1)


def test_what_waited_is_told_with_the_next_heartbeat_and_only_once(
    manual: Callable[..., ManualDevice], other_terminal: Device
) -> None:
    till = manual(badly=0.6, seed=5)
    till.queue.append(refund(1, 450, original={"order_reference": "A-1"}))
    till.send_all(at_most=50)
    assert till.heartbeat()["resolved"] == []
    sold = other_terminal.post(sale(1, 1250, order_reference="A-1")).json()
    from terminals.services import deferred

    assert deferred.sweep() == 1
    till.heartbeat()
    (news,) = till.resolved
    assert (news["sequence"], news["payment"]) == (1, sold["payment"])
    assert news["refund"].startswith("ref_")
    assert till.heartbeat()["resolved"] == []
    assert len(till.resolved) == 1


def test_what_waited_is_told_with_the_batch_that_brings_it(manual: Callable[..., ManualDevice]) -> None:
    till = manual()
    till.queue.append(refund(2, 450, original={"sequence": 1}))
    till.send_all(at_most=1)
    till.queue += [sale(1), sale(3)]
    till.send_all(at_most=2)
    (news,) = till.resolved
    assert (news["sequence"], news["discrepancies"]) == (2, [])
    assert till.heartbeat()["resolved"] == []


@pytest.mark.parametrize("seed", range(3))
def test_what_a_till_asks_is_done_once_in_any_weather(
    manual: Callable[..., ManualDevice], terminal: Device, back_office: Api, seed: int
) -> None:
    chance, till = random.Random(seed), manual(seed=seed, badly=0.5)
    presented: list[int] = []

    def customer(number: int) -> dict[str, Any] | None:
        presented.append(number)
        return None if chance.random() < 0.3 else sale(len(till.done) + len(till.queue) + 1, 100 * number)

    wanted: dict[str, int] = {}
    for number in range(1, 7):
        requested = back_office.post(
            f"/v1/terminals/{terminal.terminal}/actions", {"type": "sale", "amount": 100 * number, "currency": "EUR"}
        )
        assert requested.status_code == 201, requested.content
        wanted[requested.json()["id"]] = number
        while (fetched := terminal.poll()) is not None:
            till.attend(fetched, partial(customer, number))
            if chance.random() < 0.5:  # the poll's answer came twice
                till.attend(fetched, partial(customer, number))
        till.send_all(at_most=4000)
    assert presented == list(range(1, 7))
    for action, number in wanted.items():
        transaction = till.actions[action]
        row = TerminalAction.objects.get(id=action)
        assert row.status == ("canceled" if transaction is None else "succeeded")
        assert row.payment is not None
        assert row.payment.amount_captured == (0 if transaction is None else 100 * number)

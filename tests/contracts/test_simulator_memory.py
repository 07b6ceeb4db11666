"""Killed at any moment, the simulator forgets nothing it acknowledged, and needs nothing of ours to run."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.conf import settings

from payments.providers.base import Outcome, ProviderRequest, Verb
from payments.providers.simulator.magic import Ending, magic
from tests.contracts.conftest import Account, new_account
from tests.contracts.stages import STAGES, call
from tests.simulator import PROJECT, Receiver, RunningSimulator, eventually


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, receiver: Receiver) -> Iterator[Account]:
    """A simulator of this test's own, to be killed."""
    running = RunningSimulator(tmp_path)
    monkeypatch.setattr(settings, "SIMULATOR_URL", running.url)
    running.start()
    yield new_account(running, receiver)
    running.stop()
    running.http.close()


def test_nothing_acknowledged_is_lost(mortal: Account) -> None:
    calls = [call(STAGES["simulator"], webhook_url=mortal.receiver.url) for _ in range(200)]
    mortal.receiver.status = 503  # so that its webhooks are still to be sent when it dies
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda request: mortal.provider.execute(request, mortal.credentials), calls))
    mortal.simulator.stop(signal.SIGKILL)
    unreachable = mortal.provider.execute(call(STAGES["simulator"]), mortal.credentials)
    assert unreachable.outcome in (Outcome.NOT_SENT, Outcome.UNKNOWN)
    mortal.receiver.landed.clear()
    mortal.receiver.status = 200
    mortal.simulator.start()
    assert [mortal.provider.fetch(request, mortal.credentials) for request in calls] == answers
    assert [mortal.provider.execute(request, mortal.credentials) for request in calls] == answers
    assert len(mortal.simulator.effects(account=mortal.id)) == 200
    notices = mortal.notices(200)
    assert {notice.reports[0].operation_id for notice in notices} == {request.operation_id for request in calls}


def test_killed_in_the_middle_it_did_each_thing_once_or_not_at_all(mortal: Account) -> None:
    answered: list[tuple[ProviderRequest, Outcome]] = []

    def ask_until_it_is_gone(_: int) -> None:
        outcome = None
        while outcome is not Outcome.NOT_SENT:
            request = call(STAGES["simulator"])
            outcome = mortal.provider.execute(request, mortal.credentials).outcome
            answered.append((request, outcome))

    with ThreadPoolExecutor(8) as pool:
        asking = pool.map(ask_until_it_is_gone, range(8))
        eventually(lambda: len(answered) > 50)
        mortal.simulator.stop(signal.SIGKILL)
        assert list(asking) == [None] * 8
    mortal.simulator.start()
    effects = {row["operation_id"] for row in mortal.simulator.effects(account=mortal.id)}
    for request, outcome in answered:
        done = request.operation_id in effects
        assert outcome is Outcome.UNKNOWN or done == (outcome is Outcome.SUCCEEDED)
        fetched = mortal.provider.fetch(request, mortal.credentials).outcome
        assert fetched is (Outcome.SUCCEEDED if done else Outcome.NOT_SENT)
    assert Outcome.SUCCEEDED in {outcome for _, outcome in answered}
    assert len(mortal.simulator.effects(account=mortal.id)) == len(effects)


def test_what_was_to_happen_later_still_does(mortal: Account) -> None:
    pending = mortal.ask(Verb.SALE, magic(12_00, Ending.PENDING_SUCCEEDS))
    reversed_ = mortal.ask(Verb.SALE, magic(12_00, Ending.REVERSED))
    page = mortal.ask(Verb.SALE, 12_50, method="ideal")
    assert (pending.outcome, reversed_.outcome) == (Outcome.PENDING, Outcome.SUCCEEDED)
    mortal.simulator.stop(signal.SIGKILL)
    mortal.simulator.start()
    eventually(lambda: sorted(mortal.effects()) == [("reversal", 12_30), ("sale", 12_10), ("sale", 12_30)])
    mortal.simulator.customer(str(page.redirect_url), "approve")
    assert ("sale", 12_50) in mortal.effects()


def test_the_magic_of_a_first_time_is_not_repeated_after_a_restart(mortal: Account) -> None:
    request = call(STAGES["simulator"], amount=magic(12_00, Ending.UNREACHABLE_ONCE))
    assert mortal.provider.execute(request, mortal.credentials).outcome is Outcome.NOT_SENT
    mortal.simulator.stop(signal.SIGKILL)
    mortal.simulator.start()
    assert mortal.provider.execute(request, mortal.credentials).outcome is Outcome.SUCCEEDED


def test_it_ends_at_once_when_told_to(mortal: Account) -> None:
    process = mortal.simulator._process
    mortal.paid()
    mortal.simulator.stop(signal.SIGINT)
    assert process is not None
    assert process.returncode == 0


def test_it_runs_without_django_and_database() -> None:
    script = "import sys, config.sandbox.psp.server; print([name for name in sys.modules if 'django' in name])"
    done = subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_command_says_when_its_port_is_taken(mortal: Account) -> None:
    command = [sys.executable, "manage.py", "simulator", f"--port={mortal.simulator.port}", "--home=/tmp"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "cannot listen" in done.stderr


@pytest.mark.parametrize("rate", [0.5])
def test_random_faults_never_move_money_twice_and_can_be_asked_about(mortal: Account, rate: float) -> None:
    calls = [call(STAGES["simulator"], webhook_url=mortal.receiver.url) for _ in range(60)]
    kinds = ["dropped_done", "error_done", "error_not_done", "rate_limited", "unreachable", "webhook_twice"]
    with mortal.simulator.misbehaving(rate=rate, seed=7, kinds=kinds, delay_ms=1):
        outcomes = {mortal.provider.execute(request, mortal.credentials).outcome for request in calls}
    assert outcomes == {Outcome.SUCCEEDED, Outcome.UNKNOWN, Outcome.NOT_SENT}
    for request in calls:
        if mortal.provider.fetch(request, mortal.credentials).outcome is Outcome.NOT_SENT:
            assert mortal.provider.execute(request, mortal.credentials).outcome is Outcome.SUCCEEDED
    assert len(mortal.simulator.effects(account=mortal.id)) == len(calls)
    assert len({row["operation_id"] for row in mortal.simulator.effects()}) == len(calls)


def test_faults_outlive_the_process(mortal: Account) -> None:
    mortal.simulator.post("/faults", rate=1, kinds=["error_done"])
    mortal.simulator.stop(signal.SIGKILL)
    mortal.simulator.start()
    assert mortal.ask(Verb.SALE, 12_50).outcome is Outcome.UNKNOWN
    assert mortal.effects() == [("sale", 12_50)]

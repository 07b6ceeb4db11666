"""Long runs are proven by tests that run as processes of their own, with servers of their own."""

import os
import subprocess
import sys

import pytest

from tests.reconciliation.planted import faults
from tests.soak import reconciliation
from tests.soak.report import is_clean
from tests.soak.runs import prove
from tests.stack import PROJECT


def test_a_proof_has_its_own_servers_whatever_this_process_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    assert is_clean(prove("runs", "tests/soak/own_servers.py", cases=1, sizes={}, seed=1))


def test_a_proof_that_fails_tells_how_it_is_repeated() -> None:
    line = prove("runs", "tests/there_is_none.py", cases=1, sizes={"LIVES": 2}, seed=1)
    assert line["violations"] == 1
    assert line["detail"] == ["LIVES=2 SEED=1 .venv/bin/pytest --timeout=0 --hypothesis-seed=1 tests/there_is_none.py"]
    assert "LIVES" not in os.environ


def test_the_suites_are_named_before_anything_has_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    command = [sys.executable, "-m", "tests.soak", "--help"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert "reconciliation" in done.stdout, done.stderr


def test_the_long_run_counts_every_planted_fault() -> None:
    assert len(faults.FAULTS) == reconciliation.FAULTS

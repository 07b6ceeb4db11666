"""Long runs are proven by tests that run as processes of their own, with servers of their own."""

import os

import pytest

from tests.soak.report import is_clean
from tests.soak.runs import prove


def test_a_proof_has_its_own_servers_whatever_this_process_has_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    assert is_clean(prove("runs", "tests/soak/own_servers.py", cases=1, sizes={}, seed=1))


def test_a_proof_that_fails_tells_how_it_is_repeated() -> None:
    line = prove("runs", "tests/there_is_none.py", cases=1, sizes={"LIVES": 2}, seed=1)
    assert line["violations"] == 1
    assert line["detail"] == ["LIVES=2 SEED=1 .venv/bin/pytest --timeout=0 --hypothesis-seed=1 tests/there_is_none.py"]
    assert "LIVES" not in os.environ

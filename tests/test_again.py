"""`make test` names what failed at first and passed when tried again, and still fails on what fails twice."""

import json
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import again


@pytest.fixture
def noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "lastfailed"
    monkeypatch.setattr(again, "FAILED", path)
    return path


def rerun(noted: Path, monkeypatch: pytest.MonkeyPatch, *, left: list[str]) -> None:
    """The second run, after which these are still noted as failed."""

    def run(command: Any, **options: Any) -> Any:
        noted.write_text(json.dumps(dict.fromkeys(left, True)))
        return SimpleNamespace(returncode=1 if left else 0)

    monkeypatch.setattr(subprocess, "run", run)


@pytest.mark.parametrize(("left", "status"), [([], 0), (["tests/b.py::test_b"], 1)])
def test_what_passes_when_tried_again_is_named(
    noted: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], left: list[str], status: int
) -> None:
    noted.write_text(json.dumps({"tests/a.py::test_a": True, "tests/b.py::test_b": True}))
    rerun(noted, monkeypatch, left=left)
    assert again.main() == status
    printed = capsys.readouterr().out
    assert "passed when tried again alone" in printed
    assert "tests/a.py::test_a" in printed
    assert ("tests/b.py::test_b" in printed) == (not left)


def test_a_run_that_broke_off_is_no_success(noted: Path) -> None:
    assert again.main() == 1

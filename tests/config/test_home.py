"""An installation makes its own secrets, once, and shows them to nobody."""

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.standalone import home


def test_secrets_are_made_once_and_kept(tmp_path: Path) -> None:
    first = home.read_secrets(tmp_path / "till")
    assert home.read_secrets(tmp_path / "till") == first
    assert home.read_secrets(tmp_path / "other") != first
    assert len({first.secret_key, first.encryption_key, first.owner_password, first.application_password}) == 4


def test_nobody_else_can_read_them(tmp_path: Path) -> None:
    home.read_secrets(tmp_path / "till")
    assert stat.S_IMODE((tmp_path / "till" / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "till").stat().st_mode) == 0o700


def test_processes_that_start_at_once_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(home.read_secrets, [tmp_path / "till"] * 8))) == 1


def test_a_home_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ImproperlyConfigured, match=r"file/secrets\.json cannot be used .* or set ONETILL_HOME"):
        home.read_secrets(tmp_path / "file")


def test_a_home_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "run.lock").mkdir()
    with (
        pytest.raises(ImproperlyConfigured, match=r"run\.lock cannot be used .* or set ONETILL_HOME"),
        home.locked(tmp_path),
    ):
        pass


def test_a_lock_that_a_killed_process_left_holds_nobody_up(tmp_path: Path) -> None:
    (tmp_path / "run.lock").write_text("4711")
    with home.locked(tmp_path), pytest.raises(home.Running, match="End it first"), home.locked(tmp_path):
        pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"secret_key": "x"}'])
def test_damaged_secrets_are_told_and_never_made_anew(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_text(content)
    with pytest.raises(ImproperlyConfigured, match=r"secrets\.json is damaged"):
        home.read_secrets(tmp_path)
    assert (tmp_path / "secrets.json").read_text() == content


def test_a_command_without_servers_says_how_to_start_them(tmp_path: Path) -> None:
    made_for_tests = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")
    environment = {name: value for name, value in os.environ.items() if name not in made_for_tests}
    done = subprocess.run(
        [sys.executable, str(home.PROJECT / "manage.py"), "showmigrations"],
        env=environment | {"ONETILL_HOME": str(tmp_path / "till")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert f"Start the servers of ONETILL_HOME={tmp_path / 'till'} with make run" in done.stderr

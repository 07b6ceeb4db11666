"""The tools behind make: a new provider's skeleton, the catalogs of messages, and help that reads the Makefile."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests import messages, new_provider, sharing

PROJECT = new_provider.PROJECT
PACKAGES = ("config", "payments", "terminals", "reconciliation")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project in another place, without what it has made."""
    for folder in (*PACKAGES, "tests"):
        shutil.copytree(PROJECT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__", "golden"))
    for file in ("pyproject.toml", "Makefile", "manage.py"):
        shutil.copy(PROJECT / file, tmp_path / file)
    return tmp_path


def run(project: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a tool of the virtual environment there."""
    program = [sys.executable, "-m", *command]
    return subprocess.run(
        program, cwd=project, capture_output=True, text=True, check=False, env=os.environ | environment
    )


def test_a_new_provider_has_the_files_of_every_provider_and_is_red_until_written(copy: Path) -> None:
    made = run(copy, "tests.new_provider", "acme_pay")
    assert made.returncode == 0, made.stderr
    assert '"acme_pay": "payments.providers.acme_pay.provider.AcmePay"' in made.stdout
    folder = copy / "payments/providers/acme_pay"
    written = {path.name for path in folder.iterdir()}
    assert written <= {path.name for path in (PROJECT / "payments/providers/stripe").iterdir()}
    assert {"provider.py", "client.py", "requests.py", "translate.py", "webhooks.py", "amounts.py"} <= written
    test = copy / "tests/providers/test_acme_pay.py"
    style = run(copy, "ruff", "check", "--no-cache", str(folder), str(test))
    assert style.returncode == 0, style.stdout
    assert run(copy, "ruff", "format", "--no-cache", "--check", str(folder), str(test)).returncode == 0

    red = run(copy, "pytest", "-q", "-p", "no:cacheprovider", str(test))
    assert red.returncode == 1, red.stdout + red.stderr
    assert "3 failed" in red.stdout
    for missing in ("translate.py: each answer", 'add "acme_pay": "payments.providers', "tests/contracts/stages.py"):
        assert missing in red.stdout


@pytest.mark.parametrize("name", ["", "Acme", "acme-pay", "class", "../acme", "stripe", "recorded"])
def test_a_name_that_cannot_be_is_refused_and_nothing_written(name: str) -> None:
    before = sorted((PROJECT / "payments/providers").iterdir())
    refused = run(PROJECT, "tests.new_provider", name)
    assert refused.returncode == 1
    assert "NAME=" in refused.stderr or "already" in refused.stderr
    assert sorted((PROJECT / "payments/providers").iterdir()) == before


@pytest.mark.skipif(any(shutil.which(tool) is None for tool in messages.TOOLS), reason="needs GNU gettext")
def test_what_is_not_translated_is_added_at_the_end_and_nothing_else_changes(copy: Path) -> None:
    catalogs = sorted(copy.glob("[cprt]*/**/locale/**/django.po"))
    before = {path: path.read_text() for path in catalogs}
    assert messages.add_missing(copy) == {}
    new = copy / "payments/notify/unheard.py"
    new.write_text('from django.utils.translation import gettext as _\n\nTEXT = _("Nobody has said this in Dutch.")\n')
    assert messages.add_missing(copy) == {"payments/notify": ['msgid "Nobody has said this in Dutch."\nmsgstr ""']}
    changed = {path for path in catalogs if path.read_text() != before[path]}
    own = copy / "payments/notify/locale/nl/LC_MESSAGES/django.po"
    assert changed == {own}
    assert own.read_text() == before[own] + '\nmsgid "Nobody has said this in Dutch."\nmsgstr ""\n'


def test_without_gettext_it_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.messages"],
        cwd=PROJECT,
        env={"PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "apt-get install gettext" in done.stderr


def test_help_names_every_target_but_old_names() -> None:
    makefile = (PROJECT / "Makefile").read_text()
    # Without the variables of a make that runs these tests itself: that one would tell which folders it enters.
    own = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "MAKELEVEL", "MFLAGS"}}
    printed = subprocess.run(["make", "help"], cwd=PROJECT, capture_output=True, text=True, check=True, env=own).stdout
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE)) - {"help", "lint"}
    assert {line.split()[1] for line in printed.splitlines()} == targets
    assert all(len(line[45:].strip()) > 6 for line in printed.splitlines()), printed


KILLED_AT_EXIT = """
import atexit, os
from tests.measuring import pytest_sessionfinish

atexit.register(os._exit, 0)  # as xdist ends a worker whose servers take too long to stop
"""


def test_what_a_worker_measured_is_kept_though_it_is_killed(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(KILLED_AT_EXIT)
    (tmp_path / "shop.py").write_text("def open() -> bool:\n    return True\n")
    (tmp_path / "test_shop.py").write_text("import shop\n\ndef test_it_opens() -> None:\n    assert shop.open()\n")
    (tmp_path / ".coveragerc").write_text("[run]\nsource = .\nparallel = true\npatch = subprocess\n")
    path = {"PYTHONPATH": str(PROJECT), "PYTEST_ADDOPTS": ""}
    done = run(tmp_path, "coverage", "run", "-m", "pytest", "-q", "-n", "1", **path)
    assert done.returncode == 0, done.stdout + done.stderr
    run(tmp_path, "coverage", "combine")
    printed = run(tmp_path, "coverage", "report", "--include=shop.py")
    assert "100%" in printed.stdout, printed.stdout


def test_the_hooks_before_a_commit_are_the_tools_that_the_lock_pins(tmp_path: Path) -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    assert [repo["repo"] for repo in hooks] == ["local"]
    programs = {hook["entry"].split()[0] for repo in hooks for hook in repo["hooks"]}
    assert programs == {f".venv/bin/{name}" for name in ("ruff", "mypy", "lint-imports")}
    lock = (PROJECT / "requirements.lock").read_text()
    assert all(f"\n{name}==" in lock for name in ("ruff", "mypy", "import-linter", "pre-commit"))
    valid = run(PROJECT, "pre_commit", "validate-config", ".pre-commit-config.yaml", PRE_COMMIT_HOME=str(tmp_path))
    assert valid.returncode == 0, valid.stdout + valid.stderr


def test_what_takes_longest_begins_first_once_the_installation_is_under_way() -> None:
    assert [name for name in (*sharing.LONGEST, *sharing.HURTING) if not (PROJECT / name).exists()] == []
    longest = [sharing.turn(f"{name}::test") for name in sharing.LONGEST]
    others = sharing.turn("tests/core/test_money.py::test")
    assert longest == sorted(set(longest))
    assert sharing.turn(f"{sharing.HURTING[0]}::test") < min(longest) < max(longest) < others


def test_only_what_uses_the_installation_waits_for_it() -> None:
    assert sharing.uses_installation("tests/stories/test_settled.py::test")
    assert not sharing.uses_installation("tests/test_migrations.py::test")  # it asks `tests.stack` for a path alone

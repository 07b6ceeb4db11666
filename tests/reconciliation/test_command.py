"""`manage.py import_settlement`: waits, says one thing in JSON, and exits 1 when a file is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.reconciliation.conftest import BankLine, Shop, statement


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    call_command("import_settlement", *arguments, "--json")
    printed: dict[str, object] = json.loads(capsys.readouterr().out)
    return printed


def test_a_file_is_imported_and_shown(shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "day.xml"
    path.write_text(statement(BankLine(100)))
    shown = run(capsys, str(path))
    assert (shown["status"], shown["format"], shown["lines"], shown["name"]) == ("imported", "camt053", 1, "day.xml")
    assert run(capsys, str(path))["status"] == "duplicate"


def test_a_refused_file_is_shown_and_fails(shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "day.xml"
    path.write_text(statement(BankLine(100), closing=1))
    with pytest.raises(CommandError) as failure:
        call_command("import_settlement", str(path), "--json")
    assert failure.value.returncode == 1
    shown = json.loads(capsys.readouterr().out)
    assert (shown["status"], shown["problems"][0]["code"]) == ("refused", "sums_differ")


def test_whose_file_it_is_must_be_clear(shop: Shop, open_shop: Callable[[str], Shop], tmp_path: Path) -> None:
    other = open_shop("Vreemd")
    path = tmp_path / "day.xml"
    path.write_text(statement(BankLine(100)))
    with pytest.raises(CommandError, match="--merchant"):
        call_command("import_settlement", str(path))
    with pytest.raises(CommandError, match="no such merchant"):
        call_command("import_settlement", str(path), "--merchant", "mer_none")
    call_command("import_settlement", str(path), "--merchant", other.merchant.id)


def test_a_file_that_is_not_there_and_a_format_that_is_none(
    shop: Shop, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_settlement", str(tmp_path / "none.xml"))
    path = tmp_path / "day.xml"
    with pytest.raises(CommandError):
        call_command("import_settlement", str(path), "--json")
    assert "cannot be read" in json.loads(capsys.readouterr().out)["error"]["detail"]
    path.write_text("x")
    with pytest.raises(CommandError, match="no such format"):
        call_command("import_settlement", str(path), "--format", "mt9999")

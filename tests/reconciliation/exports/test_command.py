"""`manage.py export`: the books of some days, written into a file."""

import json
from pathlib import Path

import pytest
from django.core.management import call_command

from payments.management.answering import CheckFailed
from reconciliation.models import Export
from reconciliation.services.account_mapping import change_mapping
from tests.reconciliation.conftest import BY
from tests.reconciliation.exports.conftest import Books


def days(books: Books) -> list[str]:
    return ["--from", books.today.replace(day=1).isoformat(), "--to", books.today.isoformat()]


def test_it_writes_the_file_and_says_what_is_in_it(
    books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "books.xaf"
    call_command("export", "xaf32", *days(books), "-o", str(path), "--json")
    printed = json.loads(capsys.readouterr().out)
    assert (printed["status"], printed["object"], printed["size"]) == ("ready", "export", path.stat().st_size)
    assert path.read_bytes().startswith(b"<?xml")


def test_without_a_file_it_prints_a_statement(books: Books, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    call_command("export", "mt940", *days(books), "--account", books.receivable)
    assert capfdbinary.readouterr().out.startswith(b":20:OT")


def test_what_is_not_released_ends_with_one(books: Books, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change_mapping(books.shop.merchant, books.receivable, values={"code": ""}, actor=BY)
    path = tmp_path / "books.csv"
    with pytest.raises(CheckFailed):
        call_command("export", "journal_csv", *days(books), "-o", str(path), "--json")
    printed = capsys.readouterr()
    assert json.loads(printed.out)["status"] == Export.Status.FAILED
    assert "account_unmapped" in printed.err
    assert not path.exists()

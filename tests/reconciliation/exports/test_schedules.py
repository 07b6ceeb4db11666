"""Exports on a schedule: asked for once when their days are over, and handed over where they should go."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from payments.core.errors import ValidationFailed
from payments.mail.models import Mail
from reconciliation.models import Export, ExportSchedule
from reconciliation.services.export_schedules import NewSchedule, create_schedule, end_schedule, request_due
from reconciliation.services.make_export import make_due
from tests.reconciliation.conftest import BY
from tests.reconciliation.exports.conftest import Books


@pytest.fixture
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.EXPORT_FOLDER = tmp_path / "handed-over"
    return tmp_path / "handed-over"


def schedules(books: Books, **more: Any) -> ExportSchedule:
    given = {
        "every": "day",
        "delivery": "folder",
        "email": "",
        "kind": "journal_csv",
        "profile": "exact",
        "account": "",
    }
    return create_schedule(NewSchedule(merchant=books.shop.merchant, **(given | more)), actor=BY)


def at(books: Books, days: int, hour: int = 6) -> dt.datetime:
    """So many days from today, on the merchant's clock."""
    return dt.datetime.combine(books.today + dt.timedelta(days=days), dt.time(hour), books.shop.merchant.zone)


def test_yesterday_is_exported_into_the_folder_early_in_the_morning(books: Books, folder: Path) -> None:
    schedules(books)
    assert request_due(now=at(books, 1)) == 1
    assert request_due(now=at(books, 1, 7)) == 0
    make_due()
    export = Export.objects.get()
    assert (export.status, export.first, export.last) == ("ready", books.today, books.today)
    (file,) = (folder / books.shop.merchant.id).iterdir()
    assert file.name == f"journal_csv-exact-{books.today}-{books.today}-EUR.csv"
    with export.file.open("rb") as kept:
        assert file.read_bytes() == kept.read()
    assert export.delivered_at is not None


def test_before_five_the_day_is_not_over(books: Books, folder: Path) -> None:
    schedules(books)
    request_due(now=at(books, 1, 4))
    assert Export.objects.get().last == books.today - dt.timedelta(days=1)


def test_days_on_which_the_server_was_off_are_caught_up(books: Books, folder: Path) -> None:
    schedules(books)
    request_due(now=at(books, 1))
    assert request_due(now=at(books, 4)) == 3
    spans = list(Export.objects.order_by("first").values_list("first", "last"))
    assert [first for first, _ in spans] == [books.today + dt.timedelta(days=days) for days in range(4)]
    assert all(first == last for first, last in spans)


def test_a_month_is_exported_when_it_is_over(books: Books, folder: Path) -> None:
    schedules(books, every="month", kind="xaf32", profile="")
    following = (books.today.replace(day=1) + dt.timedelta(days=32)).replace(day=1)
    request_due(now=at(books, (following - books.today).days))
    request_due(now=at(books, (following - books.today).days + 1))
    export = Export.objects.get()
    assert (export.first, export.last) == (books.today.replace(day=1), following - dt.timedelta(days=1))


def test_an_export_goes_by_e_mail_with_its_file(books: Books) -> None:
    schedules(books, delivery="mail", email="books@example.com", kind="camt053", profile="", account=books.receivable)
    request_due(now=at(books, 1))
    make_due()
    letter = Mail.objects.get()
    assert (letter.to, letter.attachment_type) == ("books@example.com", "application/xml")
    assert letter.attachment is not None
    assert bytes(letter.attachment).startswith(b"<?xml")
    assert Export.objects.get().sha256 in letter.text


def test_an_ended_schedule_makes_no_more(books: Books) -> None:
    schedule = schedules(books)
    end_schedule(schedule, actor=BY)
    assert request_due(now=at(books, 1)) == 0


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ({"delivery": "mail"}, ("email", "invalid_format")),
        ({"email": "a@example.com"}, ("email", "not_together")),
        ({"every": "hour"}, ("every", "invalid_choice")),
        ({"delivery": "sftp"}, ("host", "required")),
        ({"kind": "mt940", "profile": ""}, ("account", "required")),
    ],
)
def test_a_schedule_that_cannot_be_carried_out_is_refused(
    books: Books, more: dict[str, str], fault: tuple[str, str]
) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        schedules(books, **more)
    assert (refusal.value.faults[0].param, refusal.value.faults[0].code) == fault

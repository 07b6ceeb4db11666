"""Exports are put onto an accountant's server by SFTP: to the one that was confirmed, whole, and again until it works."""

import datetime as dt
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from payments.core.errors import Invalid, ValidationFailed
from payments.people.models import AuditLog
from reconciliation.models import Export, ExportSchedule
from reconciliation.services import put_exports, sftp
from reconciliation.services.export_schedules import NewSchedule, create_schedule, request_due, try_server
from reconciliation.services.make_export import make_due
from reconciliation.services.put_exports import PAUSES, put_again, put_due
from reconciliation.services.sftp import Server, SftpFailed
from tests.reconciliation.conftest import BY
from tests.reconciliation.exports.conftest import Books
from tests.reconciliation.exports.sftp_server import PASSWORD, USER, SftpServer, serving
from tests.reconciliation.test_admin import signed_in


@pytest.fixture
def there(tmp_path: Path, settings: Any) -> Iterator[SftpServer]:
    settings.WEBHOOK_ALLOW_PRIVATE = True
    with serving(SftpServer(tmp_path / "accountant")) as server:
        yield server


def server(there: SftpServer, **more: Any) -> Server:
    given: dict[str, Any] = {"host": "127.0.0.1", "port": there.port, "user": USER, "host_key": there.public_host_key}
    given |= {} if "private_key" in more else {"password": PASSWORD}
    return Server(**(given | more))


def schedules(books: Books, there: SftpServer, **more: Any) -> ExportSchedule:
    new = NewSchedule(
        merchant=books.shop.merchant,
        every="day",
        delivery="sftp",
        email="",
        kind="journal_csv",
        profile="generic",
        account="",
        server=server(there, **more),
    )
    return create_schedule(new, actor=BY)


def made(books: Books) -> Export:
    """The export of today, released tomorrow."""
    tomorrow = dt.datetime.combine(books.today + dt.timedelta(days=1), dt.time(6), books.shop.merchant.zone)
    assert request_due(now=tomorrow) == 1
    make_due()
    return Export.objects.get()


def again(export: Export) -> int:
    """What the sweep does once it is due."""
    Export.objects.filter(id=export.id).exclude(delivery_due_at=None).update(delivery_due_at=timezone.now())
    arrived = put_due()
    export.refresh_from_db()
    return arrived


def private_key(there: SftpServer) -> str:
    return there.client_key.export_private_key("openssh").decode()


@pytest.mark.parametrize("by", ["password", "key"])
def test_an_export_appears_on_the_server_under_its_name_when_it_is_whole(
    books: Books, there: SftpServer, by: str
) -> None:
    schedules(books, there, **({"private_key": private_key(there)} if by == "key" else {}))
    export = made(books)
    assert (export.status, export.delivered_at, there.files()) == ("ready", None, {})
    assert again(export) == 1
    name = f"journal_csv-generic-{books.today}-{books.today}-EUR.csv"
    with export.file.open("rb") as kept:
        assert there.files() == {name: kept.read()}
    (renamed,) = there.renames
    assert [path.rpartition("/")[2] for path in renamed] == [f".{name}.part", name]
    assert export.delivered_at is not None
    assert put_due() == 0


def test_a_server_that_is_off_gets_its_file_when_it_is_back(books: Books, there: SftpServer, tmp_path: Path) -> None:
    schedule = schedules(books, there)
    export = made(books)
    ExportSchedule.objects.filter(id=schedule.id).update(port=1)  # nobody answers there
    assert again(export) == 0
    assert (export.delivery_error, export.delivery_attempts) == ("sftp_unreachable", 1)
    assert export.delivery_due_at is not None
    assert export.delivery_due_at > timezone.now()
    ExportSchedule.objects.filter(id=schedule.id).update(port=there.port)
    assert again(export) == 1
    assert (len(there.files()), export.delivery_error) == (1, "")


def test_after_days_a_person_has_it_handed_over_again(books: Books, there: SftpServer) -> None:
    schedules(books, there)
    export = made(books)
    there.read_only = True
    Export.objects.filter(id=export.id).update(delivery_attempts=len(PAUSES))
    assert again(export) == 0
    assert (export.delivery_error, export.delivery_due_at) == ("sftp_folder_refused", None)
    assert put_due() == 0
    page = f"/admin/reconciliation/export/{export.id}/"
    client: Client = signed_in(books.shop)
    assert "Nothing can be written into this folder" in client.get(f"{page}change/").content.decode()
    there.read_only = False
    assert client.post(f"{page}hand-over/").status_code == 302
    assert again(export) == 1
    assert AuditLog.objects.filter(action="export.handed_over_again").count() == 1
    with pytest.raises(Exception, match="about to be"):
        put_again(export, actor=BY)


def test_another_host_key_is_refused_and_nothing_is_told_to_its_server(
    books: Books, there: SftpServer, tmp_path: Path
) -> None:
    schedule = schedules(books, there)
    export = made(books)
    with serving(SftpServer(tmp_path / "thief")) as thief:
        ExportSchedule.objects.filter(id=schedule.id).update(port=thief.port)
        assert again(export) == 0
        assert export.delivery_error == "sftp_host_key_changed"
        assert thief.files() == {}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"password": "guessed"}, "sftp_sign_in_refused"),
        ({"user": "nobody"}, "sftp_sign_in_refused"),
        ({"folder": "no/such/folder"}, "sftp_folder_refused"),
        ({"port": 1}, "sftp_unreachable"),
    ],
)
def test_a_server_that_takes_no_file_is_refused_before_anything_is_scheduled(
    books: Books, there: SftpServer, wrong: dict[str, Any], code: str
) -> None:
    with pytest.raises(Invalid) as refused:
        schedules(books, there, **wrong)
    assert refused.value.code == code
    assert not ExportSchedule.objects.exists()


def test_a_private_address_is_not_called(books: Books, there: SftpServer, settings: Any) -> None:
    settings.WEBHOOK_ALLOW_PRIVATE = False
    for call in (lambda: sftp.host_key("127.0.0.1", there.port), lambda: sftp.attempt(server(there))):
        with pytest.raises(SftpFailed) as refused:
            call()
        assert refused.value.code == "sftp_address_refused"


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        ({"password": ""}, "password"),
        ({"private_key": "nonsense", "password": ""}, "private_key"),
        ({"host": "a b"}, "host"),
        ({"host_key": ""}, "user"),
    ],
)
def test_what_is_missing_of_a_server_is_named(
    books: Books, there: SftpServer, wrong: dict[str, Any], place: str
) -> None:
    with pytest.raises(ValidationFailed) as refused:
        schedules(books, there, **wrong)
    assert place in [fault.param for fault in refused.value.faults]


def test_a_file_replaces_the_one_of_an_attempt_that_died(there: SftpServer) -> None:
    for content in (b"half", b"the whole file"):
        sftp.put(server(there), "books.csv", io.BytesIO(content))
    assert there.files() == {"books.csv": b"the whole file"}
    (there.folder / "sub").mkdir()
    sftp.put(server(there, folder="/sub/"), "books.csv", io.BytesIO(b"x"))
    assert (there.folder / "sub" / "books.csv").read_bytes() == b"x"


def test_the_secret_is_stored_encrypted_and_never_shown(books: Books, there: SftpServer) -> None:
    schedule = schedules(books, there)
    try_server(schedule, actor=BY)
    stored = ExportSchedule.objects.extra(select={"raw": "sign_in"}).get().raw
    assert PASSWORD not in stored
    assert put_exports.server_of(schedule).password == PASSWORD
    assert PASSWORD not in repr(put_exports.server_of(schedule))
    shown = signed_in(books.shop).get(f"/admin/reconciliation/exportschedule/{schedule.id}/change/").content.decode()
    assert PASSWORD not in shown
    assert sftp.fingerprint(there.public_host_key) in shown
    log = AuditLog.objects.get(action="export_schedule.created")
    assert PASSWORD not in str(log.after)
    assert (log.after or {})["host_key"] == sftp.fingerprint(there.public_host_key)


NEW = "/admin/reconciliation/exportschedule/new/"


def test_a_person_compares_the_servers_key_before_anybody_signs_in(books: Books, there: SftpServer) -> None:
    client = signed_in(books.shop)
    form = {"merchant": books.shop.merchant.id, "every": "day", "delivery": "sftp", "kind": "journal_csv"}
    form |= {"profile": "generic", "host": "127.0.0.1", "port": str(there.port), "user": USER}
    first = client.post(NEW, form | {"password": PASSWORD}).content.decode()
    assert sftp.fingerprint(there.public_host_key) in first
    assert PASSWORD not in first
    assert not ExportSchedule.objects.exists()
    confirmed = f"127.0.0.1:{there.port} {there.public_host_key}"
    assert confirmed in first
    assert client.post(NEW, form | {"password": PASSWORD, "host_key": confirmed}).status_code == 302
    row = ExportSchedule.objects.get()
    assert (row.host, row.host_key) == ("127.0.0.1", there.public_host_key)
    page = f"/admin/reconciliation/exportschedule/{row.id}/"
    assert client.post(f"{page}try/", follow=True).status_code == 200
    assert there.files() == {}
    other = client.post(NEW, form | {"host": "localhost", "password": PASSWORD, "host_key": confirmed})
    assert "fingerprint" in other.content.decode(), "the key of another name is compared anew"

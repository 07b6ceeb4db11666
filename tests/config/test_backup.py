"""A backup brings everything back but the keys and what lets somebody in, and never replaces a live merchant's books."""

import io
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import psycopg
import pyrage
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config import sql
from config.standalone import archive, backup_key, embedded, home
from tests.conftest import SERVERS

MERCHANT = "from payments.models import Merchant; Merchant.objects.create(name='Before', mode='test')"

RIGHTS: Final = """
    SELECT table_name::text, privilege_type::text FROM information_schema.role_table_grants
    WHERE grantee = current_user ORDER BY 1, 2
"""


def recipient_of(shop: "Installation") -> pyrage.x25519.Recipient:
    return pyrage.x25519.Recipient.from_str((shop.folder / "backup-key" / "recipient.txt").read_text().strip())


def add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))


class Installation:
    """A home of its own, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = embedded.Postgres(folder, careless=True)

    def manage(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        ours = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "HASH_KEY")
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        return subprocess.run(
            [sys.executable, str(home.PROJECT / "manage.py"), *arguments],
            env=environment | {"ONETILL_HOME": str(self.folder)} | more,
            capture_output=True,
            text=True,
            check=False,
        )

    def sql(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url()) as connection:
            done = connection.execute(statement)
            return done.fetchall() if done.description else []

    def merchants(self) -> list[str]:
        return [name for (name,) in self.sql("SELECT name FROM payments_merchant ORDER BY name")]


@pytest.fixture(scope="module")
def shop(django_db_setup: None) -> Iterator[Installation]:
    with home_folder() as folder:
        installation = Installation(folder)
        installation.postgres.start()
        SERVERS.fill(installation.postgres.url(embedded.OWNER))
        assert installation.manage("shell", "-c", MERCHANT).returncode == 0
        (folder / "files").mkdir()
        (folder / "files" / "statement.xml").write_text("<Document/>")
        yield installation
        installation.postgres.stop()


@contextmanager
def home_folder() -> Iterator[Path]:
    """Not below pytest's own closed folder, where root's servers would live elsewhere."""
    with tempfile.TemporaryDirectory(prefix="onetill-") as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def backup(shop: Installation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("backups") / "onetill.backup"
    done = shop.manage("backup", str(target))
    assert done.returncode == 0, done.stderr
    return target


def opened(shop: Installation, backup: Path) -> dict[str, bytes]:
    """What whoever has the backup and its key holds."""
    clear = io.BytesIO()
    [line] = (shop.folder / "backup-key" / "identity.txt").read_text().splitlines()[1:]
    pyrage.decrypt_io(io.BytesIO(backup.read_bytes()), clear, [pyrage.x25519.Identity.from_str(line)])
    clear.seek(0)
    with tarfile.open(fileobj=clear) as archive:
        return {member.name: file.read() for member in archive if (file := archive.extractfile(member))}


def test_a_backup_is_encrypted_and_holds_no_key(shop: Installation, backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    key = shop.folder / "backup-key" / "identity.txt"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
    assert backup.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert not any(clear in backup.read_bytes() for clear in (b"manifest.json", b"PGDMP", b"<Document/>"))
    held = opened(shop, backup)
    apart = {f"tables/{table}.000001" for table in sql.REDACTED}
    assert set(held) == {"manifest.json", "database.dump/000001", "files/statement.xml", *apart}
    secrets = [*asdict(home.read_secrets(shop.folder)).values(), key.read_text().split()[-1]]
    assert [secret for secret in secrets for content in held.values() if secret.encode() in content] == []


def test_it_is_said_aloud_where_its_key_lies(shop: Installation, tmp_path: Path) -> None:
    done = shop.manage("backup", str(tmp_path / "another.backup"))
    assert f"It opens with the key {shop.folder / 'backup-key' / 'identity.txt'}, and with nothing else" in done.stderr
    assert "KEEP A COPY OF THAT KEY ELSEWHERE" in done.stderr


def test_while_it_is_written_nothing_of_it_is_on_a_disk_in_clear(shop: Installation, tmp_path: Path) -> None:
    """A process that dies halfway leaves an encrypted draft."""
    seen: set[str] = set()
    target = tmp_path / "watched" / "onetill.backup"
    target.parent.mkdir()
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            for path in target.parent.iterdir():
                seen.add(path.name)

    watching = threading.Thread(target=watch)
    watching.start()
    assert shop.manage("backup", str(target)).returncode == 0
    over.set()
    watching.join()
    assert seen == {"onetill.backup.draft", "onetill.backup"}


def test_a_machine_that_holds_the_public_half_alone_writes_what_the_other_half_opens(
    shop: Installation, tmp_path: Path
) -> None:
    pair = pyrage.x25519.Identity.generate()
    (tmp_path / "safe.txt").write_text(f"# of the owner\n{pair}\n")
    target = tmp_path / "onetill.backup"
    done = shop.manage("backup", str(target), BACKUP_RECIPIENT=str(pair.to_public()))
    assert "whose public half is BACKUP_RECIPIENT" in done.stderr
    refused = shop.manage("restore", str(target))
    assert (refused.returncode, "was written for another key" in refused.stderr) == (1, True)
    restored = shop.manage("restore", str(target), BACKUP_IDENTITY=str(tmp_path / "safe.txt"))
    assert restored.returncode == 0, restored.stderr


def test_without_its_key_a_backup_is_refused_with_what_to_do(backup: Path, shop: Installation) -> None:
    done = shop.manage("restore", str(backup), BACKUP_IDENTITY="/nowhere/identity.txt")
    assert done.returncode == 1
    assert "/nowhere/identity.txt is not there. Bring its key" in done.stderr


def test_a_key_may_have_a_passphrase(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.ONETILL_HOME = tmp_path
    monkeypatch.setenv("BACKUP_PASSPHRASE", "correct horse battery staple")
    recipient = backup_key.recipient()
    assert str(backup_key.recipient()) == str(recipient)
    assert str(backup_key.identity().to_public()) == str(recipient)
    monkeypatch.setenv("BACKUP_PASSPHRASE", "another")
    with pytest.raises(backup_key.KeyUnusable, match="set BACKUP_PASSPHRASE"):
        backup_key.identity()


@pytest.mark.parametrize(("name", "value"), [("BACKUP_RECIPIENT", "ssh-rsa AAA"), ("BACKUP_RECIPIENT", "age1oops")])
def test_what_is_no_key_is_refused(shop: Installation, tmp_path: Path, name: str, value: str) -> None:
    done = shop.manage("backup", str(tmp_path / "onetill.backup"), **{name: value})
    assert (done.returncode, "must be a public key of age" in done.stderr) == (1, True)
    assert list(tmp_path.iterdir()) == []


def test_it_brings_back_rows_files_and_rights(shop: Installation, backup: Path) -> None:
    rights = shop.sql(RIGHTS)
    shop.sql("UPDATE payments_merchant SET name = 'After'")
    (shop.folder / "files" / "statement.xml").unlink()
    done = shop.manage("restore", str(backup))
    assert done.returncode == 0, done.stderr
    assert shop.merchants() == ["Before"]
    assert (shop.folder / "files" / "statement.xml").read_text() == "<Document/>"
    assert shop.sql(RIGHTS) == rights  # given anew, for the roles may have other names where a backup is restored
    assert ("ledger_posting", "DELETE") not in rights
    assert shop.manage("migrate", "--check").returncode == 0


def test_what_is_here_comes_back_if_the_backup_cannot_be_restored(
    shop: Installation, backup: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.backup"
    held = opened(shop, backup)
    held["database.dump/000001"] = held["database.dump/000001"][:-20_000]
    with open(broken, "wb") as file, archive.written(file, recipient_of(shop)) as tar:
        for name, content in held.items():
            add(tar, name, content)
    done = shop.manage("restore", str(broken))
    assert (done.returncode, "pg_restore failed" in done.stderr) == (1, True)
    assert shop.merchants() == ["Before"]
    assert (shop.folder / "files" / "statement.xml").read_text() == "<Document/>"
    assert shop.sql("SELECT to_regnamespace('onetill_before_restore')") == [(None,)]


@pytest.mark.parametrize("spoil", [lambda whole: whole[:-1000], lambda whole: whole[:-1000] + b"x" + whole[-999:]])
def test_a_backup_that_was_cut_off_or_changed_is_refused_before_anything_is_lost(
    shop: Installation, backup: Path, tmp_path: Path, spoil: Callable[[bytes], bytes]
) -> None:
    (tmp_path / "spoiled.backup").write_bytes(spoil(backup.read_bytes()))
    done = shop.manage("restore", str(tmp_path / "spoiled.backup"))
    assert (done.returncode, "It is not whole" in done.stderr) == (1, True), done.stderr
    assert shop.merchants() == ["Before"]


def test_a_restore_that_was_broken_off_is_undone_by_the_next(shop: Installation, backup: Path) -> None:
    with psycopg.connect(shop.postgres.url(embedded.OWNER)) as connection:
        connection.execute("UPDATE payments_merchant SET mode = 'live'")
        connection.execute("ALTER SCHEMA public RENAME TO onetill_before_restore")
        connection.execute("CREATE SCHEMA public")
    done = shop.manage("restore", str(backup))
    assert (done.returncode, "a live merchant's books are here" in done.stderr) == (1, True)
    shop.sql("UPDATE payments_merchant SET mode = 'test'")
    assert shop.merchants() == ["Before"]


def test_nothing_is_restored_while_somebody_else_is_connected(shop: Installation, backup: Path) -> None:
    with psycopg.connect(shop.postgres.url()):
        done = shop.manage("restore", str(backup))
    assert (done.returncode, "1 other connections use this database" in done.stderr) == (1, True)


def test_other_keys_are_refused_before_anything_is_lost(shop: Installation, backup: Path) -> None:
    with home_folder() as folder:
        other = Installation(folder)
        done = other.manage("restore", str(backup), BACKUP_IDENTITY=str(shop.folder / "backup-key" / "identity.txt"))
        assert (done.returncode, "made with other ENCRYPTION_KEYS" in done.stderr) == (1, True)


def test_a_live_merchants_books_are_replaced_only_when_it_is_said(shop: Installation, tmp_path: Path) -> None:
    backup = tmp_path / "again.backup"  # of an installation that was itself restored
    assert shop.manage("backup", str(backup)).returncode == 0
    shop.sql("UPDATE payments_merchant SET name = 'Real', mode = 'live'")
    done = shop.manage("restore", str(backup))
    assert (done.returncode, "a live merchant's books are here" in done.stderr) == (1, True)
    assert "REPLACE_LIVE=1" in done.stderr
    assert shop.merchants() == ["Real"]
    assert shop.manage("restore", "--replace-live", str(backup)).returncode == 0
    assert shop.merchants() == ["Before"]


def test_nothing_is_restored_while_onetill_runs(settings: Settings, tmp_path: Path) -> None:
    settings.ONETILL_HOME = tmp_path
    tarfile.open(tmp_path / "onetill.backup", "w").close()
    with home.locked(tmp_path), pytest.raises(CommandError, match="End it first"):
        call_command("restore", tmp_path / "onetill.backup")


@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff" * 1000])
def test_a_file_that_is_no_backup_is_refused(settings: Settings, tmp_path: Path, content: bytes) -> None:
    settings.ONETILL_HOME = tmp_path
    (tmp_path / "photo.jpg").write_bytes(content)
    with pytest.raises(CommandError, match="cannot be read as a backup"):
        call_command("restore", tmp_path / "photo.jpg")


def test_an_archive_of_something_else_is_refused(settings: Settings, tmp_path: Path) -> None:
    settings.ONETILL_HOME = tmp_path
    tarfile.open(tmp_path / "photos.tar", "w").close()
    with pytest.raises(CommandError, match=r"no backup of Onetill: it has no manifest\.json"):
        call_command("restore", tmp_path / "photos.tar")


@pytest.mark.parametrize("target", ["/nowhere/at/all", ""])
def test_a_backup_needs_a_place(target: str) -> None:
    with pytest.raises(CommandError, match="Name a file in an existing folder"):
        call_command("backup", target)

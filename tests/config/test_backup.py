"""A backup brings everything back but the keys, and never replaces a live merchant's books."""

import os
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from config import embedded, home

MERCHANT = "from payments.models import Merchant; Merchant.objects.create(name='Before', mode='test')"

RIGHTS: Final = """
    SELECT table_name::text, privilege_type::text FROM information_schema.role_table_grants
    WHERE grantee = current_user ORDER BY 1, 2
"""


class Installation:
    """A home of its own, and its command line."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = embedded.Postgres(folder, careless=True)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        ours = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "SECRET_KEY", "ENCRYPTION_KEYS", "HASH_KEY")
        environment = {name: value for name, value in os.environ.items() if name not in ours}
        return subprocess.run(
            [sys.executable, str(home.PROJECT / "manage.py"), *arguments],
            env=environment | {"ONETILL_HOME": str(self.folder)},
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
def shop() -> Iterator[Installation]:
    with home_folder() as folder:
        installation = Installation(folder)
        installation.postgres.start()
        assert installation.manage("migrate").returncode == 0
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


def test_a_backup_is_nobody_elses_and_holds_no_key(shop: Installation, backup: Path) -> None:
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    key = home.read_secrets(shop.folder).encryption_key.encode()
    with tarfile.open(backup) as archive:
        assert set(archive.getnames()) == {"manifest.json", "database.dump", "files", "files/statement.xml"}
        assert not any(key in archive.extractfile(name).read() for name in ("manifest.json", "database.dump"))


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
    with tarfile.open(backup) as good, tarfile.open(broken, "w") as bad:
        for member in good:
            content = good.extractfile(member)
            if member.name == "database.dump":
                member.size //= 2  # a disk was full
            bad.addfile(member, content)
    done = shop.manage("restore", str(broken))
    assert (done.returncode, "pg_restore failed" in done.stderr) == (1, True)
    assert shop.merchants() == ["Before"]
    assert (shop.folder / "files" / "statement.xml").read_text() == "<Document/>"
    assert shop.sql("SELECT to_regnamespace('onetill_before_restore')") == [(None,)]


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


def test_other_keys_are_refused_before_anything_is_lost(backup: Path) -> None:
    with home_folder() as folder:
        other = Installation(folder)
        done = other.manage("restore", str(backup))
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

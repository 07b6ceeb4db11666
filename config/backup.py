"""One file with everything but the keys: the database as of one moment, and the files that people handed in.

What is encrypted in it can be read only with the ENCRYPTION_KEYS it was written with. They are kept apart, so that a
backup that gets lost gives away no credentials.
"""

import contextlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from config import embedded, fresh, home, places, sql
from payments.crypto import keyed_hash
from payments.ledger import fold
from payments.notify.services.restart import restart_feed

MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump"
FILES: Final = "files"
FORMAT: Final = 1
NEWER_SETTING: Final = b"SET transaction_timeout = 0;"  # servers before 17 do not know it


class BackupError(Exception):
    """A backup cannot be made or restored; the text says why and what to do."""


def write(target: Path) -> None:
    """Make a backup. The servers may run meanwhile; the file gets its name when it is complete."""
    draft = target.with_name(f"{target.name}.draft")
    try:
        with _server(), tempfile.TemporaryDirectory(dir=target.parent) as folder:
            dump = Path(folder) / DUMP
            _call("pg_dump", "--format=custom", "--no-privileges", f"--file={dump}")
            with open(draft, "wb", opener=home.private) as file, tarfile.open(fileobj=file, mode="w") as archive:
                _add_manifest(archive)
                archive.add(dump, DUMP)
                _add_files(archive)
                file.flush()
                os.fsync(file.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def restore(source: Path, *, replace_live: bool = False) -> None:
    """Put a backup in the place of what is here, or leave that as it is. Nothing else may use the database meanwhile.

    Raises:
        BackupError: it cannot be read or restored; nothing is changed.
        LiveMerchant: a live merchant's books are here, and nobody said that they may go.
    """
    try:
        with tarfile.open(source) as archive, home.locked(settings.ONETILL_HOME):
            _check(_read_manifest(archive))
            with _server(), tempfile.TemporaryDirectory(dir=settings.ONETILL_HOME) as folder:
                dump, files = Path(folder) / DUMP, Path(folder) / FILES
                with open(dump, "wb", opener=home.private) as file:
                    shutil.copyfileobj(_member(archive, DUMP), file)
                _unpack_files(archive, files)
                _refuse(replace_live=replace_live)
                _restore_database(dump)
                _put_files(files)
    except (OSError, tarfile.TarError) as error:
        raise BackupError(f"{source} cannot be read as a backup: {error}.") from error


def _refuse(*, replace_live: bool) -> None:
    connections["default"].close()
    with connections["owner"].cursor() as cursor:
        others = sql.other_connections(cursor)
        if others:
            raise BackupError(
                f"{others} other connections use this database. End every web process and worker (and shell) first."
            )
        sql.step_back(cursor)  # where a restore was broken off
        if not replace_live:
            fresh.refuse_if_live(cursor, "To put the backup in their place all the same, add REPLACE_LIVE=1.")


def _restore_database(dump: Path) -> None:
    """What is here steps aside and comes back if anything fails."""
    with connections["owner"].cursor() as cursor:
        sql.step_aside(cursor)
    try:
        _fill(dump)
    except BaseException:
        connections.close_all()
        with connections["owner"].cursor() as cursor:
            sql.step_back(cursor)
        raise
    with connections["owner"].cursor() as cursor:
        sql.drop_aside(cursor)
        sql.analyze(cursor)
    connections.close_all()


def _fill(dump: Path) -> None:
    application, owner = (str(settings.DATABASES[alias]["USER"]) for alias in ("default", "owner"))
    if application != owner:
        with connections["owner"].cursor() as cursor:
            sql.grant_by_default(cursor, application)
    _run_script(dump)
    if application != owner:
        with connections["owner"].cursor() as cursor:
            sql.keep_from_changing(cursor, application)
    call_command("migrate", verbosity=0)  # a backup of an earlier version
    restart_feed(using="owner")
    fold.fold_all()  # on another server transactions are counted anew: before anybody books


def _run_script(dump: Path) -> None:
    """Rights are given anew, since roles may have other names here; and the server may be an older one."""
    script = dump.with_suffix(".sql")
    _run(places.tool("pg_restore"), "--no-owner", "--no-privileges", f"--file={script}", str(dump))
    with open(script, "rb") as whole, open(script.with_suffix(".older"), "wb", opener=home.private) as older:
        for line in whole:
            if line.strip() == NEWER_SETTING:
                break
            older.write(line)
        shutil.copyfileobj(whole, older)
    options = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--single-transaction")
    _call("psql", *options, f"--file={script.with_suffix('.older')}")


def _unpack_files(archive: tarfile.TarFile, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    for member in archive:
        name = PurePosixPath(member.name)
        if not member.isfile() or name.parts[0] != FILES or ".." in name.parts:
            continue
        path = folder.joinpath(*name.parts[1:])
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(path, "wb", opener=home.private) as file:
            shutil.copyfileobj(_member(archive, member.name), file)


def _put_files(folder: Path) -> None:
    """Into the folder that is there, which may be a disk of its own; what was in it belonged to the books that went."""
    settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True, mode=0o700)
    for path in settings.MEDIA_ROOT.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for path in folder.iterdir():
        shutil.move(path, settings.MEDIA_ROOT / path.name)


def _add_files(archive: tarfile.TarFile) -> None:
    """The files of the rows in the dump, which are complete; what comes or goes meanwhile is of rows that are not."""
    if not settings.MEDIA_ROOT.exists():
        return
    for path in (settings.MEDIA_ROOT, *sorted(settings.MEDIA_ROOT.rglob("*"))):
        name = PurePosixPath(FILES, *path.relative_to(settings.MEDIA_ROOT).parts)
        with contextlib.suppress(FileNotFoundError):
            archive.add(path, str(name), recursive=False)


def _add_manifest(archive: tarfile.TarFile) -> None:
    manifest = {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(), "key_check": keyed_hash("backup")}
    content = json.dumps(manifest).encode()
    entry = tarfile.TarInfo(MANIFEST)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _read_manifest(archive: tarfile.TarFile) -> dict[str, Any]:
    manifest: dict[str, Any] = json.load(_member(archive, MANIFEST))
    return manifest


def _check(manifest: dict[str, Any]) -> None:
    if manifest.get("format") != FORMAT:
        raise BackupError("This backup was made by a later version of Onetill. Restore it with that one.")
    if manifest.get("key_check") != keyed_hash("backup"):
        raise BackupError(
            "This backup was made with other ENCRYPTION_KEYS: its credentials could not be read. "
            "Put the secrets.json of its installation into this ONETILL_HOME, or set ENCRYPTION_KEYS."
        )


def _member(archive: tarfile.TarFile, name: str) -> IO[bytes]:
    try:
        content = archive.extractfile(name)
    except KeyError:
        content = None
    if content is None:
        raise BackupError(f"This is no backup of Onetill: it has no {name}.")
    return content


@contextlib.contextmanager
def _server() -> Iterator[None]:
    """The database running: it may already, or is started for as long as it takes."""
    postgres = embedded.Postgres(settings.ONETILL_HOME) if settings.EMBEDDED_DATABASE else None
    if postgres is None or postgres.answers():
        yield
        return
    postgres.start()
    try:
        yield
    finally:
        connections.close_all()
        postgres.stop()


def _call(program: str, *arguments: str) -> None:
    _run(places.tool(program), f"--dbname={settings.DATABASE_OWNER_URL}", "--no-password", *arguments)


def _run(path: str, *arguments: str) -> None:
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{Path(path).name} failed: {done.stderr.strip()}")

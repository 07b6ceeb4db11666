"""Back up and restore: one file with a snapshot of the database and the files, but no keys, sessions or tokens.

It is encrypted for a key of its own (`config.standalone.backup_key`). Encrypted columns can only be read with the
ENCRYPTION_KEYS they were written with, which are stored elsewhere, too. It holds no session, and no code or token that
has not been used yet: a thief who has it and its key can sign in nowhere.
"""

import contextlib
import io
import itertools
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final

from django.conf import settings
from django.core.management import call_command
from django.db import connections

from config import sql
from config.standalone import archive, backup_key, embedded, home, paths, reset
from payments.core.crypto import keyed_hash
from payments.ledger import fold
from payments.notify.services.restart import restart_feed

MANIFEST: Final = "manifest.json"
DUMP: Final = "database.dump"  # in pieces, as it comes from pg_dump
TABLES: Final = "tables"  # those that are not in the dump, as COPY writes them
FILES: Final = "files"
FORMAT: Final = 2
UNENCRYPTED: Final = 1  # an earlier one: the dump in one piece, with sessions and codes
PIECE: Final = 16 << 20
NEWER_SETTING: Final = b"SET transaction_timeout = 0;"  # servers before 17 do not know it


class BackupError(Exception):
    """A backup cannot be made or restored; the text explains why and what to do."""


def write(target: Path) -> None:
    """Make a backup. The servers may run meanwhile; the file gets its name when it is complete."""
    draft = target.with_name(f"{target.name}.draft")
    recipient = backup_key.recipient()
    try:
        with _server(), open(draft, "wb", opener=home.private) as file:
            with archive.written(file, recipient) as tar, sql.snapshot(settings.DATABASE_OWNER_URL) as moment:
                _add_manifest(tar)
                for table in sql.REDACTED:
                    for number, piece in enumerate(_pieces(moment.redacted(table)), 1):
                        _add(tar, f"{TABLES}/{table}.{number:06}", piece)
                _add_dump(tar, moment.name)
                _add_files(tar)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def restore(source: Path, *, replace_live: bool = False) -> None:
    """Put a backup in the place of what is here, or leave that as it is. Nothing else may use the database meanwhile.

    Raises:
        BackupError: it cannot be read or restored; nothing is changed.
        LiveMerchant: there is a live merchant, and replacing its books was not confirmed.
    """
    with home.locked(settings.ONETILL_HOME), tempfile.TemporaryDirectory(dir=settings.ONETILL_HOME) as name:
        folder = Path(name)
        try:
            with archive.opened(source) as tar:
                _unpack(tar, folder)
        except (OSError, tarfile.TarError, json.JSONDecodeError, archive.Unreadable) as error:
            raise BackupError(f"{source} cannot be read as a backup: {error}") from error
        with _server():
            _refuse(replace_live=replace_live)
            _restore_database(folder)
            _put_files(folder / FILES)


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
            reset.refuse_if_live(cursor, "To put the backup in their place all the same, add REPLACE_LIVE=1.")


def _restore_database(folder: Path) -> None:
    """What is here steps aside and comes back if anything fails."""
    with connections["owner"].cursor() as cursor:
        sql.step_aside(cursor)
    try:
        _fill(folder)
    except BaseException:
        connections.close_all()
        with connections["owner"].cursor() as cursor:
            sql.step_back(cursor)
        raise
    with connections["owner"].cursor() as cursor:
        sql.drop_aside(cursor)
        sql.analyze(cursor)
    connections.close_all()


def _fill(folder: Path) -> None:
    application, owner = (str(settings.DATABASES[alias]["USER"]) for alias in ("default", "owner"))
    if application != owner:
        with connections["owner"].cursor() as cursor:
            sql.grant_by_default(cursor, application)
    _run_script(folder)
    call_command("migrate", verbosity=0)  # a backup of an earlier version
    with connections["owner"].cursor() as cursor:
        if application != owner:
            sql.keep_from_changing(cursor, application)
        sql.void(cursor)  # earlier versions' backups hold sessions and tokens
    restart_feed(using="owner")
    fold.fold_all()  # before anything is booked: another server's transaction ids start again at small numbers


def _run_script(folder: Path) -> None:
    """Restore the sections; grants are made again (roles may have other names here), and the server may be older."""
    script = folder / "script.sql"
    with open(script, "wb", opener=home.private) as whole:
        _add_section(whole, folder, "pre-data")
        _add_section(whole, folder, "data")
        for path in sorted((folder / TABLES).glob("*")):
            with open(path, "rb") as rows:
                shutil.copyfileobj(rows, whole)
        _add_section(whole, folder, "post-data")
    options = ("--no-psqlrc", "--quiet", "--output=/dev/null", "--set=ON_ERROR_STOP=1", "--single-transaction")
    _call("psql", *options, f"--file={script}")


def _add_section(whole: IO[bytes], folder: Path, section: str) -> None:
    part = folder / "section.sql"
    options = ("--no-owner", "--no-privileges", f"--section={section}", f"--file={part}")
    _run(paths.tool("pg_restore"), *options, str(folder / DUMP))
    with open(part, "rb") as lines:
        for line in lines:
            if line.strip() == NEWER_SETTING:  # it stands before any row
                break
            whole.write(line)
        shutil.copyfileobj(lines, whole)
    part.unlink()


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Into a dump, tables and files; what is no backup is refused by its first member."""
    for place in (TABLES, FILES):
        (folder / place).mkdir(mode=0o700)
    first = tar.next()
    if first is None or first.name != MANIFEST:
        raise BackupError(f"This is no backup of Onetill: it has no {MANIFEST}.")
    _check(json.load(_content(tar, first)))
    for member in tar:
        name = PurePosixPath(member.name)
        if not member.isfile() or name.parts[0] not in (DUMP, TABLES, FILES) or ".." in name.parts:
            continue
        path = folder / DUMP if name.parts[0] == DUMP else folder.joinpath(*name.parts)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(path, "ab", opener=home.private) as file:
            shutil.copyfileobj(_content(tar, member), file)
    if not (folder / DUMP).exists():
        raise BackupError(f"This is no backup of Onetill: it has no {DUMP}.")


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


def _add_files(tar: tarfile.TarFile) -> None:
    """The files of the rows in the dump, which are complete; what comes or goes meanwhile is of rows that are not."""
    if not settings.MEDIA_ROOT.exists():
        return
    for path in (settings.MEDIA_ROOT, *sorted(settings.MEDIA_ROOT.rglob("*"))):
        name = PurePosixPath(FILES, *path.relative_to(settings.MEDIA_ROOT).parts)
        with contextlib.suppress(FileNotFoundError):
            tar.add(path, str(name), recursive=False)


def _add_dump(tar: tarfile.TarFile, moment: str) -> None:
    left_out = (f"--exclude-table-data=public.{table}" for table in (*sql.LEFT_OUT, *sql.REDACTED))
    options = ("--format=custom", "--no-privileges", f"--snapshot={moment}", *left_out)
    command = [paths.tool("pg_dump"), f"--dbname={settings.DATABASE_OWNER_URL}", "--no-password", *options]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,
    ):
        assert process.stdout is not None
        for number in itertools.count(1):
            piece = process.stdout.read(PIECE)
            if not piece:
                break
            _add(tar, f"{DUMP}/{number:06}", piece)
        if process.wait():
            errors.seek(0)
            raise BackupError(f"pg_dump failed: {errors.read().decode(errors='replace').strip()}")


def _pieces(rows: Iterable[bytes]) -> Iterator[bytes]:
    """The same bytes, as much at a time as a table may take of the memory."""
    held, size = [], 0
    for row in rows:
        held.append(row)
        size += len(row)
        if size >= PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _add_manifest(tar: tarfile.TarFile) -> None:
    manifest = {"format": FORMAT, "made_at": datetime.now(UTC).isoformat(), "key_check": keyed_hash("backup")}
    _add(tar, MANIFEST, json.dumps(manifest).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    tar.addfile(entry, io.BytesIO(content))


def _check(manifest: dict[str, Any]) -> None:
    if manifest.get("format") not in (UNENCRYPTED, FORMAT):
        raise BackupError("This backup was made by a later version of Onetill. Restore it with that one.")
    if manifest.get("key_check") != keyed_hash("backup"):
        raise BackupError(
            "This backup was made with other ENCRYPTION_KEYS: its credentials could not be read. "
            "Put the secrets.json of its installation into this ONETILL_HOME, or set ENCRYPTION_KEYS and HASH_KEY."
        )


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    content = tar.extractfile(member)
    if content is None:
        raise BackupError(f"This is no backup of Onetill: its {member.name} is no file.")
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
    _run(paths.tool(program), f"--dbname={settings.DATABASE_OWNER_URL}", "--no-password", *arguments)


def _run(path: str, *arguments: str) -> None:
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{Path(path).name} failed: {done.stderr.strip()}")

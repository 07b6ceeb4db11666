"""The servers tests run against: the given ones, or embedded ones that all test processes of a user share.

Every test process has a database of its own, copied from a template that is migrated once per state of the
migrations, and a Valkey of its own. The application's role runs the tests; the owner makes, empties and drops.
"""

import atexit
import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit

import psycopg

from config.standalone import embedded, paths
from config.standalone.paths import EmbeddedError
from tests import sql

PROJECT: Final = Path(__file__).resolve().parent.parent
SHARED_HOME: Final = Path(tempfile.gettempdir()) / f"onetill-test-{os.geteuid()}"
TEMPLATES_KEPT: Final = 16


class Servers:
    """What one test process has of them. Making it only sets the environment; `started()` starts."""

    def __init__(self) -> None:
        self.name = f"test_{os.getpid()}_{secrets.token_hex(4)}"
        self.home = Path(tempfile.mkdtemp(prefix="onetill-"))
        given = _given()
        self.postgres = None if given["DATABASE_URL"] else embedded.Postgres(SHARED_HOME, careless=True)
        self.valkey = None if given["REDIS_URL"] else embedded.Valkey(self.home)
        if self.postgres is not None:
            application_url = self.postgres.url(embedded.APPLICATION)
            self.maintenance_url = self.postgres.url(embedded.OWNER, "postgres")
        else:
            application_url = given["DATABASE_URL"]
            self.maintenance_url = given["DATABASE_OWNER_URL"] or application_url
        os.environ["DATABASE_URL"] = _with_database(application_url, self.name)
        os.environ["DATABASE_OWNER_URL"] = _with_database(self.maintenance_url, self.name)
        os.environ["REDIS_URL"] = self.valkey.url if self.valkey else given["REDIS_URL"]
        os.environ["REDIS_PREFIX"] = f"{self.name}:"
        os.environ["ONETILL_HOME"] = str(self.home)
        atexit.register(shutil.rmtree, self.home, ignore_errors=True)

    @contextlib.contextmanager
    def started(self) -> Iterator[None]:
        """Everything running, with an empty, migrated database; afterwards as it was."""
        with contextlib.ExitStack() as stack:
            if self.postgres is not None:
                stack.enter_context(_shared(self.postgres))
            if self.valkey is not None:
                stack.callback(_end, self.valkey.start())
            self._create()
            stack.callback(self._drop)
            yield

    @contextlib.contextmanager
    def another(self) -> Iterator[dict[str, str]]:
        """One more database, empty and migrated: what a process needs in its environment to use it."""
        name = f"{self.name}_more"
        with psycopg.connect(self.maintenance_url, autocommit=True) as connection:
            sql.create_database(connection, name, template=_template())
            try:
                addresses = ("DATABASE_URL", "DATABASE_OWNER_URL")
                yield os.environ | {address: _with_database(os.environ[address], name) for address in addresses}
            finally:
                sql.drop_database(connection, name)

    def fill(self, owner_url: str) -> None:
        """Copy into an empty database of another server what the migrations make: they themselves take a quarter minute."""
        with self.another() as environment:
            dump = [
                paths.tool("pg_dump"),
                environment["DATABASE_OWNER_URL"],
                "--format=custom",
                "--exclude-schema=seed",
            ]
            done = subprocess.run(dump, capture_output=True, check=True)
        restore = [paths.tool("pg_restore"), f"--dbname={owner_url}", "--exit-on-error", "--no-owner"]
        subprocess.run(restore, input=done.stdout, check=True)

    def _create(self) -> None:
        with psycopg.connect(self.maintenance_url, autocommit=True) as connection:
            template = _template()
            with sql.exclusive(connection):
                if not sql.is_ready_template(connection, template):
                    sql.drop_database(connection, template)
                    sql.create_database(connection, template)
                    _migrate(_with_database(self.maintenance_url, template))
                    sql.keep_seed(_with_database(self.maintenance_url, template))
                    sql.mark_ready_template(connection, template)
                    sql.drop_old_templates(connection, TEMPLATES_KEPT)
                sql.create_database(connection, self.name, template=template)

    def _drop(self) -> None:
        """A browser or a provider may have kept a thread of the live server waiting, with its connection."""
        sql.end_own_connections(os.environ["DATABASE_URL"])
        with psycopg.connect(self.maintenance_url, autocommit=True) as connection:
            for _ in range(50):
                try:
                    return sql.drop_database(connection, self.name)
                except psycopg.errors.InsufficientPrivilege:
                    time.sleep(0.1)  # our own last connection is still on its way out
            return sql.drop_database(connection, self.name)


def _given() -> dict[str, str]:
    """The servers given from outside, as the first process found them: xdist's workers inherit what it made of them."""
    found = {name: os.environ.get(name, "") for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL")}
    given: dict[str, str] = json.loads(os.environ.setdefault("SERVERS_GIVEN_TO_TESTS", json.dumps(found)))
    return given


@contextlib.contextmanager
def _shared(postgres: embedded.Postgres) -> Iterator[None]:
    """The server that test processes share: the first one in starts it, the last one out stops it."""
    SHARED_HOME.mkdir(exist_ok=True)
    with open(SHARED_HOME / "users.lock", "w") as users:
        with _locked(SHARED_HOME / "start.lock"):
            fcntl.flock(users, fcntl.LOCK_SH)
            _start(postgres)
            sql.let_pass_guards(postgres.url("postgres", "postgres"), embedded.OWNER)
        try:
            yield
        finally:
            with _locked(SHARED_HOME / "start.lock"):
                if _am_alone(users):
                    postgres.stop()


def _start(postgres: embedded.Postgres) -> None:
    """It is careless with its disk: what a machine that lost its power left of it is thrown away."""
    try:
        postgres.start()
    except EmbeddedError:
        with contextlib.suppress(EmbeddedError):
            postgres.stop()
        shutil.rmtree(postgres.data)
        postgres.start()


def _am_alone(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(10)


def _migrate(owner_url: str) -> None:
    """Migrate in a process of its own, so that this one never connects to the template."""
    environment = os.environ | {"DATABASE_OWNER_URL": owner_url}
    manage = str(PROJECT / "manage.py")
    command = [sys.executable, manage, "migrate", "--verbosity=0"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"The migrations fail:\n{done.stdout}{done.stderr}")


def _template() -> str:
    return f"template_{_migrations_digest()}"


def _migrations_digest() -> str:
    digest = hashlib.sha256(os.environ["DATABASE_URL"].split("@")[0].encode())
    files = {*PROJECT.glob("[cprt]*/**/migrations/*.*"), *PROJECT.glob("[cprt]*/**/sql.py")}
    for path in sorted((*files, PROJECT / "requirements.lock")):
        if path.suffix != ".pyc":
            digest.update(str(path.relative_to(PROJECT)).encode() + path.read_bytes())
    return digest.hexdigest()[:20]


def _with_database(url: str, name: str) -> str:
    return urlsplit(url)._replace(path=f"/{name}").geturl()

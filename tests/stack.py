"""The whole installation for tests: `manage.py run` with a home and ports of its own, used from outside only."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from tests.simulator import eventually

PROJECT: Final = Path(__file__).resolve().parent.parent


class Client:
    """A webshop's (or a till's) connection: bearer key, and a new Idempotency-Key with every POST."""

    def __init__(self, url: str, key: str) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self.http = httpx.Client(base_url=url, headers=headers, trust_env=False, timeout=30)

    def post(self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None) -> httpx.Response:
        """POST JSON; the same `key` again is a retry."""
        return self.http.post(path, json=body or {}, headers={"Idempotency-Key": key or uuid.uuid4().hex})

    def get(self, path: str, **query: Any) -> Any:
        """GET, and return the JSON of a 200."""
        answer = self.http.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()


class Stack:
    """PostgreSQL, Valkey, web, stream, two workers, beat and simulator, as `make run DEMO=0` starts them."""

    def __init__(self, home: Path, **more: str) -> None:
        self.home = home
        self._more = more  # of its environment
        self.port = _free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.stream_url = f"http://127.0.0.1:{self.port + 1}"
        self.simulator_url = f"http://127.0.0.1:{self.port + 2}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What a second shell with the same home needs."""
        # What this process made for its own tests (servers, a simulator) is not the installation's.
        outside = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "REDIS_PREFIX", "DATABASE_POOL", "SIMULATOR_URL")
        kept = {name: value for name, value in os.environ.items() if name not in outside}
        return {
            **kept,
            "ONETILL_HOME": str(self.home),
            "PORT": str(self.port),
            "DEMO": "0",
            "WEBHOOK_ALLOW_PRIVATE": "1",
            **self._more,
        }

    def start(self) -> None:
        """Start everything and wait until it answers."""
        log = (self.home / "stack.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "run"],
            cwd=PROJECT,
            env={**self.environment, "END_WITH_PARENT": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        eventually(self._ready, within=300)

    def stop(self) -> int:
        """SIGINT to the process group, as Ctrl-C does; return the exit status."""
        if self._process is None:
            return 0
        os.killpg(self._process.pid, signal.SIGINT)
        status = self._process.wait(40)
        self._process = None
        return status

    def manage(self, *arguments: str) -> Any:
        """A command from a second shell; its one JSON object."""
        return self.run("manage.py", *arguments, "--json")

    def run(self, *arguments: str) -> Any:
        """Python in a second shell; the one JSON object that it prints."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def processes(self, name: str) -> list[int]:
        """The process ids behind one program of the supervisor, its children too."""
        assert self._process is not None
        listing = subprocess.run(
            ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in listing.splitlines()[1:]]
        own = {self._process.pid}
        for pid, parent, _ in rows:
            if int(parent) in own:
                own.add(int(pid))
        return [int(pid) for pid, _, command in rows if int(pid) in own and name in command]

    def flush_broker(self) -> None:
        """Empty the broker, as soon as it is there to be emptied."""
        script = (
            "import django; django.setup(); import redis; from django.conf import settings as s; "
            "redis.Redis.from_url(s.REDIS_URL).flushall()"
        )
        environment = {**self.environment, "DJANGO_SETTINGS_MODULE": "config.settings"}
        command = [sys.executable, "-c", script]
        eventually(lambda: not subprocess.run(command, cwd=PROJECT, env=environment, check=False).returncode, within=60)

    def _ready(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError((self.home / "stack.log").read_text()[-4000:])
        try:
            return httpx.get(f"{self.url}/health/ready", trust_env=False, timeout=2).status_code == 200
        except httpx.HTTPError:
            return False


class Shop:
    """A test merchant of its own on the stack: a webshop, a store and a key for each."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        opened = stack.run("-m", "tests.open_shop", f"Shop {uuid.uuid4().hex[:6]}")
        self.merchant, self.web, self.store = opened["merchant"], opened["web"], opened["store"]
        self.api = Client(stack.url, opened["key"])

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every page of a list."""
        page = self.api.get(path, limit=100, **query)
        rows: list[dict[str, Any]] = page["data"]
        while page["has_more"]:
            page = self.api.get(path, limit=100, cursor=page["next_cursor"], **query)
            rows += page["data"]
        return rows


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """One installation for all tests of this process that want one."""
    with tempfile.TemporaryDirectory(prefix="onetill-stack-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)  # the servers' own user must reach what lies below
        running = Stack(Path(home))
        running.start()
        yield running
        assert running.stop() == 0


@pytest.fixture
def shop(stack: Stack) -> Shop:
    """A merchant that no other test has touched."""
    return Shop(stack)


def _free_ports(count: int) -> int:
    """The first of `count` neighboring free ports."""
    for first in range(20000 + os.getpid() % 500 * 50, 60000, count):
        sockets: list[socket.socket] = []
        try:
            sockets.extend(socket.create_server(("127.0.0.1", port)) for port in range(first, first + count))
            return first
        except OSError:
            continue
        finally:
            for each in sockets:
                each.close()
    raise AssertionError("no free ports")

"""The whole installation for tests: `manage.py run` with a home and ports of its own, used from outside only."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import redis

from config.standalone import embedded
from tests.fake_adyen.server import FakeAdyen
from tests.fake_stripe.server import FakeStripe
from tests.ports import free_ports
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
        self.port = free_ports(3)
        self.url = f"http://127.0.0.1:{self.port}"
        self.stream_url = f"http://127.0.0.1:{self.port + 1}"
        self.simulator_url = f"http://127.0.0.1:{self.port + 2}"
        self._process: subprocess.Popen[bytes] | None = None
        self._shell: subprocess.Popen[str] | None = None
        self._asking = threading.Lock()

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
        """Start everything and wait until it answers, unless it runs."""
        if self._process is not None:
            return
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
        if self._shell is not None:
            self._shell.communicate(timeout=60)
            self._shell = None
        os.killpg(self._process.pid, signal.SIGINT)
        status = self._process.wait(120)
        self._process = None
        return status

    def manage(self, *arguments: str) -> Any:
        """A command from a second shell; its one JSON object."""
        with self._asking:
            shell = self._second_shell()
            assert shell.stdin is not None
            assert shell.stdout is not None
            shell.stdin.write(json.dumps(arguments) + "\n")
            shell.stdin.flush()
            answer = json.loads(shell.stdout.readline())
        assert "failed" not in answer, answer["failed"]
        return answer["said"]

    def _second_shell(self) -> subprocess.Popen[str]:
        if self._shell is None:
            self._shell = subprocess.Popen(
                [sys.executable, "-m", "tests.second_shell"],
                cwd=PROJECT,
                env=self.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        return self._shell

    def processes(self, name: str) -> list[int]:
        """The process ids behind one program of the supervisor, its children after it."""
        assert self._process is not None
        listing = subprocess.run(
            ["ps", "-ww", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True
        ).stdout
        rows = [line.split(None, 2) for line in listing.splitlines()[1:]]
        own, found = [self._process.pid], []
        for parent in own:  # which grows meanwhile
            children = [(int(pid), command) for pid, its_parent, command in rows if int(its_parent) == parent]
            own += [pid for pid, _ in children]
            found += [pid for pid, command in children if name in command]
        return found

    def flush_broker(self) -> None:
        """Empty the broker, as soon as it is there to be emptied."""
        eventually(self._flushed)

    def _flushed(self) -> bool:
        try:
            with redis.Redis.from_url(embedded.Valkey(self.home).url) as client:
                return bool(client.flushall())
        except redis.RedisError:
            return False

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

    def __init__(self, stack: Stack, *more: str) -> None:
        self.stack = stack
        self.merchant: str = stack.manage("create_merchant", "--name", f"Shop {uuid.uuid4().hex[:6]}", *more)["id"]
        self.web, self.store = self._channel("online", "Webshop"), self._channel("in_store", "Store")
        made = stack.manage("create_api_key", "--merchant", self.merchant, "--scopes", "all")
        self.api = Client(stack.url, made["key"])

    def _channel(self, kind: str, name: str) -> str:
        about = ("--merchant", self.merchant, "--kind", kind, "--name", name)
        return str(self.stack.manage("create_channel", *about)["id"])

    def all(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """Every page of a list."""
        page = self.api.get(path, limit=100, **query)
        rows: list[dict[str, Any]] = page["data"]
        while page["has_more"]:
            page = self.api.get(path, limit=100, cursor=page["next_cursor"], **query)
            rows += page["data"]
        return rows


_stacks: Final[list["Stack"]] = []


def resting() -> None:
    """End what is started, for as long as nobody asks for it."""
    for each in _stacks:
        assert each.stop() == 0


def waking() -> None:
    """Start again what rests."""
    for each in _stacks:
        each.start()


@pytest.fixture(scope="session")
def stack(stripe_of_stack: FakeStripe, adyen_of_stack: FakeAdyen) -> Iterator[Stack]:
    """One installation for all tests of this process that want one; those that hurt it come last."""
    with tempfile.TemporaryDirectory(prefix="onetill-stack-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)  # the servers' own user must reach what lies below
        adyen = adyen_of_stack.url
        addresses = {"STRIPE_API_BASE": stripe_of_stack.url, "ADYEN_CHECKOUT_URL": adyen, "ADYEN_REPORTS_URL": adyen}
        running = Stack(Path(home), **addresses)
        running.start()
        _stacks.append(running)
        yield running
        _stacks.remove(running)
        assert running.stop() == 0


@pytest.fixture
def shop(stack: Stack) -> Shop:
    """A merchant that no other test has touched."""
    return Shop(stack)

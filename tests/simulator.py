"""The real simulator for tests: its process, its effect log as the oracle, and a place where its webhooks land."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final, Literal, TypeVar

import httpx
import pytest
from django.conf import settings

from tests.ports import free_ports

PROJECT: Final = Path(__file__).resolve().parent.parent
PATIENCE: Final = 60.0  # seconds, on a machine that others use too
T = TypeVar("T")


def eventually(ask: Callable[[], T | Literal[False] | None], *, within: float = PATIENCE) -> T:
    """Ask until the answer is true; fail with the last one. Patience costs only where something is wrong."""
    end = time.monotonic() + within
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {within} s: {answer!r}")
        time.sleep(0.02)


# What `manage.py simulator` runs, without the seconds that Django takes to start: it is started in many tests, and anew.
SERVE: Final = (
    "from pathlib import Path; from config.sandbox.psp.server import serve; serve(host={!r}, port={}, home=Path({!r}))"
)


class RunningSimulator:
    """The simulator as a process on a free port, with a home of its own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_ports()
        self.url = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=30)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process and wait until it answers."""
        command = [sys.executable, "-c", SERVE.format("127.0.0.1", self.port, str(self.home))]
        self._process = subprocess.Popen(command, cwd=PROJECT, env=os.environ, stderr=subprocess.DEVNULL)
        eventually(self._answers)

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the process: kindly, or with SIGKILL."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(60)
            self._process = None

    def effects(self, **filters: str) -> list[dict[str, Any]]:
        """What really happened, in order; filtered by equal members."""
        data = self.http.get("/effects", params={"account": filters["account"]} if "account" in filters else {}).json()
        return [row for row in data["data"] if all(row[name] == value for name, value in filters.items())]

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Ask for something that must be granted."""
        response = self.http.post(path, json=body)
        assert response.is_success, response.text
        answer: dict[str, Any] = response.json()
        return answer

    def customer(self, url: str, action: str, method: str | None = None) -> httpx.Response:
        """Do on a payment page what a customer would."""
        data = {"action": action} | ({"method": method} if method else {})
        return self.http.post(url, data=data, follow_redirects=False)

    @contextlib.contextmanager
    def misbehaving(self, **faults: Any) -> Iterator[None]:
        """Random faults for a while."""
        self.post("/faults", **faults)
        try:
            yield
        finally:
            self.post("/faults", rate=0)

    def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, "the simulator ended by itself"
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/health").is_success
        return False


@dataclass(frozen=True, slots=True)
class Landed:
    """One webhook as it came in."""

    body: bytes
    headers: dict[str, str]
    at: float = field(default_factory=time.monotonic)


class Receiver:
    """An HTTP server that keeps what is posted to it, and answers with `status`."""

    def __init__(self) -> None:
        self.landed: list[Landed] = []
        self.status = 200
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks"
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, landed: Landed) -> int:
        """Keep it. Whoever sees it landed may have the next one answered differently, not this one."""
        with self._lock:
            status = self.status
            self.landed.append(landed)
        return status

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(scope="session")
def simulator() -> Iterator[RunningSimulator]:
    """The simulator that settings.SIMULATOR_URL names, for this test process and those it starts."""
    with tempfile.TemporaryDirectory(prefix="onetill-simulator-") as folder, pytest.MonkeyPatch.context() as patch:
        running = RunningSimulator(Path(folder))
        patch.setattr(settings, "SIMULATOR_URL", running.url)
        patch.setenv("SIMULATOR_URL", running.url)
        running.start()
        try:
            yield running
        finally:
            running.stop()
            running.http.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A fresh place for webhooks."""
    place = Receiver()
    yield place
    place.close()


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            self.send_response(receiver.take(Landed(body, headers)))
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    return Handler

"""A line that cannot be relied on: an HTTP proxy before a server that drops, delays, doubles and cuts what passes."""

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import Any, Final

import httpx

SHARES: Final = MappingProxyType({"dropped": 0.1, "delayed": 0.15, "doubled": 0.15, "cut": 0.1, "unanswered": 0.1})
LONGEST_DELAY: Final = 1.5  # seconds
_OWN: Final = frozenset({"host", "connection", "content-length", "transfer-encoding", "accept-encoding"})


class BadLine(ThreadingHTTPServer):
    """Passes requests on to `target`, each with the fate that chance gives it; `fates` counts them."""

    daemon_threads = True

    def __init__(self, target: str, *, seed: int, shares: Mapping[str, float] = SHARES) -> None:
        super().__init__(("127.0.0.1", 0), _Passage)
        self.target, self.chance = target, random.Random(seed)
        self.shares: Mapping[str, float] = shares
        self.fates: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def heal(self) -> None:
        """From now on everything passes."""
        self.shares = {}

    def fate(self) -> tuple[str, float]:
        """What is to become of the next request, and for how long it is held."""
        with self._lock:
            fates = [*self.shares, "passed"]
            weights = [*self.shares.values(), 1 - sum(self.shares.values())]
            (fate,) = self.chance.choices(fates, weights)
            self.fates[fate] += 1
            return fate, self.chance.uniform(0, LONGEST_DELAY)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever hung up meanwhile is no news here."""


class _Passage(BaseHTTPRequestHandler):
    server: BadLine
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fate, seconds = self.server.fate()
        if fate == "dropped":  # it never arrives
            return self._hang_up()
        if fate == "delayed":
            time.sleep(seconds)
        if fate == "doubled":  # and both arrive at once, or nearly
            threading.Thread(target=self._forward, args=[body], daemon=True).start()
        answer = self._forward(body)
        if answer is None or fate == "unanswered":  # it arrived, and nobody hears what came of it
            return self._hang_up()
        return self._answer(answer, cut=fate == "cut")

    do_GET = do_POST  # noqa: N815 (the library's name)

    def _forward(self, body: bytes) -> httpx.Response | None:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
        try:
            return httpx.request(
                self.command,
                f"{self.server.target}{self.path}",
                content=body,
                headers=headers,
                timeout=60,
                trust_env=False,
            )
        except httpx.HTTPError:
            return None

    def _answer(self, answer: httpx.Response, *, cut: bool) -> None:
        self.send_response(answer.status_code)
        for name in ("Content-Type", "Retry-After", "Request-Id"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content[: len(answer.content) // 2] if cut else answer.content)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        """What passes is counted, not printed."""


@contextmanager
def bad_line(target: str, *, seed: int) -> Iterator[BadLine]:
    """A bad line to a server, for as long as it is needed."""
    line = BadLine(target, seed=seed)
    threading.Thread(target=line.serve_forever, args=[0.05], daemon=True).start()
    try:
        yield line
    finally:
        line.shutdown()
        line.server_close()

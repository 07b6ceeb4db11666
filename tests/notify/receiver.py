"""A shop's own server: it takes webhooks on loopback and answers as a test wants it to."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError


@dataclass(frozen=True)
class Received:
    """One request as it came in."""

    path: str
    headers: dict[str, str]
    body: str
    at: float

    @property
    def event_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def event(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    def signed_by(self, secret: str) -> bool:
        """Tell whether this secret verifies it, asking the library a receiver would use."""
        try:
            Webhook(secret).verify(self.body, self.headers)
        except WebhookVerificationError:
            return False
        return True


class Receiver:
    """`answers` holds the statuses to give per path, the last one for good; 200 where nothing is said."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.received: list[Received] = []
        self.answers: dict[str, list[int]] = {}
        self.headers: dict[str, dict[str, str]] = {}
        self.hangs: set[str] = set()
        self.drips: set[str] = set()
        self.slow: dict[str, float] = {}
        self.closing = Event()
        self.most_at_once: dict[str, int] = {}
        self._at_once: dict[str, int] = {}
        self._lock = Lock()
        self._server = server

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    def url(self, path: str = "/hook") -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def at(self, path: str) -> list[Received]:
        return [request for request in self.received if request.path == path]

    def take(self, request: Received) -> tuple[int, dict[str, str]]:
        with self._lock:
            self.received.append(request)
            answers = self.answers.get(request.path, [200])
            status = answers.pop(0) if len(answers) > 1 else answers[0]
        return status, self.headers.get(request.path, {})

    @contextmanager
    def counted(self, path: str) -> Iterator[None]:
        with self._lock:
            self._at_once[path] = self._at_once.get(path, 0) + 1
            self.most_at_once[path] = max(self.most_at_once.get(path, 0), self._at_once[path])
        try:
            yield
        finally:
            with self._lock:
                self._at_once[path] -= 1


class Server(ThreadingHTTPServer):
    """Holds the receiver that its handlers report to."""

    request_queue_size = 128
    receiver: Receiver

    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is part of the tests."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        with self.server.receiver.counted(self.path):
            self._answer(self.rfile.read(int(self.headers["Content-Length"])).decode())

    def do_GET(self) -> None:
        self._answer("")

    def _answer(self, body: str) -> None:
        receiver = self.server.receiver
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, extra = receiver.take(Received(self.path, headers, body, time.monotonic()))
        receiver.closing.wait(30 if self.path in receiver.hangs else receiver.slow.get(self.path, 0))
        if self.path in receiver.drips:
            self._drip()
            return
        self.send_response(status)
        for name, value in {"Content-Length": "0", **extra}.items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000:
            if self.server.receiver.closing.wait(0.1):
                return
            self.wfile.write(bytes([byte]))
            self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def running(*, context: Any = None) -> Iterator[Receiver]:
    """A receiver on a free port of loopback; with a TLS context it speaks https."""
    server = Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    server.receiver = Receiver(server)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server.receiver
    finally:
        server.receiver.closing.set()
        server.shutdown()
        server.server_close()

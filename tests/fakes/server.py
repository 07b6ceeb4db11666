"""HTTP on loopback in threads of this process, for whoever pretends to be a provider."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.faults import Fault


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    query: str
    body: bytes
    headers: Message

    @property
    def fields(self) -> dict[str, str]:
        """A form's fields: of the body, or of the query where there is no body."""
        return dict(parse_qsl(self.body.decode() or self.query, keep_blank_values=True))


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    text: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it is remembered: its endpoint, its idempotency key, how it was answered (0: not at all)."""

    endpoint: str
    key: str | None
    status: int
    fault: Fault | None = None
    body: Any = None


class Server(ThreadingHTTPServer):
    """Quiet about clients that were killed, and ready for many at once."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class FakeServer:
    """One provider in threads of this process: a subclass answers."""

    def __init__(self, port: int = 0) -> None:
        self.received: list[Received] = []
        self._server = Server(("127.0.0.1", port), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def serve(self, requested: Asked) -> Answer | None:
        """Answer one request; None breaks the connection."""
        raise NotImplementedError

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


def _handler(fake: FakeServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            answer = fake.serve(Asked(self.command, parts.path, parts.query, body, self.headers))
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            content = answer.text.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(content)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _serve  # noqa: N815 (names of the standard library)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler

"""The HTTP that all fakes share: each package is asked, and does not answer where a fault forbids it."""

import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from tests.fake_books.faults import Fault, Faults


class Refusal(Exception):
    """The package says no."""

    def __init__(self, status: int, body: Any = None, **headers: str) -> None:
        super().__init__(status, body)
        self.status, self.body, self.headers = status, body, headers


@dataclass(frozen=True)
class Request:
    """One request as a package reads it; `body` of a form is its pairs."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Any
    body: Any
    args: tuple[str, ...] = ()


@dataclass(frozen=True)
class Effect:
    """Something that was really done."""

    what: str
    key: str
    total: int = 0


@dataclass
class Package:
    """One package with its state. `routes` name what it answers; `wrong` keeps requests that it should never get."""

    code: ClassVar[str] = ""
    url: str = ""
    faults: Faults = field(default_factory=Faults)
    effects: list[Effect] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    accounts: dict[str, str] = field(default_factory=dict)  # its ids of ledger accounts, by their code

    def routes(self) -> dict[str, Callable[[Request], tuple[int, Any]]]:
        """`METHOD /path/with/(groups)` and who answers."""
        raise NotImplementedError

    def limited(self) -> Mapping[str, str]:
        """The headers of an answer that refuses for too many requests."""
        return {"Retry-After": "7"}

    def addresses(self) -> dict[str, str]:
        """What settings say where this package answers."""
        return {f"{self.code}_{part}": self.url for part in ("api", "token", "sign_in")}

    def booked(self, key: str) -> list[Effect]:
        """What was done under a key."""
        return [effect for effect in self.effects if effect.key == key]

    def demand(self, so: bool, what: str) -> None:
        """Refuse a request that is not as this package takes it, and remember that it came."""
        if not so:
            self.wrong.append(what)
            raise Refusal(400, {"error": what, "code": "INVALID", "title": what, "Message": what})

    def answer(self, request: Request) -> tuple[int, Any, Mapping[str, str]] | None:
        """Status, body and headers; None where the connection breaks."""
        endpoint = f"{request.method} {request.path}"
        self.received.append(endpoint)
        fault = self.faults.of(endpoint)
        try:
            done = self._act(request) if fault is None or fault.done else None
        except Refusal as refusal:
            return refusal.status, refusal.body, refusal.headers
        match fault:
            case Fault.DROPPED_DONE | Fault.DROPPED_NOT_DONE:
                return None
            case Fault.HANGS_DONE:
                self.faults.hang()
                return None
            case Fault.ERROR_DONE | Fault.ERROR_NOT_DONE:
                return 503, {"error": "unavailable"}, {}
            case Fault.RATE_LIMITED:
                return 429, None, self.limited()
            case Fault.TOKEN_EXPIRED:
                return 401, {"error": "invalid_token"}, {}
            case Fault.UNREADABLE_DONE:
                return 200, "<html>", {}
        assert done is not None
        return (*done, {})

    def _act(self, request: Request) -> tuple[int, Any]:
        for route, act in self.routes().items():
            method, _, pattern = route.partition(" ")
            found = re.fullmatch(pattern, request.path)
            if found and method == request.method:
                with self.lock:
                    return act(Request(**{**vars(request), "args": found.groups()}))
        self.wrong.append(f"{request.method} {request.path}")
        raise Refusal(404, {"error": "not found"})


class Server(ThreadingHTTPServer):
    """Quiet about clients that were killed."""

    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def serve(package: Package, port: int = 0) -> Server:
    """Have a package answer at an address of its own, in threads of this process."""
    server = Server(("127.0.0.1", port), _handler(package))
    package.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return server


def _handler(package: Package) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = self.headers.get("Content-Type", "")
            body = dict(parse_qsl(raw.decode())) if "form" in kind else json.loads(raw) if raw else None
            query = dict(parse_qsl(parts.query, keep_blank_values=True))
            answer = package.answer(Request(self.command, parts.path, query, self.headers, body))
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, shown, headers = answer
            content = shown.encode() if isinstance(shown, str) else b"" if shown is None else json.dumps(shown).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def do_PUT(self) -> None:
            self._serve()

        def log_message(self, *args: Any) -> None:
            pass

    return Handler

"""The simulator's process: an HTTP server of threads, and a clock for what happens later.

It needs no Django and no database but its own file. A plain server of the standard library is used because it lets
us do what a well-behaved one prevents: keep silent, and hang up in the middle.
"""

import logging
import select
import signal
import socket
import time
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any, ClassVar, Final
from urllib.parse import parse_qsl, urlsplit

from config.sandbox.psp.app import Answer, App, Request, Response
from config.sandbox.psp.outbox import Outbox
from config.sandbox.psp.sql import Store
from payments.providers.simulator.magic import Misbehavior

logger: Final = logging.getLogger(__name__)

LARGEST_BODY: Final = 16 * 1024 * 1024
LONGEST_SILENCE: Final = 30.0
TICK: Final = 0.05
FILE: Final = "simulator.sqlite3"
TOO_LARGE: Final = Response(413, b'{"code":"too_large","detail":"The body is too large."}')
BROKEN: Final = {
    Misbehavior.ERROR_DONE: Response(500, b'{"code":"internal_error","detail":"Something broke."}'),
    Misbehavior.ERROR_NOT_DONE: Response(500, b'{"code":"internal_error","detail":"Something broke."}'),
    Misbehavior.RATE_LIMITED: Response(
        429, b'{"code":"rate_limited","detail":"Too many requests."}', headers={"retry-after": "1"}
    ),
    Misbehavior.BALANCE_SHORT: Response(
        402,
        b'{"code":"balance_too_short","detail":"The balance does not cover this refund."}',
        headers={"simulator-processed": "false"},
    ),
    Misbehavior.UNREACHABLE: Response(
        503,
        b'{"code":"unreachable","detail":"Nothing was processed; try again."}',
        headers={"retry-after": "1", "simulator-processed": "false"},
    ),
}


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection, and answers them or doesn't."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece
    app: ClassVar[App]

    def do_GET(self) -> None:
        """Answer."""
        self._handle()

    def do_POST(self) -> None:
        """Answer."""
        self._handle()

    def log_message(self, *args: Any) -> None:
        """Log nothing: a test run sends thousands of requests."""

    def _handle(self) -> None:
        length = self.headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            self.close_connection = True
            self._respond(TOO_LARGE)
        else:
            self._give(self._answer(self._request(self.rfile.read(int(length)))))

    def _request(self, body: bytes) -> Request:
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, url.path, dict(parse_qsl(url.query)), headers, body)

    def _answer(self, request: Request) -> Answer:
        time.sleep(self.app.faults.settings.delay_ms / 1000)
        try:
            return self.app.answer(request)
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            return BROKEN[Misbehavior.ERROR_NOT_DONE]

    def _give(self, answer: Answer) -> None:
        if isinstance(answer, Response):
            self._respond(answer)
        elif answer.misbehavior in BROKEN:
            self._respond(BROKEN[answer.misbehavior])
        else:
            self._hang_up(silent=answer.misbehavior is not Misbehavior.DROPPED_DONE)

    def _respond(self, response: Response) -> None:
        self.send_response(response.status)
        self.send_header("content-type", response.content_type)
        self.send_header("content-length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)

    def _hang_up(self, *, silent: bool) -> None:
        if silent:  # until the other side has had enough
            select.select([self.connection], [], [], LONGEST_SILENCE)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


class Server(ThreadingHTTPServer):
    """Many connections at once, none of which keeps the process alive."""

    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Do not log a client that closed its connection."""
        logger.debug("connection from %s broke", client_address)


class Clock(Thread):
    """Does what is due, every few hundredths of a second."""

    def __init__(self, store: Store, app: App, outbox: Outbox) -> None:
        super().__init__(name="clock", daemon=True)
        self._store = store
        self._app = app
        self._outbox = outbox
        self._stopped = Event()

    def run(self) -> None:
        """Tick until stopped."""
        while not self._stopped.wait(TICK):
            for job in self._store.due_jobs(time.time()):
                self._guarded(partial(self._app.afterwards.run, job))
            self._guarded(self._outbox.send_due)

    def stop(self) -> None:
        """Tick no more."""
        self._stopped.set()
        self.join()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            logger.exception("something due was not done")


def serve(*, host: str, port: int, home: Path) -> None:
    """Run until SIGTERM or SIGINT."""
    store = Store(home / FILE)
    outbox = Outbox(store)
    app = App(store, outbox)
    server = Server((host, port), type("BoundHandler", (Handler,), {"app": app}))
    clock = Clock(store, app, outbox)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _interrupt)
    clock.start()
    try:
        server.serve_forever(poll_interval=0.1)
    except KeyboardInterrupt:
        pass
    finally:
        clock.stop()
        outbox.close()
        server.server_close()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt

"""The fake's HTTP: keys, schemas, idempotency, faults, and a page on which customers pay.

Any key that looks like one (`sk_test_…`, `sk_live_…`) opens an account of its own at its first use; one that holds
"revoked" or "restricted" is refused as Stripe refuses those.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.conf import settings

from tests.fake_stripe import afterwards, endpoints, schemas
from tests.fake_stripe.books import Books, Object
from tests.fake_stripe.errors import Refused, invalid
from tests.fake_stripe.faults import ANSWERS, Fault, Faults
from tests.fake_stripe.post import Mischief, Post, body_of, signature

API_VERSION: Final = "2026-10-28.endive"
Handler = Callable[[Books, Object, str], Object]
HANDLERS: Final[dict[str, Handler]] = {
    "POST /v1/payment_intents": lambda books, params, _: endpoints.create_intent(books, params),
    "GET /v1/payment_intents": lambda books, params, _: endpoints.listing(books, "pi", params, "/v1/payment_intents"),
    "GET /v1/payment_intents/{id}": lambda books, _, name: books.get(name, "pi"),
    "POST /v1/payment_intents/{id}/capture": lambda books, params, name: endpoints.capture(books, name, params),
    "POST /v1/payment_intents/{id}/cancel": lambda books, params, name: endpoints.cancel(books, name, params),
    "POST /v1/checkout/sessions": lambda books, params, _: endpoints.create_session(books, params),
    "GET /v1/checkout/sessions": lambda books, params, _: endpoints.listing(
        books, "cs", params, "/v1/checkout/sessions", "payment_intent"
    ),
    "GET /v1/checkout/sessions/{id}": lambda books, _, name: books.get(name, "cs"),
    "POST /v1/checkout/sessions/{id}/expire": lambda books, params, name: endpoints.expire_session(books, name, params),
    "POST /v1/refunds": lambda books, params, _: endpoints.create_refund(books, params),
    "GET /v1/refunds": lambda books, params, _: endpoints.listing(
        books, "re", params, "/v1/refunds", "payment_intent", "charge"
    ),
    "GET /v1/refunds/{id}": lambda books, _, name: books.get(name, "re"),
    "GET /v1/balance_transactions": lambda books, params, _: endpoints.transactions(
        books, params, "/v1/balance_transactions"
    ),
    "GET /v1/payouts": lambda books, params, _: endpoints.listing(books, "po", params, "/v1/payouts", "status"),
    "GET /v1/payouts/{id}": lambda books, _, name: books.get(name, "po"),
    "GET /v1/events": lambda books, params, _: books.listed(books.events[::-1], params, "/v1/events"),
}


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    endpoint: str
    key: str | None
    status: int
    fault: Fault | None


class Server(ThreadingHTTPServer):
    """Quiet about clients that were killed, and ready for many at once."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


class FakeStripe:
    """A whole Stripe in threads of this process."""

    def __init__(self, port: int = 0) -> None:
        self.accounts: dict[str, Books] = {}
        self.faults = Faults()
        self.post = Post(Mischief())
        self.received: list[Received] = []
        self._opening = threading.Lock()
        self._server = Server(("127.0.0.1", port), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def account(self, key: str, connected: str | None = None) -> Books:
        """The account behind a key, opened where it is new."""
        with self._opening:
            name = connected or f"acct_{key.rpartition('_')[2]}"
            if name not in self.accounts:
                books = Books(name, key, f"whsec_{name.removeprefix('acct_')}", base=self.url)
                books.listen = self.post.take
                self.accounts[name] = books
            return self.accounts[name]

    def holding(self, name: str) -> Books:
        """The account that an object belongs to."""
        return next(books for books in self.accounts.values() if name in books.objects)

    def close(self) -> None:
        """End it."""
        self.post.close()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, encoded: str, headers: Any) -> "tuple[int, Object, bool] | None":
        """Status, body, and whether it is a replay; None where the connection breaks."""
        endpoint, name = _endpoint(method, path)
        key = headers.get("Idempotency-Key") if method == "POST" else None
        fault: Fault | None = None
        try:
            books = self._authenticated(headers)
            if endpoint not in HANDLERS:
                raise invalid(f"Unrecognized request URL ({method}: {path}).", status=404)
            params = schemas.read(endpoint, encoded)
            fault = self.faults.of_request(key, params)
            status, body, replay = self._faulty(fault, books, endpoint, name, params, key, encoded)
        except Refused as refusal:
            status, body, replay = refusal.status, refusal.body, False
        except ConnectionAbortedError:
            self.received.append(Received(endpoint, key, 0, fault))
            return None
        self.received.append(Received(endpoint, key, status, fault))
        return status, body, replay

    def _faulty(
        self,
        fault: Fault | None,
        books: Books,
        endpoint: str,
        name: str,
        params: Object,
        key: str | None,
        body_text: str,
    ) -> tuple[int, Object, bool]:
        """Do what was requested unless a fault forbids it, and answer unless a fault does."""

        def act() -> tuple[int, Object, bool]:
            return _once(books, endpoint, name, params, key, body_text)

        if fault is Fault.SLOW:
            time.sleep(self.faults.silence)
            act()
            raise ConnectionAbortedError
        done = act() if fault is None or fault.done else None
        if fault in (Fault.TIMEOUT_DONE, Fault.TIMEOUT_NOT_DONE):
            time.sleep(self.faults.silence)
        if fault in (Fault.TIMEOUT_DONE, Fault.TIMEOUT_NOT_DONE, Fault.DROPPED_DONE, Fault.DROPPED_NOT_DONE):
            raise ConnectionAbortedError
        if fault is Fault.UNREADABLE:
            return 200, {"<html>": ""}, False
        if fault is not None:
            status, error = ANSWERS[fault]
            if key is not None and fault in (Fault.ERROR_DONE, Fault.ERROR_KEPT):
                with books.lock:
                    books.answers[key] = (f"{endpoint} {name} {body_text}", status, {"error": error})
            return status, {"error": error}, False
        assert done is not None
        return done

    def _authenticated(self, headers: Any) -> Books:
        """The account whose key it is.

        Raises:
            Refused: no key, one that is revoked or may not do this, or another API version than the SDK's own.
        """
        key = headers.get("Authorization", "").removeprefix("Bearer ")
        if not re.fullmatch(r"[sr]k_(test|live)_\w+", key) or "revoked" in key:
            raise invalid("Invalid API Key provided.", status=401)
        if "restricted" in key:
            raise Refused(403, "invalid_request_error", "This key may not do that.")
        if headers.get("Stripe-Version") != API_VERSION:
            raise invalid("The fake speaks one version of the API.")
        return self.account(key, headers.get("Stripe-Account"))

    def page(self, name: str, action: str | None) -> tuple[int, str, str | None]:
        """Stripe's own page, or the bank's: status, HTML, and where the customer goes next."""
        books = self.holding(name)
        obj = books.objects[name]
        if action is None:
            buttons = "".join(f'<button name="action" value="{each}">{each}</button>' for each in ("pay", "refuse"))
            return 200, f'<!doctype html><title>Stripe</title><form method="post">{buttons}</form>', None
        (afterwards.pay if action == "pay" else afterwards.refuse)(books, name)
        return 303, "", obj.get("success_url") or books.returns.get(name)


def _once(
    books: Books, endpoint: str, name: str, params: Object, key: str | None, body_text: str
) -> tuple[int, Object, bool]:
    """Do it once per key: the same request again is answered as before, another one is refused."""
    expand = params.pop("expand", [])
    if key is None:
        with books.lock:
            return 200, books.expanded(HANDLERS[endpoint](books, params, name), expand), False
    with books.lock:
        request = f"{endpoint} {name} {body_text}"
        if key in books.running:
            raise Refused(409, "idempotency_error", "In progress.", code="idempotency_key_in_use")
        if key in books.answers:
            first, status, body = books.answers[key]
            if first != request:
                message = "Keys for idempotent requests can only be used with the same parameters."
                raise Refused(400, "idempotency_error", message)
            return status, body, True
        books.running.add(key)
    try:
        with books.lock:
            status, body = _executed(books, endpoint, name, params, expand)
            books.answers[key] = (request, status, body)
    finally:
        books.running.discard(key)
    return status, body, False


def _executed(books: Books, endpoint: str, name: str, params: Object, expand: list[str]) -> tuple[int, Object]:
    """What came of it; a refusal is an answer too, and is kept under its key."""
    try:
        return 200, books.expanded(HANDLERS[endpoint](books, params, name), expand)
    except Refused as refusal:
        return refusal.status, json.loads(json.dumps(refusal.body))


def _endpoint(method: str, path: str) -> tuple[str, str]:
    """The endpoint as the schemas name it, and the id in it."""
    found = re.search(r"/((?:pi|cs|re|po|ch|du)_\w+)", path)
    name = found.group(1) if found else ""
    return f"{method} {path.replace(name, '{id}') if name else path}", name


def _handler(stripe: FakeStripe) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            self._serve("GET", parts.path, parts.query)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self._serve("POST", urlsplit(self.path).path, body.decode())

        def _serve(self, method: str, path: str, encoded: str) -> None:
            if path.startswith("/pay/"):
                self._page(path.removeprefix("/pay/"), dict(parse_qsl(encoded)).get("action"))
                return
            answer = stripe.answer(method, path, encoded, self.headers)
            if answer is None:
                self.close_connection = True
                self.connection.close()
                return
            status, body, replay = answer
            text = "<html>Bad Gateway" if "<html>" in body else json.dumps(body)
            self._send(status, text, {"Idempotent-Replayed": "true"} if replay else {})

        def _page(self, name: str, action: str | None) -> None:
            status, html, place = stripe.page(name, action)
            self._send(status, html, {"Location": place} if place else {})

        def _send(self, status: int, text: str, headers: dict[str, str]) -> None:
            content = text.encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), "Request-Id": "req_fake", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    return Handler


def signed(books: Books, event: Object) -> tuple[bytes, dict[str, str]]:
    """An event as Stripe would send it now: body and headers."""
    body = body_of(event)
    return body, {"stripe-signature": signature(books.webhook_secret, body)}


@pytest.fixture(scope="session")
def stripe_of_stack() -> Iterator[FakeStripe]:
    """The Stripe that the installation of the tests asks."""
    running = FakeStripe()
    yield running
    running.close()


@pytest.fixture
def fake_stripe(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeStripe]:
    """A Stripe of one's own, where `STRIPE_API_BASE` points."""
    running = FakeStripe()
    monkeypatch.setattr(settings, "STRIPE_API_BASE", running.url)
    yield running
    running.close()

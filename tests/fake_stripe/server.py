"""The fake's HTTP: keys, schemas, idempotency, faults, and a page on which customers pay.

Any key that looks like one (`sk_test_…`, `sk_live_…`) opens an account of its own at its first use; one that holds
"revoked" or "restricted" is refused as Stripe refuses those.
"""

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from django.conf import settings

from tests.fake_stripe import afterwards, endpoints, readers, schemas
from tests.fake_stripe.books import Books, Object
from tests.fake_stripe.errors import Refused, invalid
from tests.fake_stripe.faults import ANSWERS, Fault, StripeFaults
from tests.fake_stripe.post import body_of, forged, letter, signature
from tests.fakes.post import Mischief, Post
from tests.fakes.routes import find
from tests.fakes.server import Answer, Asked, FakeServer, Received

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
    **readers.HANDLERS,
}


class FakeStripe(FakeServer):
    """A whole Stripe in threads of this process."""

    def __init__(self, port: int = 0) -> None:
        self.accounts: dict[str, Books] = {}
        self.faults = StripeFaults()
        self.post = Post(Mischief())
        self._opening = threading.Lock()
        super().__init__(port)

    def account(self, key: str, connected: str | None = None) -> Books:
        """The account behind a key, opened where it is new."""
        with self._opening:
            name = connected or f"acct_{key.rpartition('_')[2]}"
            if name not in self.accounts:
                books = Books(name, key, f"whsec_{name.removeprefix('acct_')}", base=self.url)
                books.listen = self.tell
                self.accounts[name] = books
            return self.accounts[name]

    def holding(self, name: str) -> Books:
        """The account that an object belongs to."""
        return next(books for books in self.accounts.values() if name in books.objects)

    def tell(self, books: Books, event: Object) -> None:
        """Send an event of an account to its address, if it has one."""
        if books.webhook_url is not None:
            self.post.send(letter(books, event), lambda chance: forged(books, event, chance))

    def close(self) -> None:
        """End it."""
        self.post.close()
        super().close()

    def serve(self, requested: Asked) -> Answer | None:
        """Answer the SDK, or a customer's browser."""
        if requested.path.startswith("/pay/"):
            status, html, place = self.page(requested.path.removeprefix("/pay/"), requested.fields.get("action"))
            return Answer(status, html, {"Location": place} if place else {})
        answer = self.answer(
            requested.method, requested.path, requested.body.decode() or requested.query, requested.headers
        )
        if answer is None:
            return None
        status, body, replay = answer
        text = "<html>Bad Gateway" if "<html>" in body else json.dumps(body)
        return Answer(status, text, {"Request-Id": "req_fake"} | ({"Idempotent-Replayed": "true"} if replay else {}))

    def answer(self, method: str, path: str, encoded: str, headers: Any) -> "tuple[int, Object, bool] | None":
        """Status, body, and whether it is a replay; None where the connection breaks."""
        found = find(HANDLERS, method, path)
        endpoint, name = (found[0], found[1].get("id", "")) if found else (f"{method} {path}", "")
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

        def answer(struck: Fault) -> tuple[int, Object, bool]:
            if struck is Fault.UNREADABLE:
                return 200, {"<html>": ""}, False
            status, error = ANSWERS[struck]
            if key is not None and struck in (Fault.ERROR_DONE, Fault.ERROR_KEPT):
                with books.lock:
                    books.answers[key] = (f"{endpoint} {name} {body_text}", status, {"error": error})
            return status, {"error": error}, False

        return self.faults.strike(fault, act, answer)

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

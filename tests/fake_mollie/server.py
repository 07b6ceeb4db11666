"""The fake's HTTP: keys, idempotency that lives an hour, and a page on which customers pay.

Any API key that looks like one (`test_…`, `live_…`, 30 characters) opens a profile of its own at its first use. What is
of the organization (settlements, balances) needs its `access_…` token.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Final

import pytest
from django.conf import settings

from payments.providers.simulator.magic import Ending, ending
from tests.fake_mollie import afterwards, webhooks
from tests.fake_mollie.books import KEYS_LIVE, Books, Kept, Object, cents, decimal
from tests.fake_mollie.endpoints import Endpoints
from tests.fake_mollie.schemas import SPECIFICATION
from tests.fake_mollie.traps import Trap
from tests.fakes.faults import Fault
from tests.fakes.json_api import Call, JsonFake, Refused, Route
from tests.fakes.routes import Origin
from tests.fakes.server import Answer, Asked
from tests.fakes.specification import Specification
from tests.fakes.traps import Traps

_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized Request",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    422: "Unprocessable Entity",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
# What an ending of an amount does, as at the other fakes; struck once a key.
_ENDINGS: Final = {
    Ending.TIMEOUT_DONE: Fault.TIMEOUT_DONE,
    Ending.TIMEOUT_NOT_DONE: Fault.TIMEOUT_NOT_DONE,
    Ending.DROPPED_DONE: Fault.DROPPED_DONE,
    Ending.ERROR_DONE: Fault.ERROR_DONE,
    Ending.ERROR_NOT_DONE: Fault.ERROR_NOT_DONE,
    Ending.RATE_LIMITED: Fault.RATE_LIMITED,
}
_OF_ORGANIZATION: Final = ("/v2/settlements", "/v2/balances", "/v2/webhooks")
_BUTTONS: Final[Mapping[str, Callable[[Books, str], None]]] = {
    "pay": afterwards.pay,
    "fail": afterwards.fail,
    "cancel": afterwards.cancel,
    "expire": afterwards.expire,
}


class FakeMollie(JsonFake):
    """Mollie on loopback."""

    specification: ClassVar[Specification] = SPECIFICATION

    def __init__(self, port: int = 0) -> None:
        self.accounts: dict[str, Books] = {}
        self.traps: Traps[Trap] = Traps()
        self._opening = threading.Lock()
        self._struck: set[str] = set()
        super().__init__(port)

    def account(self, name: str, mode: str = "test") -> Books:
        """The profile of a name, opened where it is new."""
        with self._opening:
            key = f"{mode}_{name.ljust(30, 'x')}"
            if key not in self.accounts:
                books = Books(name, key, f"access_{name}", self.url, [f"secret_{name}"])
                books.listen = self.tell
                self.accounts[key] = books
            return self.accounts[key]

    def routing(self) -> Mapping[str, Route]:
        """Answers have the forms of the specification's own examples, but for what only its prose tells."""
        do, spec = Endpoints(self), Origin.SPEC_EXAMPLE
        of_payment, of_settlement = "/v2/payments/{id}", "/v2/settlements/{id}"
        return {
            "POST /v2/payments": Route(do.create_payment, spec, 201),
            "GET /v2/payments": Route(do.list_payments, spec),
            f"GET {of_payment}": Route(do.get_payment, spec),
            f"DELETE {of_payment}": Route(do.cancel_payment, spec),
            f"POST {of_payment}/release-authorization": Route(do.release, Origin.ASSUMED, 202),
            f"POST {of_payment}/captures": Route(do.create_capture, spec, 201),
            f"GET {of_payment}/captures": Route(do.list_of("cpt", "captures"), spec),
            f"GET {of_payment}/captures/{{child}}": Route(do.one_of("cpt"), spec),
            f"POST {of_payment}/refunds": Route(do.create_refund, spec, 201),
            f"GET {of_payment}/refunds": Route(do.list_of("re", "refunds"), spec),
            f"GET {of_payment}/refunds/{{child}}": Route(do.one_of("re"), spec),
            f"DELETE {of_payment}/refunds/{{child}}": Route(do.cancel_refund, Origin.ASSUMED, 204),
            f"GET {of_payment}/chargebacks": Route(do.list_of("chb", "chargebacks"), spec),
            "GET /v2/refunds": Route(do.list_refunds, spec),
            "GET /v2/chargebacks": Route(do.list_chargebacks, spec),
            "GET /v2/terminals": Route(do.list_terminals, spec),
            "GET /v2/terminals/{id}": Route(do.get_terminal, spec),
            "GET /v2/methods": Route(do.list_methods, Origin.ASSUMED),
            "GET /v2/settlements": Route(do.list_settlements, spec),
            f"GET {of_settlement}": Route(do.get_settlement, spec),
            f"GET {of_settlement}/payments": Route(do.settled("tr", "payments"), spec),
            f"GET {of_settlement}/captures": Route(do.settled("cpt", "captures"), spec),
            f"GET {of_settlement}/refunds": Route(do.settled("re", "refunds"), spec),
            f"GET {of_settlement}/chargebacks": Route(do.settled("chb", "chargebacks"), spec),
            "GET /v2/balances/{id}/transactions": Route(do.list_balance_transactions, spec),
        }

    def account_of(self, requested: Asked, endpoint: str) -> Books:
        """The profile behind a key."""
        key = requested.headers.get("Authorization", "").removeprefix("Bearer ")
        of_organization = requested.path.startswith(_OF_ORGANIZATION)
        if key.startswith("access_"):
            return self._organization(key, of_organization)
        if of_organization:
            raise self.refusal(403, "", "This API key may not read what belongs to the organization")
        mode, _, name = key.partition("_")
        if mode not in ("test", "live") or len(name) < 30 or "revoked" in key:
            raise self.refusal(401, "", "Missing authentication, or failed to authenticate")
        return self.account(name.rstrip("x"), mode)

    def _organization(self, token: str, of_organization: bool) -> Books:
        found = next((books for books in self.accounts.values() if books.organization_token == token), None)
        if found is None:
            raise self.refusal(401, "", "Missing authentication, or failed to authenticate")
        if not of_organization:
            raise self.refusal(403, "", "This access token may read settlements and balances only")
        return found

    def refusal(self, status: int, code: str, message: str) -> Refused:
        """An error as the specification's examples have it; `code` is the field that is meant."""
        body: Object = {"status": status, "title": _TITLES.get(status, "Error"), "detail": message}
        return Refused(status, {**body, **({"field": code} if code else {}), "_links": {}})

    def failure(self, fault: Fault) -> Refused:
        """Faults name no field."""
        refused = super().failure(fault)
        return self.refusal(refused.status, "", str(refused.body["detail"]))

    def missing(self, name: str) -> Refused:
        """404."""
        return self.refusal(404, "", f"No item exists with token {name}.")

    def fault_of(self, requested: Asked, body: Any) -> Fault | None:
        """What is planned or at random, and what an amount's ending asks for, once a key."""
        planned, key = self.faults.next(), self.key_of(requested)
        if planned is not None or key is None or key in self._struck or "amount" not in body:
            return planned
        self._struck.add(key)
        return _ENDINGS.get(ending(cents(decimal(body))))

    def once(self, call: Call, act: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        """Once a key, for an hour; only what is POSTed."""
        books: Books = call.account
        key = self.key_of(call.asked) if call.asked.method == "POST" else None
        with books.lock:
            if key is None:
                return act()
            request = f"{call.asked.path} {json.dumps(call.body, sort_keys=True)}"
            if key in books.running or self.traps.springs(Trap.KEY_RUNNING):
                raise self.refusal(409, "", "A request with this idempotency key is still being processed")
            kept = None if self.traps.springs(Trap.KEY_FORGOTTEN) else books.answers.get(key)
            if kept is not None and books.now() - kept.at < KEYS_LIVE:
                return self._again(kept, request)
            books.running.add(key)
        try:
            with books.lock:
                status, body = act()
                books.answers[key] = Kept(request, status, json.loads(json.dumps(body)), books.now())
                return status, body
        finally:
            books.running.discard(key)

    def _again(self, kept: Kept, request: str) -> tuple[int, Any]:
        if kept.request != request:
            raise self.refusal(400, "", "The idempotency key was used for another request")
        return kept.status, kept.body

    def tell(self, books: Books, kind: str, obj: Object) -> None:
        """Send both kinds of webhook, where somebody wants them."""
        letter = webhooks.classic(books, obj) if kind in webhooks.CLASSIC else None
        if letter is not None:
            self.post.send(letter)
        made = webhooks.event(books, kind, obj)
        signed = webhooks.next_generation(books, made)
        if signed is not None:
            self.post.send(signed, lambda chance: webhooks.forged(books, made, chance))

    def wait_for_post(self, within: float = 5) -> None:
        """Until all webhooks are taken."""
        until = time.monotonic() + within
        while not self.post.quiet() and time.monotonic() < until:
            time.sleep(0.02)

    def as_text(self, metadata: Any) -> str:
        """Metadata as the specification's examples have it."""
        return json.dumps(metadata)

    def page(self, requested: Asked) -> Answer | None:
        """Mollie's own page: the customer chooses what comes of it, and goes back to the shop."""
        if not requested.path.startswith("/checkout/"):
            return None
        name = requested.path.removeprefix("/checkout/")
        books = next((books for books in self.accounts.values() if name in books.objects), None)
        if books is None:
            return Answer(404, "<!doctype html><title>Mollie</title>")
        action = requested.fields.get("action", "")
        if action not in _BUTTONS:
            buttons = "".join(f'<button name="action" value="{each}">{each}</button>' for each in _BUTTONS)
            html = f'<!doctype html><title>Mollie</title><form method="post">{buttons}</form>'
            return Answer(200, html, {"Content-Type": "text/html"})
        _BUTTONS[action](books, name)
        return Answer(303, "", {"Location": str(books.objects[name]["redirectUrl"])})


@pytest.fixture
def fake_mollie(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeMollie]:
    """A Mollie of one's own, where `MOLLIE_API_BASE` points."""
    running = FakeMollie()
    monkeypatch.setattr(settings, "MOLLIE_API_BASE", running.url)
    yield running
    running.close()

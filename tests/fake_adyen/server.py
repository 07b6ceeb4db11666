"""The fake over HTTP, and its life beside the tests.

An account is its API key, `AQE_NAME`, for the merchant account `Onetill_NAME`; a request for another is refused.
"""

import hashlib
import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Final

import pytest
from django.conf import settings

from payments.providers.simulator.magic import Ending, ending
from tests.fake_adyen import terminals, webhooks
from tests.fake_adyen.books import KEYS_LIVE, Books, Kept, Object
from tests.fake_adyen.endpoints import Endpoints, pay_page
from tests.fake_adyen.schemas import SPECIFICATION
from tests.fake_adyen.terminals import FakeTerminal
from tests.fake_adyen.traps import Trap
from tests.fakes.faults import Fault
from tests.fakes.json_api import Call, JsonFake, Refused, Route
from tests.fakes.routes import Origin
from tests.fakes.server import Answer, Asked
from tests.fakes.specification import Specification
from tests.fakes.traps import Traps

# What an ending of an amount does, as at the other fakes; struck once a key.
_ENDINGS: Final = {
    Ending.TIMEOUT_DONE: Fault.TIMEOUT_DONE,
    Ending.TIMEOUT_NOT_DONE: Fault.TIMEOUT_NOT_DONE,
    Ending.DROPPED_DONE: Fault.DROPPED_DONE,
    Ending.ERROR_DONE: Fault.ERROR_DONE,
    Ending.ERROR_NOT_DONE: Fault.ERROR_NOT_DONE,
    Ending.RATE_LIMITED: Fault.RATE_LIMITED,
}
_TYPES: Final = {401: "security", 403: "security", 500: "internal"}
_BUTTONS: Final = ("pay", "refuse", "leave")


class FakeAdyen(JsonFake):
    """Adyen on loopback."""

    specification: ClassVar[Specification] = SPECIFICATION

    def __init__(self, port: int = 0) -> None:
        self.accounts: dict[str, Books] = {}
        self.traps: Traps[Trap] = Traps()
        self._opening = threading.Lock()
        self._struck: set[str] = set()
        super().__init__(port)

    def account(self, name: str) -> Books:
        """The merchant account of a name, opened where it is new."""
        with self._opening:
            if name not in self.accounts:
                books = Books(name, self.url, hashlib.sha256(name.encode()).hexdigest())
                books.listen = self.tell
                self.accounts[name] = books
            return self.accounts[name]

    def routing(self) -> Mapping[str, Route]:
        """Answers have the forms of the specification's own examples, but for what only its prose tells."""
        do, spec, fixture = Endpoints(self), Origin.SPEC_EXAMPLE, Origin.PUBLIC_FIXTURE
        of_device = "/v1/merchants/{merchant}/devices/{device}"
        return {
            "POST /v72/sessions": Route(do.create_session, spec, 201),
            "POST /v72/payments": Route(do.create_payment, spec),
            "POST /v72/paymentMethods": Route(do.payment_methods, Origin.ASSUMED),
            "POST /v72/payments/{psp}/captures": Route(do.capture, spec, 201),
            "POST /v72/payments/{psp}/refunds": Route(do.refund, spec, 201),
            "POST /v72/payments/{psp}/cancels": Route(do.cancel, spec, 201),
            f"POST {of_device}/sync": Route(lambda call: terminals.cloud(self, call, waits=True), fixture),
            f"POST {of_device}/async": Route(lambda call: terminals.cloud(self, call, waits=False), fixture),
            "POST /nexo": Route(lambda call: terminals.local(self, call), fixture),
        }

    def account_of(self, requested: Asked, endpoint: str) -> Books:
        """The merchant account behind a key; a terminal in the store is asked without one."""
        if endpoint == "POST /nexo":
            device = json.loads(requested.body)["SaleToPOIRequest"]["MessageHeader"]["POIID"]
            return next(books for books in self.accounts.values() if device in books.terminals)
        key = requested.headers.get("X-API-Key", "")
        name = key.removeprefix("AQE_")
        if name == key or not name or "revoked" in name:
            raise self.refusal(401, "000", "HTTP Status Response - Unauthorized")
        return self.account(name)

    def refusal(self, status: int, code: str, message: str) -> Refused:
        """An error as the specification's examples have it."""
        kind = _TYPES.get(status, "validation")
        return Refused(status, {"status": status, "errorCode": code, "message": message, "errorType": kind})

    def failure(self, fault: Fault) -> Refused:
        """Faults have no number of Adyen's."""
        refused = super().failure(fault)
        return self.refusal(refused.status, "", str(refused.body["message"]))

    def fault_of(self, requested: Asked, body: Any) -> Fault | None:
        """What is planned or at random, and what an amount's ending asks for, once a key."""
        planned, key = self.faults.next(), self.key_of(requested)
        if planned is not None or key is None or key in self._struck or "amount" not in body:
            return planned
        self._struck.add(key)
        return _ENDINGS.get(ending(body["amount"]["value"]))

    def once(self, call: Call, act: Any) -> tuple[int, Any]:
        """Once a key, for a week."""
        books: Books = call.account
        named = call.names.get("merchant") or call.body.get("merchantAccount")
        if call.endpoint != "POST /nexo" and named != books.merchant_account:
            raise self.refusal(403, "901", "Invalid Merchant Account")
        key = self.key_of(call.asked)
        if key is None:  # terminals have locks of their own
            done: tuple[int, Any] = act()
            return done
        with books.lock:
            request = f"{call.asked.path} {json.dumps(call.body, sort_keys=True)}"
            kept = None if self.traps.springs(Trap.KEY_FORGOTTEN) else books.answers.get(key)
            if kept is not None and books.now() - kept.at < KEYS_LIVE:
                return self._again(kept, request)
            status, body = act()
            books.answers[key] = Kept(request, status, json.loads(json.dumps(body)), books.now())
        if self.traps.springs(Trap.ALREADY_PROCESSED):
            raise self.refusal(422, "704", "request already processed or in progress")
        return status, body

    def _again(self, kept: Kept, request: str) -> tuple[int, Any]:
        if kept.request != request:  # assumed: it is not told what comes of it
            raise self.refusal(422, "702", "The idempotency key was used for another request")
        return kept.status, kept.body

    def serve(self, requested: Asked) -> Answer | None:
        """As any, but for an error that says that its key may be tried again."""
        if requested.method == "POST" and self.traps.springs(Trap.TRANSIENT):
            refused = self.refusal(422, "", "Temporarily not available")
            return Answer(
                422, json.dumps(refused.body), {"Content-Type": "application/json", "transient-error": "true"}
            )
        return super().serve(requested)

    def _report(self, requested: Asked) -> Answer:
        """A report, for the key that may fetch it."""
        merchant, name = requested.path.split("/")[-2:]
        key = requested.headers.get("X-API-Key", "")
        books = next((row for row in self.accounts.values() if row.secrets["report_api_key"] == key), None)
        fault = self.faults.next()
        if fault is not None:
            return Answer(500)
        if books is None or books.merchant_account != merchant:
            return Answer(403)
        return Answer(200, books.reports[name], {"Content-Type": "text/csv"}) if name in books.reports else Answer(404)

    def terminal(self, name: str, device: str = "V400m-324688179", *, encrypted: bool = False) -> FakeTerminal:
        """A terminal of an account, opened where it is new."""
        books = self.account(name)
        made = FakeTerminal(device, books, is_encrypted=encrypted)
        terminal: FakeTerminal = books.terminals.setdefault(device, made)
        return terminal

    def tell(self, books: Books, items: list[Object]) -> None:
        """Send the webhook, where somebody wants it."""
        letter = webhooks.letter(books, items)
        if letter is not None:
            self.post.send(letter, lambda chance: webhooks.forged(books, items, chance))

    def wait_for_post(self, within: float = 5) -> None:
        """Until all webhooks are taken."""
        until = time.monotonic() + within
        while not self.post.quiet() and time.monotonic() < until:
            time.sleep(0.02)

    def page(self, requested: Asked) -> Answer | None:
        """Adyen's own page: the customer chooses what comes of it, and goes back to the shop."""
        if requested.path.startswith("/reports/"):
            return self._report(requested)
        if not requested.path.startswith("/pay/"):
            return None
        action = requested.fields.get("action", "")
        back = pay_page(self, requested.path.removeprefix("/pay/"), action)
        if back is None:
            return Answer(404, "<!doctype html><title>Adyen</title>")
        if action not in _BUTTONS:
            buttons = "".join(f'<button name="action" value="{each}">{each}</button>' for each in _BUTTONS)
            html = f'<!doctype html><title>Adyen</title><form method="post">{buttons}</form>'
            return Answer(200, html, {"Content-Type": "text/html"})
        return Answer(303, "", {"Location": str(back)})


@pytest.fixture
def fake_adyen(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeAdyen]:
    """An Adyen of one's own, where the addresses of the settings point."""
    running = FakeAdyen()
    monkeypatch.setattr(settings, "ADYEN_CHECKOUT_URL", running.url)
    monkeypatch.setattr(settings, "ADYEN_DEVICES_URL", running.url)
    monkeypatch.setattr(settings, "ADYEN_REPORTS_URL", running.url)
    monkeypatch.setattr(settings, "ADYEN_LOCAL_URL", f"{running.url}/nexo")
    yield running
    running.close()


@pytest.fixture(scope="session")
def adyen_of_stack() -> Iterator[FakeAdyen]:
    """The Adyen that the installation of the tests asks."""
    running = FakeAdyen()
    yield running
    running.close()

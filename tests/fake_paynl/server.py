"""The fake's HTTP: keys, routes, and a page on which customers pay.

A service id and secret of the form SL-1234-1234 and `secret-of-SL-1234-1234` open a sales location at their first use, and
AT-1234-1234 with `token-of-AT-1234-1234` is the token of the same numbers; a secret with "revoked" in it is refused.
"""

import base64
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

import pytest
from django.conf import settings

from tests.fake_paynl import afterwards, endpoints
from tests.fake_paynl.books import Books, Object
from tests.fake_paynl.post import forged, letter
from tests.fake_paynl.schemas import SPECIFICATION
from tests.fake_paynl.traps import Trap
from tests.fakes.faults import Fault
from tests.fakes.json_api import Call, JsonFake, Refused, Route
from tests.fakes.routes import Origin
from tests.fakes.server import Answer, Asked
from tests.fakes.traps import Traps

EXAMPLE, ASSUMED, FIXTURE = Origin.SPEC_EXAMPLE, Origin.ASSUMED, Origin.PUBLIC_FIXTURE
_KEY: Final = re.compile(r"(SL|AT)-(\d{4}-\d{4})")
_WORDS: Final = {
    Fault.RATE_LIMITED: "Rate limit reached, try again in 15 minutes.",
    Fault.NO_PERMISSION: "Access denied",
}


class FakePayNl(JsonFake):
    """A whole Pay.nl in threads of this process."""

    specification = SPECIFICATION
    patience = 5.0

    def __init__(self, port: int = 0) -> None:
        self.accounts: dict[str, Books] = {}
        self.traps: Traps[Trap] = Traps()
        self.early = 0.3  # seconds by which an early exchange comes before its answer
        self._opening = threading.Lock()
        super().__init__(port)

    def routing(self) -> Mapping[str, Route]:
        """Where each answer's form is known from; the two lists of clearing data are on no public specification."""

        def route(handler: Callable[[Any, Call], Any], origin: Origin, status: int = 200) -> Route:
            return Route(partial(handler, self), origin, status)

        return {
            "POST /v1/orders": route(endpoints.create, EXAMPLE, 201),
            "GET /v1/orders/{id}/status": route(endpoints.status, EXAMPLE),
            "PATCH /v1/orders/{id}/capture/amount": route(endpoints.capture, EXAMPLE),
            "PATCH /v1/orders/{id}/void": route(endpoints.void, EXAMPLE),
            "PATCH /v1/orders/{id}/abort": route(endpoints.abort, EXAMPLE),
            "PATCH /v1/orders/{id}/approve": route(endpoints.approve, EXAMPLE),
            "PATCH /v1/orders/{id}/decline": route(endpoints.decline, EXAMPLE),
            "GET /v2/transactions/{id}/status": route(endpoints.transaction, EXAMPLE),
            "PATCH /v2/transactions/{id}/refund": route(endpoints.refund, EXAMPLE),
            "GET /v2/services/config": route(endpoints.service, EXAMPLE),
            "GET /v2/terminals": route(endpoints.terminals, EXAMPLE),
            "GET /v2/clearinglines": route(endpoints.clearing_lines, EXAMPLE),
            "GET /v2/invoicelines": route(endpoints.invoice_lines, EXAMPLE),
            "GET /v2/settlements": route(endpoints.settlements, FIXTURE),
        }

    def account(self, numbers: str) -> Books:
        """The sales location of these numbers (1234-1234), opened where it is new."""
        with self._opening:
            if numbers not in self.accounts:
                service, token = f"SL-{numbers}", f"AT-{numbers}"
                books = Books(service, f"secret-of-{service}", token, f"token-of-{token}", base=self.url)
                books.tell = self.tell
                self.accounts[numbers] = books
            return self.accounts[numbers]

    def holding(self, name: str) -> Books:
        """The location that an order belongs to."""
        return next(books for books in self.accounts.values() if books.find(name) is not None)

    def tell(self, books: Books, order: Object, legacy: str | None) -> None:
        """Send an exchange, if the order has an address for it."""
        if order["_asked"].get("exchangeUrl") or books.webhook_url:
            self.post.send(letter(books, order, legacy), lambda chance: forged(books, order, chance))

    def account_of(self, asked: Asked, endpoint: str) -> Books:
        """The location whose key it is: refunds, terminals and clearing want the token."""
        scheme, _, encoded = asked.headers.get("Authorization", "").partition(" ")
        user, _, secret = base64.b64decode(encoded or "").decode().partition(":")
        found = _KEY.fullmatch(user)
        if scheme != "Basic" or found is None or "revoked" in secret:
            raise self.refusal(401, "PAY-1401", "Authentication is needed to access this resource")
        books = self.account(found.group(2))
        if secret not in (books.service_secret, books.api_token):
            raise self.refusal(401, "PAY-1401", "Authentication is needed to access this resource")
        if " /v2/" in endpoint and not user.startswith("AT-"):
            raise self.refusal(403, "PAY-1403", "Access denied")
        return books

    def refusal(self, status: int, code: str, message: str) -> Refused:
        """A refusal as both APIs write it."""
        violations = [{"propertyPath": None, "message": message, "code": code}]
        more = {"violations": violations} if status == 422 else {"code": code}
        kind = "https://developer.pay.nl/docs/error-codes"
        return Refused(status, {"type": kind, "title": "An error occurred", "detail": message, **more})

    def failure(self, fault: Fault) -> Refused:
        """What it answers to a fault."""
        status = {Fault.RATE_LIMITED: 429, Fault.NO_PERMISSION: 403}.get(fault, 500)
        return self.refusal(status, f"PAY-1{status}", _WORDS.get(fault, "An internal error has occurred"))

    def page(self, asked: Asked) -> Answer | None:
        """Pay.nl's page, or the bank's."""
        if not asked.path.startswith("/pay/"):
            return None
        name, action = asked.path.removeprefix("/pay/"), asked.fields.get("action")
        books = self.holding(name)
        if action is None:
            buttons = "".join(f'<button name="action" value="{each}">{each}</button>' for each in ("pay", "refuse"))
            return Answer(200, f'<!doctype html><title>Pay.</title><form method="post">{buttons}</form>')
        (afterwards.pay if action == "pay" else afterwards.fail)(books, name)
        return Answer(303, "", {"Location": books.orders[name]["_asked"].get("returnUrl", "/")})


@pytest.fixture
def fake_paynl(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakePayNl]:
    """A Pay.nl of one's own, where both of its addresses point."""
    running = FakePayNl()
    monkeypatch.setattr(settings, "PAYNL_CONNECT_URL", running.url)
    monkeypatch.setattr(settings, "PAYNL_REST_URL", running.url)
    yield running
    running.close()

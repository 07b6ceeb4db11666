"""A provider whose API takes and answers JSON: authentication, routes, the specification, faults, and then the work."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tests.fakes.faults import Fault, Faults
from tests.fakes.post import Mischief, Post
from tests.fakes.routes import Origin, find
from tests.fakes.server import Answer, Asked, FakeServer, Received
from tests.fakes.specification import Specification

Object = dict[str, Any]


class Refused(Exception):
    """An error answer, in the provider's own words and shape."""

    def __init__(self, status: int, body: Object) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


@dataclass(frozen=True, slots=True)
class Call:
    """One request that may be carried out: `account` is whose key it was, `names` what stands in the path's places."""

    asked: Asked
    endpoint: str
    account: Any
    names: Mapping[str, str]
    body: Object


@dataclass(frozen=True, slots=True)
class Route:
    """What answers an endpoint, and where the form of that answer is known from. The status of its success."""

    handler: Callable[[Call], Any]
    origin: Origin
    status: int = 200


class JsonFake(FakeServer):
    """One provider. A subclass gives its routes and specification, its accounts, and its words of refusal."""

    specification: ClassVar[Specification]
    patience: ClassVar[float] = 30  # seconds that it waits for the answer to a webhook

    def __init__(self, port: int = 0) -> None:
        self.faults = Faults()
        self.post = Post(Mischief(), patience=self.patience)
        self.routes: Mapping[str, Route] = self.routing()
        super().__init__(port)

    def routing(self) -> Mapping[str, Route]:
        """Its routes, by endpoint."""
        raise NotImplementedError

    def account_of(self, requested: Asked, endpoint: str) -> Any:
        """The account whose key a request bears.

        Raises:
            Refused: no key, or one that may not do this.
        """
        raise NotImplementedError

    def refusal(self, status: int, code: str, message: str) -> Refused:
        """A refusal in the provider's own shape."""
        raise NotImplementedError

    def failure(self, fault: Fault) -> Refused:
        """What it answers to a fault that has an answer."""
        status = {Fault.RATE_LIMITED: 429, Fault.NO_PERMISSION: 403}.get(fault, 500)
        return self.refusal(status, fault.value, fault.value.replace("_", " "))

    def page(self, requested: Asked) -> Answer | None:
        """What a person's browser gets; None where the request is one of the API."""
        return None

    def fault_of(self, requested: Asked, body: Any) -> Fault | None:
        """What goes wrong with a request that could be read."""
        return self.faults.next()

    def once(self, call: Call, act: Callable[[], tuple[int, Any]]) -> tuple[int, Any]:
        """Carry a request out: once a key, at a provider that has idempotency keys."""
        return act()

    def key_of(self, requested: Asked) -> str | None:
        """The idempotency key of a request."""
        return requested.headers.get("Idempotency-Key")

    def serve(self, requested: Asked) -> Answer | None:
        """Answer one request, and remember it."""
        shown = self.page(requested)
        if shown is not None:
            return shown
        found = find(self.routes, requested.method, requested.path)
        endpoint, names = found or (f"{requested.method} {requested.path}", {})
        fault: Fault | None = None
        body: Any = None
        try:
            if found is None:
                raise self.refusal(404, "unknown_address", f"There is no {endpoint}.")
            account = self.account_of(requested, endpoint)
            body = self._body(requested, endpoint)
            fault = self.fault_of(requested, body)
            status, result = self._carried_out(Call(requested, endpoint, account, names, body), fault)
        except Refused as refusal:
            status, result = refusal.status, refusal.body
        except ConnectionAbortedError:
            self.received.append(Received(endpoint, self.key_of(requested), 0, fault, body))
            return None
        self.received.append(Received(endpoint, self.key_of(requested), status, fault, body))
        if fault is Fault.UNREADABLE:
            return Answer(200, "<html>Bad Gateway", {"Content-Type": "text/html"})
        text = "" if result is None else json.dumps(result)
        return Answer(status, text, {"Content-Type": "application/json"})

    def close(self) -> None:
        """End it."""
        self.post.close()
        super().close()

    def _carried_out(self, call: Call, fault: Fault | None) -> tuple[int, Any]:
        route = self.routes[call.endpoint]

        def act() -> tuple[int, Any]:
            return self.once(call, lambda: (route.status, route.handler(call)))

        def answer(struck: Fault) -> tuple[int, Any]:
            if struck is Fault.UNREADABLE:
                return 200, None
            raise self.failure(struck)

        return self.faults.strike(fault, act, answer)

    def _body(self, requested: Asked, endpoint: str) -> Object:
        if not requested.body:
            return {}
        try:
            body = json.loads(requested.body)
        except ValueError:
            raise self.refusal(400, "unreadable", "The body is no JSON.") from None
        problems = self.specification.problems(endpoint, body)
        if problems:
            raise self.refusal(422, "not_as_specified", "; ".join(problems[:3]))
        return dict(body)

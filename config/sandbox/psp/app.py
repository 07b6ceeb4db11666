"""The simulator's HTTP interface: which request does what."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeVar
from urllib.parse import parse_qs, quote

import msgspec

from config.sandbox.psp import page
from config.sandbox.psp.afterwards import Afterwards
from config.sandbox.psp.bank import StatementRequest, next_statement
from config.sandbox.psp.effects import EffectLog
from config.sandbox.psp.faults import Faults, FaultSettings
from config.sandbox.psp.outbox import Outbox
from config.sandbox.psp.processor import Processor, offered
from config.sandbox.psp.settlements import (
    SettlementRequest,
    TerminalTransaction,
    described,
    record_terminal,
    settle,
    settlement,
)
from config.sandbox.psp.sql import Row, Store
from payments.core.errors import Invalid, Malformed, NotFound, OnetillError
from payments.providers.base import Outcome, Stage, Verb
from payments.providers.simulator.magic import Ending, Misbehavior, ending
from payments.providers.simulator.wire import OperationRequest

T = TypeVar("T")
MOST_EFFECTS: Final = 10_000
URL_CHARACTERS: Final = "%/:=&?~#+!$,;'@()*[]"
PAGE_HEADERS: Final = {
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, read."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def base_url(self) -> str:
        """Where the asker found us, so that the customer's browser does too."""
        return f"http://{self.headers.get('host', '')}"


@dataclass(frozen=True, slots=True)
class Response:
    """One answer."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Missing:
    """An answer that goes missing on its way."""

    misbehavior: Misbehavior


Answer = Response | Missing


class DashboardRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /dashboard/…: something done to a payment, of an amount where that makes sense."""

    payment_reference: str
    amount: int | None = None
    final: bool = True
    stage: Literal["opened", "inquiry"] = "opened"
    respond_by: datetime | None = None


class NextStep(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """POST /dashboard/chargebacks/{reference}: how it ended, or the stage that it comes to."""

    outcome: str | None = None
    stage: Stage | None = None
    respond_by: datetime | None = None


class App:
    """Answers requests; safe to call from many threads."""

    def __init__(self, store: Store, outbox: Outbox) -> None:
        self._store = store
        self._outbox = outbox
        self.faults = Faults(store)
        self._log = log = EffectLog(store)
        self._processor = Processor(store, log, outbox, self.faults)
        self.afterwards = Afterwards(store, log, outbox, self.faults, self._processor)
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Answer]]] = [
            (method, re.compile(pattern), handler)
            for method, pattern, handler in (
                ("GET", "/health", self._health),
                ("POST", "/v1/operations", self._execute),
                ("GET", "/v1/operations/([^/]+)", self._fetch),
                ("GET", "/pay/([^/]+)", self._page),
                ("POST", "/pay/([^/]+)", self._chosen),
                ("GET", "/effects", self._effects),
                (
                    "POST",
                    "/dashboard/(captures|cancellations|refunds|reversals|expirations|chargebacks)",
                    self._dashboard,
                ),
                ("POST", "/dashboard/chargebacks/([^/]+)", self._advance_chargeback),
                ("POST", "/acquirer/transactions", self._terminal_transactions),
                ("POST", "/settlements", self._settle),
                ("GET", "/settlements", self._settlements),
                ("GET", r"/settlements/([^/]+)\.csv", self._settlement_csv),
                ("POST", "/statements", self._statement),
                ("GET", "/faults", self._read_faults),
                ("POST", "/faults", self._write_faults),
            )
        ]

    def answer(self, request: Request) -> Answer:
        """Find who handles a request, and let them; their refusals become answers."""
        matches = [
            (method, found, call) for method, path, call in self._routes if (found := path.fullmatch(request.path))
        ]
        for method, found, call in matches:
            if method == request.method:
                try:
                    return call(request, *found.groups())
                except OnetillError as error:
                    return _json({"code": error.code, "detail": error.detail}, status=error.status)
        code, status = ("method_not_allowed", 405) if matches else ("not_found", 404)
        return _json({"code": code, "detail": "There is nothing here."}, status=status)

    def _health(self, request: Request) -> Answer:
        return _json({"status": "ok"})

    def _execute(self, request: Request) -> Answer:
        body = _read(request, OperationRequest)
        if request.headers.get("idempotency-key", body.id) != body.id:
            raise Invalid("idempotency_key_differs", "The Idempotency-Key is not the operation's id.")
        amount = body.amount if body.verb is not Verb.CANCEL else 0
        misbehavior = self.faults.of_operation(body.id, amount)
        if misbehavior and not misbehavior.done:
            return Missing(misbehavior)
        row = self._processor.accept(body, quiet=misbehavior is not None)
        if misbehavior:
            return Missing(misbehavior)
        self._let_webhook_go_first(row)
        return self._operation(row, request)

    def _fetch(self, request: Request, operation_id: str) -> Answer:
        misbehavior = self.faults.of_question()
        if misbehavior:
            return Missing(misbehavior)
        try:
            row = self._processor.operation(operation_id, request.query.get("account"))
        except NotFound as error:
            return _json({"code": "operation_unknown", "detail": error.detail}, status=404)
        return self._operation(row, request)

    def _page(self, request: Request, token: str) -> Answer:
        row = self._store.find("operations", "token", token)
        if row is None:
            raise NotFound("There is no such payment page.")
        lang = page.language(request.headers.get("accept-language", ""))
        open_ = row["outcome"] == Outcome.PENDING and row["page"] == "open"
        return _html(page.form(row, lang, offered(row)) if open_ else page.result(row, lang))

    def _chosen(self, request: Request, token: str) -> Answer:
        fields = {name: values[-1] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if fields.get("action") not in page.ACTIONS:
            raise Invalid("action_invalid", f"action is one of {', '.join(page.ACTIONS)}.", param="action")
        row = self._processor.choose(token, fields["action"], fields.get("method"))
        self._let_webhook_go_first(row)
        # Quoted, for a header holds neither line breaks nor letters beyond ASCII.
        location = quote(row["return_url"] or request.path, safe=URL_CHARACTERS)
        return Response(303, headers={**PAGE_HEADERS, "location": location})

    def _effects(self, request: Request) -> Answer:
        after = _number(request.query.get("after", "0"), "after")
        limit = min(_number(request.query.get("limit", str(MOST_EFFECTS)), "limit"), MOST_EFFECTS)
        rows = self._store.effects(account=request.query.get("account"), after=after, limit=limit)
        return _json({"data": [dict(row) for row in rows], "has_more": len(rows) == limit})

    def _dashboard(self, request: Request, what: str) -> Answer:
        body = _read(request, DashboardRequest)
        with self._store.transaction():
            held = what in ("captures", "cancellations", "expirations")
            row = self._held(body.payment_reference) if held else self._captured(body.payment_reference)
            if row is None:
                raise NotFound(f"There is no such payment, or nothing of it was {'held' if held else 'captured'}.")
            return _json({"reference": self._do(what, row, body)}, status=201)

    def _held(self, payment_reference: str) -> Row | None:
        """The authorization of a payment."""
        rows = self._store.charges(payment_reference)
        done = (row for row in rows if row["outcome"] == Outcome.SUCCEEDED)
        return next((row for row in done if row["verb"] == Verb.AUTHORIZE), None)

    def _captured(self, payment_reference: str) -> Row | None:
        """What took a payment's money; where that was done at the dashboard, its authorization."""
        rows = self._store.charges(payment_reference)
        done = (row for row in rows if row["outcome"] == Outcome.SUCCEEDED)
        taken = next((row for row in done if row["verb"] != Verb.AUTHORIZE), None)
        return taken or (self._held(payment_reference) if self._log.left(payment_reference).captured else None)

    def _do(self, what: str, row: Row, body: DashboardRequest) -> str:
        if what == "captures":
            return self.afterwards.capture(row, body.amount, final=body.final)
        if what == "cancellations":
            return self.afterwards.cancel(row)
        if what == "refunds":
            return self.afterwards.refund(row, body.amount)
        if what == "chargebacks" and body.stage == "inquiry":
            return self.afterwards.disputes.inquire(row, body.amount, body.respond_by)
        if what == "chargebacks":
            return self.afterwards.disputes.open(row, body.amount, body.respond_by)
        if what == "reversals":
            return self.afterwards.reverse(row)
        return self.afterwards.expire(row)

    def _advance_chargeback(self, request: Request, name: str) -> Answer:
        body = _read(request, NextStep)
        if (body.outcome is None) == (body.stage is None) or body.outcome not in (None, "won", "lost"):
            raise Invalid("outcome_invalid", "Send either outcome, which is won or lost, or stage.", param="outcome")
        with self._store.transaction():
            if body.stage is not None:
                self.afterwards.disputes.advance(name, body.stage, body.respond_by)
            elif body.outcome is not None:
                self.afterwards.disputes.close(name, body.outcome)
        return _json({"reference": name, "state": body.outcome or "opened"})

    def _terminal_transactions(self, request: Request) -> Answer:
        many = request.body.lstrip().startswith(b"[")
        transactions = _read(request, list[TerminalTransaction]) if many else [_read(request, TerminalTransaction)]
        return _json({"references": record_terminal(self._store, transactions)}, status=201)

    def _settle(self, request: Request) -> Answer:
        return _json(described(settle(self._store, _read(request, SettlementRequest)), with_csv=True), status=201)

    def _settlements(self, request: Request) -> Answer:
        rows = self._store.settlements(request.query.get("account"))
        return _json({"data": [described(row, with_csv=False) for row in rows]})

    def _settlement_csv(self, request: Request, name: str) -> Answer:
        return Response(body=settlement(self._store, name)["csv"].encode(), content_type="text/csv; charset=utf-8")

    def _statement(self, request: Request) -> Answer:
        body = _read(request, StatementRequest)
        return Response(201, next_statement(self._store, body), "application/xml")

    def _read_faults(self, request: Request) -> Answer:
        return _json(self.faults.settings)

    def _write_faults(self, request: Request) -> Answer:
        self.faults.set(_read(request, FaultSettings))
        return self._read_faults(request)

    def _operation(self, row: Row, request: Request) -> Answer:
        return _json(self._processor.happening(row, base_url=request.base_url))

    def _let_webhook_go_first(self, row: Row) -> None:
        if ending(row["amount"]) is Ending.WEBHOOK_FIRST:
            self._outbox.wait(row["id"])


def _read(request: Request, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(request.body, type=type_)
    except msgspec.ValidationError as error:
        raise Invalid("request_invalid", str(error)) from None
    except msgspec.DecodeError as error:
        raise Malformed("malformed_json", str(error)) from None


def _number(text: str, name: str) -> int:
    if not text.isdecimal():
        raise Invalid("number_invalid", f"{name} is a whole number.", param=name)
    return int(text)


def _json(value: Any, *, status: int = 200) -> Response:
    return Response(status, msgspec.json.encode(value))


def _html(text: str) -> Response:
    return Response(body=text.encode(), content_type="text/html; charset=utf-8", headers=PAGE_HEADERS)

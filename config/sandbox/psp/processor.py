"""Process an operation at the simulator: once per id, in one transaction with its effect and webhook."""

import hashlib
import secrets
import time
from datetime import datetime
from typing import Final

import msgspec

from config.sandbox.psp.effects import EffectLog
from config.sandbox.psp.faults import PROMPT, Faults
from config.sandbox.psp.names import moment, reference, written
from config.sandbox.psp.outbox import Outbox
from config.sandbox.psp.rules import CHARGES, refusal
from config.sandbox.psp.sql import Row, Store
from payments.core.errors import Conflict, NotFound
from payments.providers.base import Outcome, ReportType, Verb
from payments.providers.simulator import magic
from payments.providers.simulator.magic import Ending, ending
from payments.providers.simulator.methods import (
    CHOSEN_METHODS,
    CURRENCIES,
    MANUAL_CAPTURE_METHODS,
    REDIRECT_METHODS,
    card_facts,
    payer_facts,
)
from payments.providers.simulator.wire import CardFacts, Happening, OperationRequest, PayerFacts

PAGE_ENDINGS: Final = (Ending.REDIRECT, Ending.REDIRECT_DECLINED, Ending.REDIRECT_EXPIRES)
# What follows a success, by the ending and by whether money came in or went back.
AFTERWARDS_OF_CHARGES: Final = {
    Ending.REVERSED: "reverse",
    Ending.FAILS_LATE: "reverse",
    Ending.DASHBOARD_REFUND: "dashboard_refund",
    Ending.CHARGEBACK_LOST: "chargeback_lost",
    Ending.CHARGEBACK_WON: "chargeback_won",
    Ending.CHARGEBACK_INQUIRY: "chargeback_inquiry",
    Ending.CHARGEBACK_AGAIN: "chargeback_again",
}
AFTERWARDS_OF_REFUNDS: Final = {Ending.REVERSED: "fail_refund", Ending.FAILS_LATE: "fail_refund"}


class Processor:
    """Takes operations and settles them."""

    def __init__(self, store: Store, log: EffectLog, outbox: Outbox, faults: Faults) -> None:
        self._store = store
        self._log = log
        self._outbox = outbox
        self._faults = faults

    def accept(self, request: OperationRequest, *, quiet: bool = False) -> Row:
        """Process an operation, or return the known one. `quiet`: its answer gets lost, so the webhook comes late.

        Raises:
            Conflict: the id was used for something else.
        """
        with self._store.transaction():
            self._store.know_account(request.account, request.webhook_secret, request.webhook_url)
            known = self._store.find("operations", "id", request.id)
            if known is None:
                return self._take(request, [magic.VERY_LATE] if quiet else None)
            if known["fingerprint"] != _fingerprint(request):
                raise Conflict("idempotency_mismatch", "This operation id was used for something else.")
            return known

    def operation(self, operation_id: str, account: str | None) -> Row:
        """Return what became of an operation.

        Raises:
            NotFound: there is no such operation.
        """
        row = self._store.find("operations", "id", operation_id)
        if row is None or account not in (None, row["account"]):
            raise NotFound("There is no such operation.")
        return row

    def choose(self, token: str, action: str, method: str | None) -> Row:
        """Do what the customer chose on the payment page; what is decided stays so.

        Raises:
            NotFound: no such page.
        """
        with self._store.transaction():
            row = self._store.find("operations", "token", token)
            if row is None:
                raise NotFound("There is no such payment page.")
            if row["outcome"] != Outcome.PENDING or row["page"] != "open":
                return row
            if action == "approve":
                self._approve(row, method)
            elif action == "decline":
                self.decline(row, "do_not_honor", "The customer's bank refused.")
            elif action == "cancel":
                self.decline(row, "canceled", "The customer went back.")
            return self._again(row)

    def succeed(self, row: Row, after: list[float] | None = None) -> None:
        """Write the effect, emit the webhook, and schedule what follows."""
        self._write_outcome(row, outcome=Outcome.SUCCEEDED)  # first, for what is pending counts as not left
        self._log.write(row, row["verb"], row["amount"], name=row["reference"], operation_id=row["id"])
        if row["verb"] == Verb.CAPTURE and row["final"]:
            rest = self._log.left(row["payment_reference"]).capturable
            if rest:
                self._log.write(row, "release", rest)
        self._emit(row, after)
        self._follow(row)

    def decline(self, row: Row, code: str, detail: str, after: list[float] | None = None) -> None:
        """Decline, and emit the webhook."""
        self._close(row, after, outcome=Outcome.DECLINED, code=code, detail=detail)

    def lapse(self, row: Row) -> None:
        """Close a page that nobody used; the caller emits the webhook."""
        detail = "The customer did not pay in time."
        self._write_outcome(row, outcome=Outcome.DECLINED, code="expired", detail=detail)

    def later(self, kind: str, subject: str, seconds: float) -> None:
        """Schedule a job in so many seconds, in whatever process runs then."""
        self._store.add("jobs", due=time.time() + seconds, kind=kind, subject=subject)

    def happening(self, row: Row, *, base_url: str = "") -> Happening:
        """Return an operation's current state as the webhook's data."""
        return Happening(
            fact=ReportType(row["verb"]),
            outcome=Outcome(row["outcome"]),
            reference=row["reference"],
            amount=row["amount"],
            currency=row["currency"],
            account=row["account"],
            operation_id=row["id"],
            payment_reference=row["payment_reference"],
            method=row["method"],
            card=msgspec.json.decode(row["card"], type=CardFacts) if row["card"] else None,
            payer=_payer(row),
            code=row["code"],
            detail=row["detail"],
            redirect_url=f"{base_url}/pay/{row['token']}" if row["page"] == "open" and base_url else None,
            occurred_at=datetime.fromisoformat(row["occurred_at"]) if row["occurred_at"] else None,
        )

    def _take(self, request: OperationRequest, after: list[float] | None) -> Row:
        payment = self._store.find("payments", "reference", request.payment_reference)
        charges = self._store.charges(request.payment_reference or "")
        page = next((row for row in charges if row["outcome"] == Outcome.PENDING and row["verb"] in CHARGES), None)
        left = self._log.left(request.payment_reference or "")
        refused = refusal(request, payment, left, open_page=page is not None)
        row = self._write(request, refused=refused is not None)
        if refused:
            self.decline(row, refused.code, refused.detail, after)
        elif request.verb is Verb.CANCEL:
            self._cancel(row, page, left.capturable, after)
        elif row["page"]:
            expires = magic.DELAY if ending(row["amount"]) is Ending.REDIRECT_EXPIRES else magic.PAGE_LIFETIME
            self.later("expire", row["id"], expires)
        else:
            self._settle(row, after)
        return self._again(row)

    def _write(self, request: OperationRequest, *, refused: bool) -> Row:
        name = request.payment_reference
        if request.verb in CHARGES and not refused:
            name = reference("pay")
            values = {"account": request.account, "payment_id": request.payment_id, "currency": request.currency}
            self._store.add("payments", reference=name, **values)
        paged = not refused and _needs_page(request)
        card = card_facts(request.method, request.customer_email or request.payment_id)
        self._store.add(
            "operations",
            id=request.id,
            account=request.account,
            reference=reference({Verb.REFUND: "ref", Verb.CAPTURE: "cap", Verb.CANCEL: "can"}.get(request.verb, "chg")),
            payment_reference=name,
            verb=request.verb,
            amount=request.amount,
            currency=request.currency,
            method=request.method,
            final=request.final,
            fingerprint=_fingerprint(request),
            holder=request.customer_email or request.payment_id,
            card=msgspec.json.encode(card).decode() if card and request.verb in CHARGES else None,
            return_url=request.return_url,
            token=secrets.token_urlsafe(24) if paged else None,
            page="open" if paged else None,
            description=request.description or request.order_reference,
            outcome=Outcome.PENDING,
        )
        return self._found(request.id)

    def _settle(self, row: Row, after: list[float] | None = None) -> None:
        which = ending(row["amount"])
        if which in magic.DECLINES:
            self.decline(row, *magic.DECLINES[which], after)
        elif which is Ending.REDIRECT_DECLINED and row["token"]:
            self.decline(row, "declined_by_bank", "The customer's bank refused.", after)
        elif which is Ending.PENDING_FAILS:
            self.later("decline", row["id"], magic.DELAY)
        elif which in (Ending.PENDING_SUCCEEDS, Ending.WEBHOOK_LATE):
            self.later("succeed", row["id"], magic.LATE if which is Ending.WEBHOOK_LATE else magic.DELAY)
        else:
            self.succeed(row, after)

    def _approve(self, row: Row, method: str | None) -> None:
        chosen = row["method"] or (method if method in offered(row) else "card")
        card = card_facts(chosen, row["holder"])
        values = {"method": chosen, "card": msgspec.json.encode(card).decode() if card else None}
        self._store.change("operations", "id", row["id"], **values, page="done")
        self._settle(self._again(row))

    def _cancel(self, row: Row, page: Row | None, rest: int, after: list[float] | None) -> None:
        if page is not None:  # nothing was held, so there is nothing to release
            self.decline(page, "canceled", "The merchant canceled before the customer paid.")
            self._close(row, after, outcome=Outcome.SUCCEEDED)
        else:
            self._store.change("operations", "id", row["id"], amount=rest)
            self.succeed(self._again(row), after)

    def _close(self, row: Row, after: list[float] | None, **values: str) -> None:
        self._write_outcome(row, **values)
        self._emit(row, after)

    def _write_outcome(self, row: Row, **values: str) -> None:
        self._store.change("operations", "id", row["id"], **values, occurred_at=written(moment()), page=None)

    def _emit(self, row: Row, after: list[float] | None) -> None:
        happening = self.happening(self._again(row))
        which = ending(row["amount"])
        if after is None and which is Ending.WEBHOOK_FIRST:
            after = [0.0]
        if after is None and which is Ending.WEBHOOKS_TWICE:
            stale = msgspec.structs.replace(happening, outcome=Outcome.PENDING, occurred_at=None)
            self._outbox.emit(stale, after=[PROMPT + 0.4, PROMPT + 0.8])
            after = [PROMPT, PROMPT + 0.6]
        self._outbox.emit(happening, after=after or self._faults.of_webhook())

    def _follow(self, row: Row) -> None:
        kinds = AFTERWARDS_OF_REFUNDS if row["verb"] == Verb.REFUND else AFTERWARDS_OF_CHARGES
        kind = kinds.get(ending(row["amount"]))
        if kind and row["verb"] in (Verb.SALE, Verb.CAPTURE, Verb.REFUND):
            self.later(kind, row["id"], magic.DELAY)

    def _again(self, row: Row) -> Row:
        return self._found(row["id"])

    def _found(self, operation_id: str) -> Row:
        row = self._store.find("operations", "id", operation_id)
        assert row is not None, "an operation is never removed"
        return row


def offered(row: Row) -> list[str]:
    """The methods a customer may choose from on this operation's page."""
    able = MANUAL_CAPTURE_METHODS if row["verb"] == Verb.AUTHORIZE else CHOSEN_METHODS
    return sorted(method for method in able if row["currency"] in CURRENCIES.get(method, (row["currency"],)))


def _payer(row: Row) -> PayerFacts | None:
    """Whose account it came from, once it was paid."""
    paid = row["verb"] in CHARGES and row["outcome"] == Outcome.SUCCEEDED
    return payer_facts(row["method"], row["holder"]) if paid else None


def _needs_page(request: OperationRequest) -> bool:
    if request.verb not in CHARGES:
        return False
    if request.method != "card":
        return request.method is None or request.method in REDIRECT_METHODS
    which = ending(request.amount)
    return which in PAGE_ENDINGS or (request.return_url is not None and which not in magic.DECLINES)


def _fingerprint(request: OperationRequest) -> str:
    what = (request.account, request.verb, request.amount, request.currency, request.payment_id)
    how = (request.method, request.payment_reference, request.final)
    return hashlib.sha256(repr((*what, *how)).encode()).hexdigest()

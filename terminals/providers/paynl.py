"""Terminals of Pay.nl, driven by its cloud: an order of the method PIN that names a terminal; a retourpin is one, too.

Not verified live. The call that makes the order starts the terminal, and the order's state says what came of it; the
device shows the amount for less than a minute. A busy terminal is a refusal (`terminal_busy`).

Pay.nl has no idempotency and no search by our own name. An order whose creation was not answered is never made again:
its webhook names our operation, and the order by it. Where none comes, a charge that nobody has paid before its order
runs out is none; of money that may have been given back nothing is concluded, and a person looks.

A stop and a tap can cross: the order is read after the stop, and its state is the answer. A retourpin is a new order of
the type `credit`, for which "paid" means that the money went out; it needs the account's API token.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

from payments.core.ids import made_at
from payments.providers.base import Card, Credentials, Outcome, Verb
from payments.providers.payload import Payload, text
from payments.providers.paynl import requests, translate
from payments.providers.paynl.amounts import to_paynl
from payments.providers.paynl.client import SERVICE, TOKEN, connect, missing_key
from payments.providers.paynl.client import Answer as Answered
from terminals.providers.base import Answer, Request, Till, Total

# Far longer than a terminal waits for a card; what nobody paid by then cannot be paid any more.
ORDER_LIVES: Final = timedelta(minutes=5)
_GRACE: Final = timedelta(minutes=5)  # between its clock and ours, and for a webhook on its way
_NOBODY_PAID: Final = frozenset({"canceled", "expired"})


class PayNl:
    """Terminals that Pay.nl's gateway starts."""

    code = "paynl"
    asks = True
    test_only = False

    def start(self, request: Request, till: Till) -> Answer:
        return _create(request, till, requests.PIN)

    def refund(self, request: Request, till: Till) -> Answer:
        return _create(request, till, requests.RETOURPIN)

    def cancel(self, request: Request, till: Till) -> Answer:
        if request.reference is None:
            return _unnamed(request)
        stopped = _asked(request, till, "PATCH", "/abort", {})
        # What cannot be stopped has ended: either way only the order says how.
        decided = isinstance(stopped, Answer) and stopped.outcome is not Outcome.DECLINED
        return stopped if isinstance(stopped, Answer) and decided else self.status(request, till)

    def status(self, request: Request, till: Till) -> Answer:
        if request.reference is None:
            return _unnamed(request)
        found = _asked(request, till, "GET", "/status")
        if not isinstance(found, Answer):
            return _read(request, found)
        # That an order cannot be read says nothing about it.
        return Answer(outcome=Outcome.UNKNOWN, code=found.code or "no_answer")

    def totals(self, till: Till) -> Sequence[Total] | None:
        # Pay.nl counts nothing for a device.
        return None


def _create(request: Request, till: Till, method: int) -> Answer:
    credentials = _credentials(till)
    unusable = missing_key(credentials, _key(request)) or missing_key(credentials, SERVICE)
    if unusable is not None:
        return Answer(outcome=Outcome.NOT_SENT, code=unusable[0])
    body = _order(request, till, method)
    made = _sent(lambda: connect("POST", "/v1/orders", credentials, body, key=_key(request)))
    return made if isinstance(made, Answer) else _read(request, made)


def _order(request: Request, till: Till, method: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "serviceId": till.secrets["service_id"],
        "amount": to_paynl(request.amount),
        "reference": requests.reference(request.action_id),
        "description": request.action_id[:32],
        "expire": (made_at(request.action_id) + ORDER_LIVES).isoformat(timespec="seconds"),
        "integration": {"test": till.test_mode is True},
        "stats": {"extra1": request.operation_id, "extra2": "refund" if request.is_refund else Verb.SALE.value},
        "paymentMethod": {"id": method, "input": {"terminalCode": till.device_id}},
    }
    return body | ({"exchangeUrl": request.webhook_url} if request.webhook_url else {})


def _asked(request: Request, till: Till, method: str, verb: str, body: Any = None) -> Payload | Answer:
    """The order, or why it could not be had."""
    credentials, key = _credentials(till), _key(request)
    unusable = missing_key(credentials, key)
    if unusable is not None:
        return Answer(outcome=Outcome.UNKNOWN, code=unusable[0])
    return _sent(lambda: connect(method, f"/v1/orders/{request.reference}{verb}", credentials, body, key=key))


def _sent(send: Callable[[], Answered]) -> Payload | Answer:
    try:
        answered = send()
    except httpx.TransportError as error:
        result = translate.no_answer(error)
        return Answer(outcome=result.outcome, code=result.code or "")
    refused = translate.refusal(answered)
    return Answer(outcome=refused.outcome, code=refused.code or "") if refused is not None else answered.body


def _unnamed(request: Request) -> Answer:
    """An order whose creation was not answered: known by nothing but what its webhook tells."""
    over = datetime.now(UTC) > made_at(request.action_id) + ORDER_LIVES + _GRACE
    if over and not request.is_refund:
        return Answer(outcome=Outcome.DECLINED, code="not_found")
    return Answer(outcome=Outcome.UNKNOWN, code="no_answer")


def _read(request: Request, order: Payload) -> Answer:
    result = translate.charged(order, Verb.SALE)
    if result.payment_reference is not None and (text(order, "type") == "credit") is not request.is_refund:
        # Money that went the other way than was asked: nothing of it may be booked as asked.
        return Answer(outcome=Outcome.UNKNOWN, code="unreadable_answer", reference=result.reference)
    name, charge = result.reference, None if request.is_refund else result.payment_reference
    if result.outcome is not Outcome.SUCCEEDED:
        code = "canceled" if result.code in _NOBODY_PAID else result.code or ""
        return Answer(outcome=result.outcome, code=code, reference=name, payment_reference=charge)
    return Answer(
        outcome=Outcome.SUCCEEDED,
        reference=name,
        payment_reference=charge,
        charged=result.amount,
        card=result.card or Card(),
        occurred_at=result.occurred_at,
        rrn=name,  # Pay.nl tells no retrieval reference; its order's name is on the receipt
    )


def _key(request: Request) -> tuple[str, str]:
    """Sales run on the sales location's secret; giving back on a card needs the API token."""
    return TOKEN if request.is_refund else SERVICE


def _credentials(till: Till) -> Credentials:
    return Credentials("", "paynl", "", secrets=till.secrets, test_mode=till.test_mode)

"""Pay.nl as Onetill sees it: five verbs without idempotency keys.

There is no key, and no search by our own reference. So an unknown outcome is resolved by looking, and what may have
been done is never sent again:

- a charge whose creation was not answered names no order. It stays unknown until its webhook comes (which carries our
  id), or until its time has run out: what nobody paid in 15 minutes cannot be paid any more;
- a capture or refund has no name of ours either. One at a time is sent of a payment (`one_at_a_time`), after reading
  what had moved before; what moved afterwards tells whether it was done. Any other sum is left to a person.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Final

import httpx

from payments.core.ids import made_at
from payments.core.money import Money
from payments.providers.base import (
    Capabilities,
    Credential,
    Credentials,
    Outcome,
    ProviderReport,
    ProviderRequest,
    Result,
    Verb,
    WebhookEvent,
    held_back,
)
from payments.providers.payload import Payload, items, text
from payments.providers.paynl import reports, requests, translate, webhooks
from payments.providers.paynl.amounts import from_paynl
from payments.providers.paynl.client import SERVICE, TOKEN, Answer, connect, missing_key, rest

_CHARGES: Final = frozenset({Verb.SALE, Verb.AUTHORIZE})
_GRACE: Final = timedelta(minutes=5)  # between its clock and ours, and for a webhook on its way
_STILL_RUNNING: Final = timedelta(minutes=2)  # longer than Pay.nl works on any request
_LONGEST_NAME: Final = 64


class _Answered(Exception):
    """What a request came to, where that is not the answer that was hoped for."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.code)
        self.result = result


class PayNl:
    """iDEAL, Bancontact and cards; on its own page whatever the sales location has; PIN by `terminals.providers`."""

    code: ClassVar[str] = "paynl"
    capabilities: ClassVar[Capabilities] = Capabilities(
        methods=translate.METHODS,
        refund_methods=translate.METHODS,
        redirect_methods=translate.METHODS,
        manual_capture_methods=frozenset({"card"}),  # where the sales location is set to it
        multiple_captures=True,
        refund_arrival=timedelta(days=2),
        credentials=(
            Credential("service_id", secret=False),
            Credential("service_secret"),
            Credential("token_code", secret=False),
            Credential("api_token"),
        ),
        currencies={method: frozenset({"EUR"}) for method in ("ideal", "bancontact")},
        drives_terminals=True,
        keys_live=timedelta(0),
        one_at_a_time=True,
        acknowledgement=webhooks.acknowledgement,
    )

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Send the request once; what is certain to be refused is not sent."""
        unsent = held_back(missing_key(credentials, TOKEN if call.verb is Verb.REFUND else SERVICE), _refused(call))
        if unsent is not None:
            return unsent
        try:
            return _EXECUTE[call.verb](call, credentials)
        except _Answered as answered:
            return answered.result

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Find what became of a call, by reading."""
        unusable = missing_key(credentials, TOKEN if call.verb is Verb.REFUND else SERVICE)
        if unusable is not None:
            return Result(Outcome.UNKNOWN, code=unusable[0], detail=unusable[1])
        try:
            return _FETCH[call.verb](call, credentials)
        except _Answered as answered:
            return replace(answered.result, outcome=Outcome.UNKNOWN)

    def look_up(self, reference: str, credentials: Credentials) -> Sequence[ProviderReport] | None:
        """Return what is true now of an order, of its refunds and of its chargeback."""
        try:
            order = _order(reference, credentials)
            paid = missing_key(credentials, TOKEN) is None and translate.status_of(order) not in (None, 20, 25, 50, 90)
            return reports.of_order(order, _transaction(reference, credentials) if paid else None)
        except _Answered as answered:
            # An order that is not there is no order of this account's: nothing is true of it.
            return () if answered.result.outcome is Outcome.DECLINED else None

    def try_connection(self, credentials: Credentials) -> Result:
        """Sign in with both keys: each at the API that it is for."""
        for key in (SERVICE, TOKEN):
            unusable = missing_key(credentials, key)
            if unusable is not None:
                return Result(Outcome.DECLINED, code=unusable[0], detail=unusable[1])
        try:
            _signed_in(lambda: connect("GET", "/v1/orders/0/status", credentials), also=(404, 410, 422))
            _signed_in(lambda: rest("GET", "/v2/services/config", credentials, serviceId=_service(credentials)))
        except _Answered as answered:
            return answered.result
        return Result(Outcome.SUCCEEDED)

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        """Check a signed exchange; a legacy one has no signature, and is let in as a mere hint."""
        return webhooks.verify(body, headers, credentials)

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        """Read an exchange of either kind: it names an order to look up."""
        return webhooks.parse_webhook(body)

    def limits(self, method: str, currency: str) -> tuple[int | None, int | None]:
        """None: they stand in the contract, not in the API's documentation."""
        return None, None

    def new_secrets(self) -> Mapping[str, str]:
        """Nothing: its merchant gives them."""
        return {}


def _refused(call: ProviderRequest) -> tuple[str, str] | None:
    """Code and detail of what would be refused, or do something else than was meant."""
    if call.verb in _CHARGES:
        if call.return_url is None:
            return "return_url_required", "Give return_url: the customer comes back there from Pay.nl's page."
        return None
    if not call.payment_reference:
        return "payment_unknown_to_provider", f"Pay.nl never named this payment, so there is nothing to {call.verb}."
    # Without an amount Pay.nl gives back everything: nothing may ever be read as that.
    return ("amount_too_small", "Pay.nl moves at least one cent.") if call.amount.amount < 1 else None


def _create(call: ProviderRequest, credentials: Credentials) -> Result:
    order = _asked(lambda: connect("POST", "/v1/orders", credentials, requests.order(call, credentials)))
    return translate.charged(order, call.verb)


def _capture(call: ProviderRequest, credentials: Credentials) -> Result:
    before = _before(call, translate.captured(_order(_name(call), credentials)), "captured")
    if before is not None:
        return before
    body = {"amount": call.amount.amount}
    path = f"/v1/orders/{_name(call)}/capture/amount"
    return _captured(call, _asked(lambda: connect("PATCH", path, credentials, body)))


def _captured(call: ProviderRequest, order: Payload) -> Result:
    total = translate.captured(order)
    outcome = translate.moved(call, total)
    if outcome is not Outcome.SUCCEEDED or total is None:
        return _not_seen(call, outcome, total, "captured")
    name = f"{_name(call)}:captured:{total.amount}"
    return Result(Outcome.SUCCEEDED, name, _name(call), call.amount, occurred_at=translate.moment(order, "modifiedAt"))


def _cancel(call: ProviderRequest, credentials: Credentials) -> Result:
    order = _order(_name(call), credentials)
    code = translate.status_of(order)
    if code is not None and 0 <= code < translate.PARTLY_CAPTURED:
        # An abort and a payment can cross: what the order is afterwards is what came of it.
        verb = "void" if code == translate.AUTHORIZED else "abort"
        _asked(lambda: connect("PATCH", f"/v1/orders/{_name(call)}/{verb}", credentials, {}))
        order = _order(_name(call), credentials)
    return _canceled(call, order)


def _canceled(call: ProviderRequest, order: Payload) -> Result:
    code = translate.status_of(order)
    if code is None:
        return Result(Outcome.UNKNOWN, code="unreadable_answer", detail="Pay.nl's answer has no state.")
    if code < 0 and code not in translate.CHARGEBACKS | translate.REFUNDED:
        return Result(Outcome.SUCCEEDED, f"{_name(call)}:canceled", _name(call))
    if code in (translate.PAID, translate.PARTLY_CAPTURED) or code < 0:
        return Result(Outcome.DECLINED, code="already_paid", detail="The customer has paid.")
    return _not_seen(call, Outcome.NOT_SENT, None, "canceled")


def _refund(call: ProviderRequest, credentials: Credentials) -> Result:
    transaction = _transaction(_name(call), credentials)
    if translate.status_of(transaction) in translate.CHARGEBACKS:
        detail = "The customer's bank has taken this payment back; refunding it would give the money twice."
        return Result(Outcome.DECLINED, code="in_chargeback", detail=detail)
    before = _before(call, from_paynl(transaction, "amountRefunded"), "refunded")
    if before is not None:
        return before
    path = f"/v2/transactions/{_name(call)}/refund"
    made = _asked(lambda: rest("PATCH", path, credentials, requests.refund(call)))
    rows = items(made, "refundedTransactions")
    name = text(rows[-1], "refund", "id") if rows else None
    # Asked for; `refund:received` says that it was done, and for an IBAN the bank does that the next morning.
    return Result(Outcome.PENDING, name, _name(call), expected_at=translate.moment(made, "processDate"))


def _found_charge(call: ProviderRequest, credentials: Credentials) -> Result:
    name = call.operation_reference or call.payment_reference
    if name is not None:
        return translate.charged(_order(name, credentials), call.verb)
    made = made_at(call.operation_id)
    if datetime.now(UTC) < made + requests.ORDER_LIVES + _GRACE:
        detail = "Pay.nl did not answer, and cannot be asked for an order by our name. Its webhook will tell."
        return Result(Outcome.UNKNOWN, code="no_answer", detail=detail)
    # Believed to have ended when it began: whatever Pay.nl may still report of it happened later, and counts.
    detail = "Pay.nl never answered, and an order that nobody has paid has run out by now."
    return Result(Outcome.DECLINED, code="expired", detail=detail, occurred_at=made)


def _found_refund(call: ProviderRequest, credentials: Credentials) -> Result:
    transaction = _transaction(_name(call), credentials)
    outcome = translate.moved(call, from_paynl(transaction, "amountRefunded"))
    if outcome is Outcome.SUCCEEDED:
        done = translate.status_of(transaction) in translate.REFUNDED
        return Result(Outcome.SUCCEEDED if done else Outcome.PENDING, call.operation_reference, _name(call))
    if outcome is Outcome.NOT_SENT and call.operation_reference is not None:
        detail = "Pay.nl says that this refund came back."
        return Result(Outcome.DECLINED, call.operation_reference, code="refund_returned", detail=detail)
    return _not_seen(call, outcome, from_paynl(transaction, "amountRefunded"), "refunded")


def _before(call: ProviderRequest, total: Money | None, verb: str) -> Result | None:
    """Why a capture or refund must not be sent now: what moved before is not what our books say."""
    if translate.moved(call, total) is Outcome.NOT_SENT:
        return None
    detail = f"Pay.nl has {verb} {total}, our books {call.moved_before}. It is sent when both agree."
    return Result(Outcome.NOT_SENT, code="sums_differ", detail=detail)


def _not_seen(call: ProviderRequest, outcome: Outcome, total: Money | None, verb: str) -> Result:
    """What cannot be seen may still be running; a sum that fits nothing is for a person."""
    running = call.sent_at is None or datetime.now(UTC) - call.sent_at < _STILL_RUNNING
    if outcome is Outcome.NOT_SENT and not running:
        return Result(Outcome.NOT_SENT, code="not_received", detail=f"Pay.nl has not {verb} this.")
    if outcome is Outcome.NOT_SENT:
        return Result(Outcome.UNKNOWN, code="not_found_yet", detail="Pay.nl may still be working on it.")
    return Result(
        Outcome.UNKNOWN, code="sums_differ", detail=f"Pay.nl has {verb} {total}; before it was {call.moved_before}."
    )


def _order(name: str, credentials: Credentials) -> Payload:
    return _asked(lambda: connect("GET", f"/v1/orders/{name[:_LONGEST_NAME]}/status", credentials))


def _transaction(name: str, credentials: Credentials) -> Payload:
    return _asked(lambda: rest("GET", f"/v2/transactions/{name[:_LONGEST_NAME]}/status", credentials))


def _asked(ask: Callable[[], Answer]) -> Payload:
    """The body of an answer.

    Raises:
        _Answered: there is none, or it is a refusal.
    """
    try:
        answer = ask()
    except httpx.TransportError as error:
        raise _Answered(translate.no_answer(error)) from None
    refused = translate.refusal(answer)
    if refused is not None:
        raise _Answered(refused)
    return answer.body


def _signed_in(ask: Callable[[], Answer], also: tuple[int, ...] = ()) -> None:
    """Raise `_Answered` unless the key was taken: by success, or by a refusal that comes after signing in."""
    try:
        answer = ask()
    except httpx.TransportError as error:
        raise _Answered(replace(translate.no_answer(error), outcome=Outcome.UNKNOWN)) from None
    refused = translate.refusal(answer)
    if refused is not None and answer.status not in also:
        certain = answer.status in (400, 401, 403, 404, 422)
        raise _Answered(replace(refused, outcome=Outcome.DECLINED if certain else Outcome.UNKNOWN))


def _name(call: ProviderRequest) -> str:
    return call.payment_reference or ""


def _service(credentials: Credentials) -> str:
    return credentials.secrets["service_id"]


_Step = Callable[[ProviderRequest, Credentials], Result]
_EXECUTE: Final[Mapping[Verb, _Step]] = {
    Verb.SALE: _create,
    Verb.AUTHORIZE: _create,
    Verb.CAPTURE: _capture,
    Verb.CANCEL: _cancel,
    Verb.REFUND: _refund,
}
_FETCH: Final[Mapping[Verb, _Step]] = {
    Verb.SALE: _found_charge,
    Verb.AUTHORIZE: _found_charge,
    Verb.CAPTURE: lambda call, credentials: _captured(call, _order(_name(call), credentials)),
    Verb.CANCEL: lambda call, credentials: _canceled(call, _order(_name(call), credentials)),
    Verb.REFUND: _found_refund,
}

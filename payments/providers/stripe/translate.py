"""What Stripe answers, as one of five outcomes: its objects, and every exception its SDK raises.

| the SDK raises | outcome | why |
|---|---|---|
| `APIConnectionError`, never connected | NOT_SENT | refused, unresolved or timed out before a byte of ours left |
| `APIConnectionError` otherwise | UNKNOWN | it may have arrived: a timeout or a broken connection says nothing |
| `APIError` (5xx, unreadable) | UNKNOWN | Stripe itself calls a 5xx indeterminate |
| `APIError` 409 | UNKNOWN | the first request with this key still runs, or another holds the object |
| `IdempotencyError` 400 | UNKNOWN | the key stands for another request, of which this says nothing |
| `RateLimitError` (429, `lock_timeout`) | NOT_SENT | refused before anything ran, and not kept under the key |
| `CardError` 402 | DECLINED | the issuer or Stripe's rules refused; `decline_code` before `code` |
| `InvalidRequestError` 400, 404 | DECLINED | nothing was done, and the same would be refused again |
| `AuthenticationError` 401, `PermissionError` 403 | NOT_SENT | nothing ran; with a mended key it is sent again |
| any other `StripeError` | UNKNOWN | what we cannot read decides nothing |

While asking (`fetch`) an exception is never more than UNKNOWN: not being able to ask says nothing about the operation.
"""

from datetime import datetime, timedelta
from typing import Final

import httpx
import stripe

from payments.core.money import Money
from payments.providers.base import BALANCE_TOO_SHORT, Card, Outcome, ProviderRequest, Result, Verb
from payments.providers.payload import NOTHING, Payload, part, text, whole
from payments.providers.stripe.amounts import from_stripe
from payments.providers.stripe.payload import moment, name_of, rows
from payments.providers.stripe.requests import CAPTURE, OPERATION

METHODS: Final = frozenset({"card", "ideal", "bancontact", "sepa_debit", "klarna"})
_CARDS: Final = frozenset({"card", "link"})
_NEVER_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
# A refund that the balance at Stripe does not cover; nothing was moved.
_SHORT: Final = frozenset({"balance_insufficient", "insufficient_funds_for_refund"})
_MEANINGS: Final = (
    (stripe.APIConnectionError, Outcome.UNKNOWN, "no_answer"),
    (stripe.RateLimitError, Outcome.NOT_SENT, "rate_limited"),
    (stripe.IdempotencyError, Outcome.UNKNOWN, "idempotency_error"),
    (stripe.CardError, Outcome.DECLINED, "declined"),
    (stripe.InvalidRequestError, Outcome.DECLINED, "invalid_request"),
    (stripe.AuthenticationError, Outcome.NOT_SENT, "provider_authentication_failed"),
    (stripe.PermissionError, Outcome.NOT_SENT, "provider_permission_denied"),
)
_RAN_OUT: Final = frozenset({"automatic", "expired"})
# Stripe tells whole seconds. Of two moments in one second the end of a thing came after its success.
END_OF_SECOND: Final = timedelta(microseconds=999_999)


def from_exception(error: stripe.StripeError) -> Result:
    """The outcome of a request that raised; see the table above."""
    body = _error_body(error)
    outcome, code = _meaning(error, body)
    intent = text(body, "payment_intent", "id")
    declined = outcome is Outcome.DECLINED
    return Result(
        outcome,
        reference=intent if declined else None,
        payment_reference=intent if declined else None,
        code=code,
        detail=error.user_message or type(error).__name__,
    )


def _meaning(error: stripe.StripeError, body: Payload) -> tuple[Outcome, str]:
    # The SDK raises one class for both; only the cause tells whether anything left.
    if isinstance(error.__cause__, _NEVER_CONNECTED):
        return Outcome.NOT_SENT, "not_reachable"
    if _code(body) in _SHORT:
        return Outcome.NOT_SENT, BALANCE_TOO_SHORT
    for kind, outcome, code in _MEANINGS:
        if isinstance(error, kind):
            return outcome, _code(body) or code
    return Outcome.UNKNOWN, _code(body) or (f"http_{error.http_status}" if error.http_status else "unreadable_answer")


def _code(body: Payload) -> str | None:
    return text(body, "decline_code") or text(body, "code")


def _error_body(error: stripe.StripeError) -> Payload:
    body = error.json_body
    return part(body, "error") if isinstance(body, dict) else NOTHING


def charge_of(intent: Payload) -> Payload:
    """A PaymentIntent's charge where it was sent along: `latest_charge`, or `charges` as before November 2022."""
    expanded = part(intent, "latest_charge")
    return expanded or next(iter(rows(intent, "charges")), NOTHING)


def charged(intent: Payload, verb: Verb, *, at: datetime | None = None) -> Result:
    """A sale or an authorization, by the state of its PaymentIntent; `at` is when it was reported to us."""
    status, charge = text(intent, "status"), charge_of(intent)
    name = text(intent, "id")
    if status in ("succeeded", "requires_capture"):
        taken = verb is Verb.SALE and status == "succeeded"
        return Result(
            Outcome.SUCCEEDED if taken or verb is Verb.AUTHORIZE else Outcome.PENDING,
            reference=name,
            payment_reference=name,
            amount=_amount(intent, "amount_received" if taken else "amount"),
            method=method_of(charge),
            card=card_of(charge),
            occurred_at=moment(charge, "created") or at,
        )
    if status in ("processing", "requires_action"):
        url = text(intent, "next_action", "redirect_to_url", "url")
        return Result(Outcome.PENDING, reference=name, payment_reference=name, redirect_url=url)
    if status == "canceled":
        return _canceled(intent, at)
    code, detail = _failure(intent)
    occurred_at = at + END_OF_SECOND if at else None
    return Result(Outcome.DECLINED, name, name, code=code, detail=detail, occurred_at=occurred_at)


def session(checkout: Payload, verb: Verb) -> Result:
    """A sale or an authorization, by the state of its Checkout Session with the PaymentIntent expanded."""
    name, status = text(checkout, "id"), text(checkout, "status")
    if status == "open":  # whatever failed on the page may be tried again there
        return Result(Outcome.PENDING, name, name, redirect_url=text(checkout, "url"))
    if status == "expired":
        detail = "The customer did not pay in time."
        return Result(Outcome.DECLINED, name, name, code="expired", detail=detail)
    intent = part(checkout, "payment_intent")
    if not intent:
        known = name_of(checkout, "payment_intent")
        return Result(Outcome.PENDING, known or name, known or name)
    return charged(intent, verb)


def captured(intent: Payload, call: ProviderRequest) -> Result:
    """A capture, as its PaymentIntent tells. One that does not bear the capture's mark was not reached by it."""
    name, status = text(intent, "id"), text(intent, "status")
    if status == "canceled":
        return Result(Outcome.DECLINED, payment_reference=name, code="canceled", detail="The payment was canceled.")
    if text(intent, "metadata", CAPTURE) != call.operation_id or status == "requires_capture":
        return Result(Outcome.NOT_SENT, code="not_captured", detail="Stripe has not captured this payment for us.")
    if status != "succeeded":
        return Result(Outcome.PENDING, name, name)
    return Result(Outcome.SUCCEEDED, name, name, _amount(intent, "amount_received"))


def canceled(obj: Payload) -> Result:
    """A cancellation, as its PaymentIntent or its Checkout Session tells."""
    name, status = text(obj, "id"), text(obj, "status")
    if status in ("canceled", "expired"):
        return Result(Outcome.SUCCEEDED, name, name, occurred_at=moment(obj, "canceled_at"))
    if status in ("succeeded", "complete"):
        return Result(Outcome.DECLINED, payment_reference=name, code="already_paid", detail="The customer has paid.")
    return Result(Outcome.NOT_SENT, code="not_canceled", detail="Stripe has not canceled this payment.")


def refunded(refund: Payload, *, at: datetime | None = None) -> Result:
    """A refund in any part of its life; a success may be followed by a failure, which happened `at`."""
    status = text(refund, "status")
    name, payment = text(refund, "id"), name_of(refund, "payment_intent") or name_of(refund, "charge")
    amount, made = _amount(refund, "amount"), moment(refund, "created")
    if status in ("failed", "canceled"):
        code = text(refund, "failure_reason") or ("canceled" if status == "canceled" else "refund_failed")
        occurred_at = at + END_OF_SECOND if at else None
        detail = f"Stripe's refund ended as {status}."
        return Result(Outcome.DECLINED, name, payment, amount, code, detail, occurred_at=occurred_at)
    if status in ("pending", "requires_action"):
        return Result(Outcome.PENDING, name, payment, amount)
    return Result(Outcome.SUCCEEDED, name, payment, amount, occurred_at=made or at)


def method_of(charge: Payload) -> str | None:
    """The method a charge was paid with; Link is a wallet of cards."""
    kind = text(charge, "payment_method_details", "type")
    return "card" if kind in _CARDS else kind if kind in METHODS else None


def card_of(charge: Payload) -> Card | None:
    """What may be known of the card; `fingerprint` is Stripe's own token for its number."""
    card = part(charge, "payment_method_details", "card")
    if not card:
        return None
    return Card(brand=text(card, "brand"), last4=text(card, "last4"), fingerprint=text(card, "fingerprint"))


def is_ours(obj: Payload, call: ProviderRequest) -> bool:
    """Whether an object was made by this operation."""
    return text(obj, "metadata", OPERATION) == call.operation_id


def _canceled(intent: Payload, at: datetime | None) -> Result:
    ran_out = text(intent, "cancellation_reason") in _RAN_OUT
    name, ended = text(intent, "id"), moment(intent, "canceled_at") or at
    return Result(
        Outcome.DECLINED,
        reference=name,
        payment_reference=name,
        code="expired" if ran_out else "canceled",
        detail="The payment ran out." if ran_out else "The payment was canceled.",
        occurred_at=ended + END_OF_SECOND if ended else None,
    )


def _failure(intent: Payload) -> tuple[str, str]:
    error = part(intent, "last_payment_error")
    code = text(error, "decline_code") or text(error, "code") or "declined"
    return code, text(error, "message") or "The payment was refused."


def _amount(obj: Payload, field: str) -> Money | None:
    amount, currency = whole(obj, field), text(obj, "currency")
    return from_stripe(amount, currency) if amount is not None and currency else None

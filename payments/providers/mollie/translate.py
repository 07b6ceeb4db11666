"""What Mollie answers, as one of five outcomes: its objects, and every request without a success.

| answer | outcome | why |
|---|---|---|
| never connected | NOT_SENT | refused, unresolved or timed out before a byte of ours left |
| silence, a broken connection, 5xx, unreadable | UNKNOWN | it may have arrived |
| 503 to a refund | NOT_SENT | "it is certain that the refund was not performed" |
| 401, 403, 429 | NOT_SENT | refused before anything ran |
| 400 to a POST | UNKNOWN | the key stands for another request; a body that cannot be read is 422 |
| 409 | UNKNOWN | the first request with this key still runs. A duplicate refund: `provider.py` looks whose it is |
| 422 for the balance | NOT_SENT | nothing was moved, and it is tried again |
| 404, 422 and others | DECLINED | nothing was done, and the same would be refused again |

While asking (`fetch`) none of them is more than UNKNOWN: not being able to ask says nothing about the operation.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from payments.core import iban
from payments.providers.base import BALANCE_TOO_SHORT, Card, Outcome, Payer, ProviderRequest, Result, Verb
from payments.providers.mollie.amounts import from_mollie
from payments.providers.mollie.client import NoSuccess
from payments.providers.mollie.requests import METHODS, OPERATION
from payments.providers.payload import NOTHING, Payload, part, text

_OURS: Final = {theirs: ours for ours, theirs in METHODS.items()} | {"applepay": "card", "googlepay": "card"}
_NOT_SENT: Final = {
    401: "provider_authentication_failed",
    403: "provider_permission_denied",
    429: "rate_limited",
}
_ENDINGS: Final = {
    "canceled": ("canceled", "The payment was canceled."),
    "expired": ("expired", "The customer did not pay in time."),
}
_BRANDS: Final = {"american express": "amex", "diners club": "diners", "carte bleue": "cartes_bancaires"}
_ENTRY_MODES: Final = {
    "chip": "contact",
    "magnetic-stripe": "magstripe",
    "near-field-communication": "contactless",
    "contactless": "contactless",
    "moto": "manual",
}
_VERIFICATIONS: Final = {
    "no-cvm-required": "none",
    "none": "none",
    "online-pin": "online_pin",
    "offline-pin": "offline_pin",
    "consumer-device": "device",
    "signature": "signature",
}
# Mollie tells whole seconds. Of two moments in one second the end of a thing came after its success.
END_OF_SECOND: Final = timedelta(microseconds=999_999)


def from_no_success(error: NoSuccess, verb: Verb) -> Result:
    """The outcome of a request without a success; see the table above."""
    outcome, code = _meaning(error, verb)
    return Result(outcome, code=code, detail=error.detail)


def _meaning(error: NoSuccess, verb: Verb) -> tuple[Outcome, str]:
    status = error.status
    if not error.connected:
        return Outcome.NOT_SENT, "not_reachable"
    if status is None:
        return Outcome.UNKNOWN, "no_answer"
    if status == 503 and verb is Verb.REFUND:
        return Outcome.NOT_SENT, "provider_unavailable"
    if status in _NOT_SENT:
        return Outcome.NOT_SENT, _NOT_SENT[status]
    if status in (400, 409):
        return Outcome.UNKNOWN, "idempotency_error"
    if status >= 500 or status < 400:
        return Outcome.UNKNOWN, f"http_{status}"
    if verb is Verb.REFUND and "balance" in error.detail.lower():
        return Outcome.NOT_SENT, BALANCE_TOO_SHORT
    return Outcome.DECLINED, "invalid_request"


def is_duplicate_refund(error: NoSuccess) -> bool:
    """Whether an equal refund of the same payment was made within the hour, by us or by somebody else."""
    return error.status == 409 and "duplicate" in error.detail.lower()


def charged(payment: Payload, verb: Verb) -> Result:
    """A sale or an authorization, by the state of its payment."""
    name, status = text(payment, "id"), text(payment, "status")
    held_at, taken_at = moment(payment, "authorizedAt"), moment(payment, "paidAt")
    # An authorization stays one that was given, whatever became of it.
    if status == "paid" or (verb is Verb.AUTHORIZE and (status == "authorized" or held_at)):
        at = held_at if verb is Verb.AUTHORIZE else taken_at
        return Result(
            Outcome.SUCCEEDED,
            reference=name,
            payment_reference=name,
            amount=from_mollie(payment, "amount"),
            method=_OURS.get(text(payment, "method") or ""),
            card=card_of(payment),
            payer=payer_of(payment),
            occurred_at=at or taken_at or moment(payment, "createdAt"),
        )
    if status in ("failed", "canceled", "expired"):
        return _ended(payment, status)
    if status in ("open", "pending", "authorized"):
        return Result(Outcome.PENDING, name, name, redirect_url=text(payment, "_links", "checkout", "href"))
    return Result(Outcome.UNKNOWN, name, name, code="unreadable_answer", detail=f"Mollie says {status!r}.")


def _ended(payment: Payload, status: str) -> Result:
    name, ended = text(payment, "id"), moment(payment, f"{status}At")
    code, detail = _ENDINGS.get(status) or _failure(payment)
    occurred_at = ended + END_OF_SECOND if ended else None
    return Result(Outcome.DECLINED, name, name, code=code, detail=detail, occurred_at=occurred_at)


def _failure(payment: Payload) -> tuple[str, str]:
    """Why a payment failed: a terminal's or scheme's reason, or that of a card on the page."""
    code = text(payment, "statusReason", "code") or text(payment, "details", "failureReason") or "declined"
    said = text(payment, "statusReason", "message") or text(payment, "details", "failureMessage")
    return code, said or "The payment was refused."


def captured(capture: Payload) -> Result:
    """A capture, by its state."""
    name, payment = text(capture, "id"), text(capture, "paymentId")
    amount, at = from_mollie(capture, "amount"), moment(capture, "createdAt")
    match text(capture, "status"):
        case "succeeded":
            return Result(Outcome.SUCCEEDED, name, payment, amount, occurred_at=at)
        case "pending":
            return Result(Outcome.PENDING, name, payment, amount)
        case "failed":
            detail = "The bank did not give what it held."
            return Result(Outcome.DECLINED, name, payment, code="capture_failed", detail=detail)
        case status:
            return Result(Outcome.UNKNOWN, name, payment, code="unreadable_answer", detail=f"Mollie says {status!r}.")


def refunded(refund: Payload) -> Result:
    """A refund, by its state. Mollie does not say when one failed, so that it counts from when we read it."""
    name, payment, status = text(refund, "id"), text(refund, "paymentId"), text(refund, "status")
    amount = from_mollie(refund, "amount")
    if status in ("queued", "pending", "processing"):
        return Result(Outcome.PENDING, name, payment, amount)
    if status == "refunded":
        return Result(Outcome.SUCCEEDED, name, payment, amount, occurred_at=moment(refund, "createdAt"))
    if status == "canceled":
        detail = "The refund was canceled before it left."
        return Result(Outcome.DECLINED, name, payment, amount, code="canceled", detail=detail)
    if status == "failed":
        detail = "The refund failed; the money is at Mollie."
        return Result(Outcome.DECLINED, name, payment, amount, code="refund_failed", detail=detail)
    return Result(Outcome.UNKNOWN, name, payment, code="unreadable_answer", detail=f"Mollie says {status!r}.")


def canceled(payment: Payload, *, asked: bool = False) -> Result:
    """A cancellation, by the state of its payment; `asked` where Mollie has taken the request."""
    name, status = text(payment, "id"), text(payment, "status")
    if status in ("canceled", "expired", "failed"):
        return Result(Outcome.SUCCEEDED, name, name, occurred_at=moment(payment, f"{status}At"))
    if status == "paid":
        return Result(Outcome.DECLINED, payment_reference=name, code="already_paid", detail="The customer has paid.")
    if asked:
        return Result(Outcome.PENDING, name, name)
    return Result(Outcome.NOT_SENT, payment_reference=name, code="not_canceled", detail="The payment still stands.")


def not_cancelable(payment: Payload) -> Result:
    """What nobody can cancel: it ends by itself when its time is over."""
    detail = "Mollie cancels this payment for nobody. It ends by itself when its time is over."
    return Result(Outcome.DECLINED, payment_reference=text(payment, "id"), code="not_cancelable", detail=detail)


def metadata_of(obj: Payload) -> Payload:
    """Its metadata, which may come back as a text that holds JSON."""
    found = obj.get("metadata")
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return NOTHING
    return found if isinstance(found, Mapping) else NOTHING


def operation_of(obj: Payload) -> str | None:
    """Our operation that made an object."""
    return text(metadata_of(obj), OPERATION)


def is_ours(obj: Payload, call: ProviderRequest) -> bool:
    """Whether an object was made by this operation."""
    return operation_of(obj) == call.operation_id


def card_of(payment: Payload) -> Card | None:
    """What may be known of the card; `fingerprint` is Mollie's own token for its number."""
    details = part(payment, "details")
    label = (text(details, "cardLabel") or "").lower()
    # Of a card on the page the last four digits alone, of one at a terminal a masked number.
    number = text(details, "cardNumber") or text(details, "cardMaskedNumber") or text(details, "maskedNumber")
    if not label and number is None:
        return None
    receipt = part(details, "receipt")
    return Card(
        brand=_BRANDS.get(label, label) or None,
        last4=number[-4:] if number else None,
        fingerprint=text(details, "cardFingerprint"),
        entry_mode=_ENTRY_MODES.get(text(receipt, "cardReadMethod") or ""),
        verification=_VERIFICATIONS.get(text(receipt, "cardVerificationMethod") or ""),
    )


def payer_of(payment: Payload) -> Payer | None:
    """The account that the customer paid from."""
    account, name = text(payment, "details", "consumerAccount"), text(payment, "details", "consumerName")
    if account is None or name is None:
        return None
    try:
        return Payer(iban=iban.compact(account), name=name)
    except ValueError:
        return None


def moment(obj: Payload, field: str) -> datetime | None:
    """A moment with its zone."""
    try:
        at = datetime.fromisoformat(text(obj, field) or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else None

"""What Adyen answers, as one of five outcomes: its objects, and every request without a success.

| answer | outcome | why |
|---|---|---|
| never connected | NOT_SENT | refused, unresolved or timed out before a byte of ours left |
| silence, a broken connection, 5xx, unreadable, `transient-error` | UNKNOWN | it may have arrived |
| 401, 403, 429 | NOT_SENT | refused before anything ran |
| 422 with 704 | UNKNOWN | "already processed or in progress": the first request may well have succeeded |
| 400, 404, 422 and others | DECLINED | nothing was done, and the same would be refused again |
| `resultCode` Error | UNKNOWN | the webhook tells |
| `status` received | PENDING | of a capture, refund or cancellation: its webhook tells what came of it |
"""

import re
from typing import Final

from payments.providers.adyen.amounts import from_adyen
from payments.providers.adyen.client import NoSuccess
from payments.providers.adyen.requests import METHODS
from payments.providers.base import Card, Outcome, Result, Verb
from payments.providers.payload import Payload, text

_NOT_SENT: Final = {
    401: "provider_authentication_failed",
    403: "provider_permission_denied",
    429: "rate_limited",
}
ALREADY_PROCESSED: Final = "704"
_AUTHORISED: Final = frozenset({"Authorised", "PartiallyAuthorised"})
_WAITS: Final = frozenset(
    {
        *("Pending", "Received", "PresentToShopper", "RedirectShopper", "IdentifyShopper", "ChallengeShopper"),
        *("AuthenticationFinished", "AuthenticationNotRequired", "Success"),
    }
)
# Adyen's number of a refusal, of those that a shop acts on; the others are its own words.
_REFUSALS: Final = {
    "2": "do_not_honor",
    "5": "blocked_card",
    "6": "expired_card",
    "8": "invalid_card",
    "9": "issuer_unavailable",
    "11": "authentication_failed",
    "12": "insufficient_funds",
    "16": "canceled",
    "17": "wrong_pin",
    "18": "pin_tries_exceeded",
    "20": "fraud",
    "38": "authentication_required",
}
_OURS: Final = {theirs: ours for ours, theirs in METHODS.items()}
_BRANDS: Final = {
    "visa": "visa",
    "electron": "visa",
    "visadankort": "visa",
    "vpay": "vpay",
    "mc": "mastercard",
    "maestro": "maestro",
    "amex": "amex",
    "diners": "diners",
    "discover": "discover",
    "jcb": "jcb",
    "cup": "unionpay",
    "cartebancaire": "cartes_bancaires",
}
_WALLETS: Final = ("_applepay", "_googlepay", "applepay", "googlepay", "paywithgoogle")


def from_no_success(error: NoSuccess) -> Result:
    """The outcome of a request without a success; see the table above."""
    outcome, code = _meaning(error)
    return Result(outcome, code=code, detail=error.detail)


def _meaning(error: NoSuccess) -> tuple[Outcome, str]:
    status = error.status
    if not error.connected:
        return Outcome.NOT_SENT, "not_reachable"
    if status is None:
        return Outcome.UNKNOWN, "no_answer"
    if status in _NOT_SENT:
        return Outcome.NOT_SENT, _NOT_SENT[status]
    if error.transient:
        return Outcome.UNKNOWN, "provider_unavailable"
    if error.code == ALREADY_PROCESSED:
        return Outcome.UNKNOWN, "already_processed"
    if status >= 500 or status < 400:
        return Outcome.UNKNOWN, f"http_{status}"
    return Outcome.DECLINED, f"adyen_{error.code}" if error.code else f"http_{status}"


def charged(answer: Payload) -> Result:
    """A payment that was answered at once."""
    name, code = text(answer, "pspReference"), text(answer, "resultCode")
    if code in _AUTHORISED:
        return Result(Outcome.SUCCEEDED, name, name, from_adyen(answer, "amount"), method="card", card=card_of(answer))
    if code in ("Refused", "Cancelled"):
        refused, said = refusal(text(answer, "refusalReason"), text(answer, "refusalReasonCode"))
        return Result(Outcome.DECLINED, name, name, code="canceled" if code == "Cancelled" else refused, detail=said)
    if code in _WAITS:
        return Result(Outcome.PENDING, name, name, redirect_url=text(answer, "action", "url"))
    detail = "Adyen had an error of its own; its webhook will tell." if code == "Error" else f"Adyen says {code!r}."
    return Result(Outcome.UNKNOWN, name, name, code="provider_error", detail=detail)


def on_page(session: Payload) -> Result:
    """A session: its customer pays on the page, and a webhook tells; it has no name that any other call takes."""
    url = text(session, "url")
    if url is None:
        return Result(Outcome.UNKNOWN, code="unreadable_answer", detail="Adyen made a session without a page.")
    return Result(Outcome.PENDING, redirect_url=url)


def received(answer: Payload, verb: Verb) -> Result:
    """A capture, refund or cancellation: taken note of, and no more than that."""
    name, payment = text(answer, "pspReference"), text(answer, "paymentPspReference")
    if text(answer, "status") == "received" and name is not None:
        return Result(Outcome.PENDING, name, payment, from_adyen(answer, "amount"))
    detail = f"Adyen did not say that it received the {verb}."
    return Result(Outcome.UNKNOWN, name, payment, code="unreadable_answer", detail=detail)


def refusal(reason: str | None, number: str | None = None) -> tuple[str, str]:
    """Code and detail of a refusal; webhooks bring the reason as `2 : Refused` or as words alone."""
    said = reason or "The payment was refused."
    match = re.fullmatch(r"\s*([0-9]+)\s*:\s*(.+)", said)
    if match is not None:
        number, said = number or match[1], match[2]
    words = re.sub(r"[^a-z0-9]+", "_", said.lower()).strip("_")[:64]
    return _REFUSALS.get(number or "", words if reason else "declined"), said


def method_of(theirs: str | None) -> str | None:
    """Our word for a method that a webhook names: brands are cards."""
    name = (theirs or "").lower()
    return _OURS.get(name) or ("card" if _brand(name) or name in _WALLETS else None)


def card_of(obj: Payload) -> Card | None:
    """What may be known of the card, of an answer or a webhook; what additionalData holds depends on the account."""
    brand = _brand((text(obj, "paymentMethod") or text(obj, "additionalData", "paymentMethod") or "").lower())
    last4 = text(obj, "additionalData", "cardSummary")
    if brand is None and last4 is None:
        return None
    return Card(
        brand=brand,
        last4=last4[-4:] if last4 else None,
        fingerprint=text(obj, "additionalData", "alias"),
        par=text(obj, "additionalData", "PaymentAccountReference"),
    )


def _brand(name: str) -> str | None:
    for wallet in _WALLETS[:2]:
        name = name.removesuffix(wallet)
    return _BRANDS.get(name)

"""What Pay.nl answers, as one of five outcomes.

| it answers | outcome | why |
|---|---|---|
| never connected | NOT_SENT | nothing left this machine |
| no answer, 5xx, or what cannot be read | UNKNOWN | there is no idempotency: it may have been done |
| 401, 403, 429 | NOT_SENT | refused before anything ran |
| "Refund too fast" (PAY-014, or its text) | NOT_SENT | one refund of a payment in 6 seconds; nothing was done |
| PAY-9206 | DECLINED `terminal_busy` | the terminal is in use; nothing is sent again by itself |
| 410 | UNKNOWN | the order is gone: neither paid nor unpaid |
| 400, 404, 405, 406, 415, 422 | DECLINED | nothing was done, and the same would be refused again |

The states of an order stand in `_STATES`. What is negative and not named there ends an attempt, and is believed only as
read from the order just now: a later 100 on the same order happens, and the sale is made then.
"""

import re
from datetime import UTC, datetime
from typing import Final

import httpx

from payments.core.money import Money
from payments.providers.base import AMOUNT_TO_CHECK, Card, Outcome, Payer, ProviderRequest, Result, Verb
from payments.providers.payload import Payload, items, text, whole
from payments.providers.paynl.amounts import from_paynl
from payments.providers.paynl.client import Answer
from payments.providers.paynl.requests import METHOD_IDS, PIN, RETOURPIN

PAID: Final = 100
AUTHORIZED: Final = 95
PARTLY_CAPTURED: Final = 97
TO_REVIEW: Final = 85
CHARGEBACKS: Final = frozenset({-70, -71})
REFUNDED: Final = frozenset({-72, -81, -82})
_CHECK_AMOUNT: Final = -51
_MONEY_WAS_TAKEN: Final = CHARGEBACKS | REFUNDED  # of a sale that was made, whatever came after
_ENDS: Final = {-80: "expired", -90: "canceled", -61: "canceled"}
_NEVER_CONNECTED: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_TOO_FAST: Final = ("PAY-014", "Refund too fast")
_CODES: Final = {"PAY-9206": "terminal_busy", "PAY-013": "in_chargeback", "PAY-406": "not_pending"}
_METHODS: Final = {number: name for name, number in METHOD_IDS.items()} | {PIN: "card", RETOURPIN: "card"}
METHODS: Final = frozenset(METHOD_IDS)
_MASKED: Final = re.compile(r"[0-9]{0,8}[*xX]+[0-9]{4}")


def no_answer(error: httpx.TransportError) -> Result:
    """A request that was not answered: only a connection that was never made is certain."""
    if isinstance(error, _NEVER_CONNECTED):
        return Result(Outcome.NOT_SENT, code="not_reachable", detail=type(error).__name__)
    return Result(Outcome.UNKNOWN, code="no_answer", detail=type(error).__name__)


def refusal(answer: Answer) -> Result | None:
    """The outcome of an answer that is none of success; None where it is one that can be read."""
    if answer.status < 300 and answer.is_json and answer.body:
        return None
    code, detail = _words(answer)
    if any(word in (code, detail) for word in _TOO_FAST):
        return Result(Outcome.NOT_SENT, code="refund_too_fast", detail=detail)
    if answer.status in (401, 403, 429):
        named = {401: "provider_authentication_failed", 403: "provider_permission_denied", 429: "rate_limited"}
        return Result(Outcome.NOT_SENT, code=named[answer.status], detail=detail)
    if 400 <= answer.status < 500 and answer.status not in (408, 409, 410):
        return Result(Outcome.DECLINED, code=_CODES.get(code, code), detail=detail)
    return Result(Outcome.UNKNOWN, code=code, detail=detail)


def _words(answer: Answer) -> tuple[str, str]:
    """Code and text of a refusal, in any of the three shapes that Pay.nl's two APIs have."""
    fault = next(iter(items(answer.body, "violations")), answer.body)
    code = text(fault, "code") or text(answer.body, "code") or f"http_{answer.status}"
    detail = text(answer.body, "detail") or text(fault, "message") or text(answer.body, "title")
    return code, detail or f"Pay.nl answered {answer.status}."


def name_of(order: Payload) -> str | None:
    """Pay.nl's name for an order, by which both of its APIs know it."""
    return text(order, "orderId")


def status_of(order: Payload) -> int | None:
    """The state of an order or transaction."""
    return whole(order, "status", "code")


def captured(order: Payload) -> Money | None:
    """What was really taken; None where it does not say."""
    return from_paynl(order, "capturedAmount")


def charged(order: Payload, verb: Verb) -> Result:
    """A sale or an authorization, by the state of its order."""
    code, name = status_of(order), name_of(order)
    if code is None or name is None:
        return Result(Outcome.UNKNOWN, code="unreadable_answer", detail="Pay.nl's answer has no state or no name.")
    if _is_made(code, verb):
        return _made(order, name, code, verb)
    if code >= 0:
        detail = "Pay.nl has it under review: approve or decline it there." if code == TO_REVIEW else None
        url = text(order, "links", "redirect") if code < TO_REVIEW else None
        return Result(Outcome.PENDING, name, name, detail=detail, redirect_url=url)
    if code == _CHECK_AMOUNT:
        return Result(Outcome.PENDING, name, name, captured(order) or from_paynl(order, "amount"), AMOUNT_TO_CHECK)
    action = (text(order, "status", "action") or "declined").lower()
    ended = _ENDS.get(code, action)
    return Result(Outcome.DECLINED, name, name, code=ended, detail=f"Pay.nl's order ended as {action} ({code}).")


def _is_made(code: int, verb: Verb) -> bool:
    held = verb is Verb.AUTHORIZE and code in (AUTHORIZED, PARTLY_CAPTURED)
    return held or code == PAID or code in _MONEY_WAS_TAKEN


def _made(order: Payload, name: str, code: int, verb: Verb) -> Result:
    taken = captured(order) if verb is Verb.SALE else from_paynl(order, "authorizedAmount")
    attempt = last_attempt(order)
    return Result(
        Outcome.SUCCEEDED,
        reference=name,
        payment_reference=name,
        # Pay.nl writes 0 where it does not fill the field.
        amount=taken if taken is not None and taken.amount > 0 else from_paynl(order, "amount"),
        method=_METHODS.get(whole(attempt, "paymentMethod", "id") or 0),
        card=card_of(attempt),
        payer=_payer(attempt),
        occurred_at=moment(order, "completedAt"),
    )


def last_attempt(order: Payload) -> Payload:
    """The attempt to pay that decided an order: the paid one, else the last."""
    attempts = items(order, "payments")
    paid = [each for each in attempts if status_of(each) in (PAID, AUTHORIZED, PARTLY_CAPTURED)]
    return (paid or attempts or [{}])[-1]


def card_of(attempt: Payload) -> Card | None:
    """What Pay.nl tells of a card: its masked number."""
    masked = text(attempt, "customerId") or ""
    if text(attempt, "customerType") == "iban" or _MASKED.fullmatch(masked) is None:
        return None
    return Card(last4=masked[-4:], fingerprint=text(attempt, "customerKey"))


def _payer(attempt: Payload) -> Payer | None:
    iban, name = text(attempt, "customerId"), text(attempt, "customerName")
    if text(attempt, "customerType") != "iban" or iban is None or name is None:
        return None
    return Payer(iban=iban.replace(" ", ""), name=name)


def moment(obj: Payload, field: str) -> datetime | None:
    """A moment with its offset; None where it is missing or has none."""
    try:
        read = datetime.fromisoformat(text(obj, field) or "")
    except ValueError:
        return None
    return read.astimezone(UTC) if read.tzinfo is not None else None


def moved(call: ProviderRequest, total: Money | None) -> Outcome:
    """Whether a capture or refund was made, by what moved in all. Another sum than the two is ambiguous: UNKNOWN."""
    before = call.moved_before
    if total is None or before is None or total.currency != before.currency:
        return Outcome.UNKNOWN
    if total.amount == before.amount + call.amount.amount:
        return Outcome.SUCCEEDED
    return Outcome.NOT_SENT if total.amount == before.amount else Outcome.UNKNOWN

"""Stripe's events: the signature checked by its SDK, and what they report.

A charge is reported by several events (`payment_intent.…`, `charge.succeeded`, `checkout.session.…`) in any order; each
reports the same operation, which its metadata names, and all but the first change nothing. What names no operation of
ours is reported only where money moved: it waits, and what nobody can place becomes a discrepancy.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final, TypeAlias

import stripe

from payments.providers.base import (
    Outcome,
    ProviderReport,
    ReportType,
    Result,
    SignatureInvalid,
    Stage,
    Verb,
    WebhookEvent,
)
from payments.providers.payload import Payload, decoded, part, text, whole
from payments.providers.stripe import translate
from payments.providers.stripe.amounts import from_stripe
from payments.providers.stripe.payload import moment, name_of, rows
from payments.providers.stripe.requests import ACTION, CAPTURE, OPERATION, PAGE, VERB
from payments.providers.stripe.translate import END_OF_SECOND

# Stripe's own default: longer than a delivery takes, too short to replay a stolen one.
TOLERANCE_SECONDS: Final = 300
Reports: TypeAlias = tuple[ProviderReport, ...]
Reader: TypeAlias = Callable[[Payload, datetime | None], Reports]

_DISPUTES: Final = {
    "warning_needs_response": ReportType.CHARGEBACK_INQUIRY,
    "warning_under_review": ReportType.CHARGEBACK_INQUIRY,
    "warning_closed": ReportType.CHARGEBACK_WON,  # of the inquiry alone: no money moved
    "needs_response": ReportType.CHARGEBACK_OPENED,
    "under_review": ReportType.CHARGEBACK_OPENED,
    "appeal_needs_response": ReportType.CHARGEBACK_OPENED,
    "appeal_under_review": ReportType.CHARGEBACK_OPENED,
    "prevented": ReportType.CHARGEBACK_WON,  # settled before the bank took anything
    "won": ReportType.CHARGEBACK_WON,
    "lost": ReportType.CHARGEBACK_LOST,
}
# Of which there is news for reconciliation: its list is complete, or the bank sent it back.
_PAYOUTS: Final = frozenset({"payout.reconciliation_completed", "payout.failed", "payout.canceled"})
_CLOSED: Final = frozenset({ReportType.CHARGEBACK_WON, ReportType.CHARGEBACK_LOST})


def verify(body: bytes, headers: Mapping[str, str], secret: str | None) -> str:
    """Return the event's id if the secret signed these bytes within five minutes.

    Raises:
        SignatureInvalid: no secret, no or another signature, a stale or future timestamp, or no event.
    """
    header = headers.get("stripe-signature")
    try:
        stripe.WebhookSignature.verify_header(body, header, secret, TOLERANCE_SECONDS)
        signed_at = int(str(header).partition("t=")[2].partition(",")[0])
    except stripe.SignatureVerificationError as error:
        raise SignatureInvalid(f"The webhook's signature was not accepted: {error.user_message}") from error
    except (ValueError, TypeError, OverflowError) as error:  # bytes and numbers that the SDK does not expect
        raise SignatureInvalid("The webhook's signature could not be read.") from error
    # The SDK refuses old timestamps only; one far ahead could be replayed until then.
    if signed_at > time.time() + TOLERANCE_SECONDS:
        raise SignatureInvalid("The webhook's timestamp lies in the future.")
    # Read only now: the bytes are what was signed.
    event_id = text(decoded(body), "id")
    if event_id is None:
        raise SignatureInvalid("What was signed is no event of Stripe's.")
    return event_id


def parse_webhook(body: bytes) -> WebhookEvent:
    """Read a stored event, of this API version or an older one."""
    event = decoded(body)
    kind = text(event, "type") or ""
    reader = _READERS.get(kind)
    subject = part(event, "data", "object")
    # An event of a kind we do not read is kept, and reports nothing.
    reports = reader(subject, moment(event, "created")) if reader is not None and subject else ()
    announces = (text(subject, "id") or "") if kind in _PAYOUTS else ""
    return WebhookEvent(event_id=text(event, "id") or "", reports=reports, type=kind, announces=announces)


def _charge(subject: Payload, result: Result) -> ProviderReport:
    """A sale or authorization, whose metadata tells which."""
    return ProviderReport(ReportType(_verb(subject).value), result, text(subject, "metadata", OPERATION))


def _verb(subject: Payload) -> Verb:
    held = text(subject, "capture_method") == "manual" or subject.get("captured") is False
    verb = text(subject, "metadata", VERB)
    return Verb(verb) if verb in (Verb.SALE, Verb.AUTHORIZE) else Verb.AUTHORIZE if held else Verb.SALE


def _intent_succeeded(intent: Payload, at: datetime | None) -> Reports:
    if text(intent, "metadata", ACTION) is not None:
        return ()  # what was paid at a reader is recorded with the terminal's action
    verb = _verb(intent)
    charge = _charge(intent, translate.charged(intent, verb, at=at))
    if verb is Verb.SALE or text(intent, "status") != "succeeded":
        return (charge,)
    name, received, currency = text(intent, "id"), whole(intent, "amount_received"), text(intent, "currency")
    amount = from_stripe(received, currency) if received is not None and currency else None
    result = Result(Outcome.SUCCEEDED, name, name, amount, occurred_at=at)
    return charge, ProviderReport(ReportType.CAPTURE, result, text(intent, "metadata", CAPTURE))


def _intent_unfinished(intent: Payload, at: datetime | None) -> Reports:
    """Only of ours; on Stripe's own page the customer may try again, so that nothing is refused yet."""
    on_page = text(intent, "metadata", PAGE) is not None
    if text(intent, "metadata", OPERATION) is None or (on_page and text(intent, "status") != "processing"):
        return ()
    return (_charge(intent, translate.charged(intent, _verb(intent), at=at)),)


def _intent_canceled(intent: Payload, at: datetime | None) -> Reports:
    """The charge is refused; and what was authorized before is released, by us, by the clock or at the dashboard."""
    verb, ended = _verb(intent), translate.charged(intent, _verb(intent), at=at)
    refused = (_charge(intent, ended),) if text(intent, "metadata", OPERATION) else ()
    held = verb is Verb.AUTHORIZE and name_of(intent, "latest_charge") and not part(intent, "last_payment_error")
    if not held:
        return refused
    name = text(intent, "id")
    fact = ReportType.EXPIRE if ended.code == "expired" else ReportType.CANCEL
    reference = name if fact is ReportType.CANCEL else f"{name}:expired"
    done = Result(Outcome.SUCCEEDED, reference, name, occurred_at=ended.occurred_at)
    return *refused, ProviderReport(fact, done)


def _charge_succeeded(charge: Payload, at: datetime | None) -> Reports:
    """The event with the card's data. A charge not made by us is reported by its PaymentIntent, unless it has none."""
    name = name_of(charge, "payment_intent")
    if text(charge, "metadata", OPERATION) is None and name is not None:
        return ()
    reference, currency, amount = name or text(charge, "id"), text(charge, "currency"), whole(charge, "amount")
    result = Result(
        Outcome.SUCCEEDED,
        reference=reference,
        payment_reference=reference,
        amount=from_stripe(amount, currency) if amount is not None and currency else None,
        method=translate.method_of(charge),
        card=translate.card_of(charge),
        occurred_at=moment(charge, "created") or at,
    )
    return (_charge(charge, result),)


def _charge_refunded(charge: Payload, at: datetime | None) -> Reports:
    """Before August 2022 a charge came with its refunds; since then they have events of their own."""
    # Refunds in an old charge name no payment themselves.
    parent = {name: charge[name] for name in ("payment_intent",) if charge.get(name)}
    return tuple(report for row in rows(charge, "refunds") for report in _refund({**parent, **row}, at))


def _refund(refund: Payload, at: datetime | None) -> Reports:
    if text(refund, "object") not in (None, "refund") or text(refund, "id") is None:
        return ()
    result = translate.refunded(refund, at=at)
    return (
        ProviderReport(ReportType.REFUND, result, text(refund, "metadata", OPERATION), reason=_refund_reason(refund)),
    )


def _refund_reason(refund: Payload) -> str:
    reason = text(refund, "reason")
    return f"Refunded at Stripe: {reason}." if reason else "Refunded at Stripe."


def _page_paid(checkout: Payload, at: datetime | None) -> Reports:
    """Paid at once, or by a debit that arrived later; an authorization is reported by its PaymentIntent."""
    name = name_of(checkout, "payment_intent")
    if text(checkout, "metadata", OPERATION) is None or text(checkout, "payment_status") != "paid" or name is None:
        return ()
    total, currency = whole(checkout, "amount_total"), text(checkout, "currency")
    amount = from_stripe(total, currency) if total is not None and currency else None
    return (_charge(checkout, Result(Outcome.SUCCEEDED, name, name, amount, occurred_at=at)),)


def _page_failed(checkout: Payload, at: datetime | None) -> Reports:
    name = name_of(checkout, "payment_intent") or text(checkout, "id")
    return _page_ended(checkout, name, "payment_failed", "The customer's bank did not pay.", at)


def _page_expired(checkout: Payload, at: datetime | None) -> Reports:
    return _page_ended(checkout, text(checkout, "id"), "expired", "The customer did not pay in time.", at)


def _page_ended(checkout: Payload, name: str | None, code: str, detail: str, at: datetime | None) -> Reports:
    if text(checkout, "metadata", OPERATION) is None:
        return ()
    occurred_at = at + END_OF_SECOND if at else None
    return (_charge(checkout, Result(Outcome.DECLINED, name, name, code=code, detail=detail, occurred_at=occurred_at)),)


def _charge_expired(charge: Payload, at: datetime | None) -> Reports:
    name = name_of(charge, "payment_intent")
    if name is None:
        return ()
    result = Result(Outcome.SUCCEEDED, f"{name}:expired", name, code="expired", occurred_at=at)
    return (ProviderReport(ReportType.EXPIRE, result),)


def _dispute(dispute: Payload, at: datetime | None) -> Reports:
    """What was taken is the dispute's amount; Stripe's fee for it stands in the settlement, as all fees do."""
    fact = _DISPUTES.get(text(dispute, "status") or "")
    amount, currency = whole(dispute, "amount"), text(dispute, "currency")
    if fact is None or amount is None or currency is None:
        return ()
    charge = part(dispute, "charge")
    result = Result(
        Outcome.SUCCEEDED,
        reference=text(dispute, "id"),
        payment_reference=name_of(dispute, "payment_intent")
        or name_of(charge, "payment_intent")
        or name_of(dispute, "charge"),
        amount=from_stripe(amount, currency),
        occurred_at=at if fact in _CLOSED else moment(dispute, "created") or at,
    )
    due = moment(part(dispute, "evidence_details"), "due_by") if fact not in _CLOSED else None
    return (ProviderReport(fact, result, reason=text(dispute, "reason"), stage=_stage(dispute), respond_by=due),)


def _stage(dispute: Payload) -> Stage:
    """The dispute's stage and status; a closed one carries the evidence that was sent for an appeal, if any."""
    status = str(dispute.get("status"))
    if status.startswith("warning") or status == "prevented":
        return Stage.INQUIRY
    # Stripe has no stage of its own for a second round; the appeal's evidence is what tells.
    appealed = status.startswith("appeal") or part(dispute, "evidence", "appeal", "card")
    return Stage.PRE_ARBITRATION if appealed else Stage.CHARGEBACK


def _dispute_reinstated(dispute: Payload, at: datetime | None) -> Reports:
    """What was taken has come back, whatever the dispute calls itself by now."""
    return tuple(
        replace(report, stage=Stage.CHARGEBACK if report.stage is Stage.INQUIRY else report.stage)
        for report in _dispute(dispute, at)
    )


_READERS: Final[Mapping[str, Reader]] = {
    "payment_intent.succeeded": _intent_succeeded,
    "payment_intent.amount_capturable_updated": _intent_succeeded,
    "payment_intent.processing": _intent_unfinished,
    "payment_intent.payment_failed": _intent_unfinished,
    "payment_intent.canceled": _intent_canceled,
    "checkout.session.completed": _page_paid,
    "checkout.session.async_payment_succeeded": _page_paid,
    "checkout.session.async_payment_failed": _page_failed,
    "checkout.session.expired": _page_expired,
    "charge.succeeded": _charge_succeeded,
    "charge.expired": _charge_expired,
    "charge.refunded": _charge_refunded,
    "charge.refund.updated": _refund,
    "refund.created": _refund,
    "refund.updated": _refund,
    "refund.failed": _refund,
    "charge.dispute.created": _dispute,
    "charge.dispute.updated": _dispute,
    "charge.dispute.closed": _dispute,
    "charge.dispute.funds_withdrawn": _dispute,
    "charge.dispute.funds_reinstated": _dispute_reinstated,
}
EVENTS: Final = (*_READERS, *sorted(_PAYOUTS))  # what a webhook endpoint at Stripe subscribes to

"""Mollie's webhooks: a hint that only names a payment, and signed events. What is true is read from Mollie, of both.

The classic one is a form, `id=tr_…`, to the address that its payment was made with; nobody signs it. The next
generation is JSON, signed with the secret of its endpoint, and marked as beta by Mollie. While a secret is rotated it
is signed with both, in several headers, which servers join by commas.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs

from payments.providers.base import (
    Outcome,
    ProviderReport,
    ReportType,
    Result,
    SignatureInvalid,
    Verb,
    WebhookEvent,
)
from payments.providers.mollie import translate
from payments.providers.mollie.amounts import from_mollie
from payments.providers.mollie.requests import ACTION, VERB
from payments.providers.payload import Payload, decoded, items, part, text

HEADER: Final = "x-mollie-signature"
CLASSIC: Final = "classic"
# What an endpoint of the next generation subscribes to.
EVENTS: Final = (
    *("payment.paid", "payment.authorized", "payment.failed", "payment.canceled", "payment.expired"),
    *("refund.refunded", "refund.failed", "refund.canceled", "capture.succeeded", "capture.failed"),
    *("chargeback.received", "chargeback.reversed"),
)
_PAYMENT: Final = re.compile(r"tr_[A-Za-z0-9]{1,60}")
_KINDS: Final = ("payment.", "refund.", "capture.", "chargeback.")
_PREFIX: Final = "sha256="
_VERBS: Final = {verb.value: verb for verb in (Verb.SALE, Verb.AUTHORIZE)}
_UNMADE: Final = frozenset({"canceled", "expired"})


def verify(body: bytes, headers: Mapping[str, str], secret: str | None) -> str:
    """Return the event's id if the secret signed these bytes, or a name for a hint, which nobody signs.

    Raises:
        SignatureInvalid: no hint, and no secret, no or another signature, or no event.
    """
    signatures = headers.get(HEADER)
    hinted = _hinted(body)
    if signatures is None and hinted is not None:
        return _name_of_hint(hinted)
    if not secret:
        raise SignatureInvalid("This provider account has no webhook_secret, so that no signature can be checked.")
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()
    given = [each.strip().removeprefix(_PREFIX).encode() for each in (signatures or "").split(",")]
    if not any(hmac.compare_digest(expected, each) for each in given):
        raise SignatureInvalid
    event_id = text(decoded(body), "id")
    if event_id is None:
        raise SignatureInvalid("What was signed is no event of Mollie's.")
    return event_id


def parse_webhook(body: bytes) -> WebhookEvent:
    """Read a stored webhook: which payment to look up."""
    hinted = _hinted(body)
    if hinted is not None:
        return WebhookEvent(_name_of_hint(hinted), (), type=CLASSIC, look_up=hinted, is_proven=False)
    event = decoded(body)
    kind = text(event, "type") or ""
    entity, name = part(event, "_embedded", "entity"), text(event, "entityId") or ""
    about = text(entity, "paymentId") or name
    wanted = about if kind.startswith(_KINDS) else ""
    return WebhookEvent(
        text(event, "id") or "", (), type=kind, look_up=wanted, operation_id=translate.operation_of(entity)
    )


def reports(payment: Payload) -> Sequence[ProviderReport]:
    """What is true now of a payment that was read with its captures, refunds and chargebacks."""
    return (
        *_charge(payment),
        *(report for row in items(payment, "_embedded", "captures") for report in _capture(payment, row)),
        *_unmade(payment),
        *(report for row in items(payment, "_embedded", "refunds") for report in _refund(row)),
        *(report for row in items(payment, "_embedded", "chargebacks") for report in _chargeback(row)),
    )


def _hinted(body: bytes) -> str | None:
    """The payment that a classic webhook names."""
    try:
        fields = parse_qs(body.decode("ascii"), strict_parsing=True, max_num_fields=5)
    except ValueError:
        return None
    [name, *others] = fields.get("id", [""])
    return name if not others and _PAYMENT.fullmatch(name) else None


def _name_of_hint(payment: str) -> str:
    # No word of a time or a state: the same hint comes for each change, and is followed each time.
    return f"{CLASSIC}:{payment}"


def _charge(payment: Payload) -> tuple[ProviderReport, ...]:
    operation = translate.operation_of(payment)
    verb = _verb(payment)
    result = translate.charged(payment, verb)
    if text(translate.metadata_of(payment), ACTION) is not None:
        # At a terminal only money that moved is told: what else came of it, the terminal's action is asked.
        moved = operation is not None and result.outcome is Outcome.SUCCEEDED
        return (ProviderReport(ReportType.SALE, result, operation),) if moved else ()
    # What names no operation of ours was made without us, and is told only where money moved.
    wanted = (Outcome.SUCCEEDED, Outcome.DECLINED) if operation else (Outcome.SUCCEEDED,)
    return (ProviderReport(ReportType(verb.value), result, operation),) if result.outcome in wanted else ()


def _verb(payment: Payload) -> Verb:
    named = _VERBS.get(text(translate.metadata_of(payment), VERB) or "")
    return named or (Verb.AUTHORIZE if text(payment, "captureMode") == "manual" else Verb.SALE)


def _capture(payment: Payload, capture: Payload) -> tuple[ProviderReport, ...]:
    """Of what was held; a sale that Mollie captures by itself is one movement only."""
    result = translate.captured(capture)
    if _verb(payment) is not Verb.AUTHORIZE or result.outcome is Outcome.UNKNOWN:
        return ()
    final = text(payment, "status") == "paid"
    return (ProviderReport(ReportType.CAPTURE, result, translate.operation_of(capture), final=final),)


def _unmade(payment: Payload) -> tuple[ProviderReport, ...]:
    """What was held is released: by us, at the dashboard, or by the clock."""
    name, status = text(payment, "id"), text(payment, "status")
    if status not in _UNMADE or translate.moment(payment, "authorizedAt") is None:
        return ()
    fact, reference = (ReportType.EXPIRE, f"{name}:expired") if status == "expired" else (ReportType.CANCEL, name)
    at = translate.moment(payment, f"{status}At")
    return (ProviderReport(fact, Result(Outcome.SUCCEEDED, reference, name, occurred_at=at)),)


def _refund(refund: Payload) -> tuple[ProviderReport, ...]:
    result = translate.refunded(refund)
    if result.outcome is Outcome.UNKNOWN:
        return ()
    said = text(refund, "description")
    reason = f"Refunded at Mollie: {said}." if said else "Refunded at Mollie."
    return (ProviderReport(ReportType.REFUND, result, translate.operation_of(refund), reason=reason),)


def _chargeback(chargeback: Payload) -> tuple[ProviderReport, ...]:
    """The bank took the money; and gave it back, where it was reversed."""
    name, payment = text(chargeback, "id"), text(chargeback, "paymentId")
    amount = from_mollie(chargeback, "amount")
    if name is None or amount is None:
        return ()
    reason = text(chargeback, "reason", "description")
    made, reversed_at = translate.moment(chargeback, "createdAt"), translate.moment(chargeback, "reversedAt")
    taken = Result(Outcome.SUCCEEDED, name, payment, amount, occurred_at=made)
    opened = ProviderReport(ReportType.CHARGEBACK_OPENED, taken, reason=reason)
    if reversed_at is None:
        return (opened,)
    returned = Result(Outcome.SUCCEEDED, name, payment, amount, occurred_at=reversed_at)
    return opened, ProviderReport(ReportType.CHARGEBACK_WON, returned, reason=reason)

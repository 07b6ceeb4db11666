"""Adyen's webhooks: one or several items, each signed by itself, and what each reports.

The signature covers the references, the merchant account, the amount, the event and its success; not the reason,
`additionalData` or `live`. Of those nothing is taken but words for people, a deadline, and whether a reversal gave up
or gave back, which Adyen tells nowhere else; no address in them is ever followed.
Events come in any order and may come again: an item is known by its reference, event and success.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from payments.core.ids import is_id
from payments.providers.adyen import translate
from payments.providers.adyen.amounts import from_adyen
from payments.providers.base import (
    Outcome,
    ProviderReport,
    ReportType,
    Result,
    SignatureInvalid,
    Stage,
    WebhookEvent,
)
from payments.providers.payload import Payload, decoded, items, part, text

Reader = Callable[[Payload], ProviderReport | None]
_SIGNED: Final = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
# The report that settlements are read from; its name is signed, the address in `reason` is not.
REPORT: Final = re.compile(r"settlement_detail_report_batch_[0-9]{1,9}\.csv")
# Adyen tells whole seconds. Of two moments in one second the end of a thing came after its success.
_END_OF_SECOND: Final = timedelta(microseconds=999_999)


def verify(body: bytes, key: str | None, merchant_account: str | None) -> str:
    """Return a name for the event if the key signed each of its items, all of them about our merchant account.

    Raises:
        SignatureInvalid: no key, an item with no or another signature, or bytes that are no webhook of Adyen's.
    """
    secret = _key(key)
    found = _items(body)
    if not found:
        raise SignatureInvalid("This is no webhook of Adyen's: it has no items.")
    for item in found:
        given = text(item, "additionalData", "hmacSignature") or ""
        if not hmac.compare_digest(signature(secret, item).encode(), given.encode()):
            raise SignatureInvalid
        if text(item, "merchantAccountCode") != merchant_account:
            raise SignatureInvalid("This webhook is about another merchant account than this one's.")
    names = [_name(item) for item in found]
    return names[0] if len(names) == 1 else "items:" + hashlib.sha256("\n".join(names).encode()).hexdigest()


def signature(key: bytes, item: Payload) -> str:
    """Adyen's signature of an item: what is absent is empty, and nothing is escaped."""
    amount = part(item, "amount")
    values = [item.get(name) for name in _SIGNED] + [amount.get("value"), amount.get("currency")]
    values += [item.get("eventCode"), item.get("success")]
    signed = ":".join("" if value is None else str(value) for value in values)
    return base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()


def parse_webhook(body: bytes) -> WebhookEvent:
    """Read a stored webhook: what its items report, and which settlement report is there."""
    found = _items(body)
    read = [(_READERS.get(text(item, "eventCode") or ""), item) for item in found]
    reports = [reader(item) for reader, item in read if reader is not None]
    return WebhookEvent(
        event_id="",
        reports=tuple(report for report in reports if report is not None),
        type=", ".join(dict.fromkeys(text(item, "eventCode") or "" for item in found)),
        announces=next((name for item in found if (name := _announced(item))), ""),
    )


def _items(body: bytes) -> list[Payload]:
    rows = items(decoded(body), "notificationItems")
    return [part(row, "NotificationRequestItem") for row in rows]


def _key(key: str | None) -> bytes:
    try:
        secret = bytes.fromhex(key or "")
    except ValueError:
        raise SignatureInvalid("This provider account's hmac_key is not hexadecimal, as Adyen shows it.") from None
    if not secret:
        raise SignatureInvalid("This provider account has no hmac_key, so that no signature can be checked.")
    return secret


def _name(item: Payload) -> str:
    return ":".join((text(item, name) or "")[:80] for name in ("pspReference", "eventCode", "success"))


def _announced(item: Payload) -> str:
    name = text(item, "pspReference") or ""
    is_there = text(item, "eventCode") == "REPORT_AVAILABLE" and _happened(item)
    return name if is_there and REPORT.fullmatch(name) else ""


def _happened(item: Payload) -> bool:
    return text(item, "success") == "true"


def _operation(item: Payload) -> str | None:
    """Our operation; of what was done to a payment it may be the one that made the payment."""
    name = text(item, "merchantReference") or ""
    return name if is_id(name, "op") else None


def _payment(item: Payload) -> str | None:
    return text(item, "originalReference") or text(item, "pspReference")


def _at(item: Payload, *, ended: bool = False) -> datetime | None:
    try:
        at = datetime.fromisoformat(text(item, "eventDate") or "")
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return at + _END_OF_SECOND if ended else at


def _authorised(item: Payload) -> ProviderReport | None:
    """A charge. What names no operation of ours was made without us, or at a terminal, whose action tells of it."""
    operation, name = _operation(item), text(item, "pspReference")
    if operation is None and (not _happened(item) or is_id(text(item, "merchantReference") or "", "act")):
        return None
    if _happened(item):
        method, card = translate.method_of(text(item, "paymentMethod")), translate.card_of(item)
        result = Result(
            Outcome.SUCCEEDED, name, name, from_adyen(item, "amount"), method=method, card=card, occurred_at=_at(item)
        )
        return ProviderReport(ReportType.SALE, result, operation)
    code, said = translate.refusal(text(item, "reason"))
    result = Result(Outcome.DECLINED, name, name, code=code, detail=said, occurred_at=_at(item, ended=True))
    return ProviderReport(ReportType.SALE, result, operation)


def _page_ended(item: Payload) -> ProviderReport | None:
    """Nobody paid in time."""
    name, operation = text(item, "pspReference"), _operation(item)
    if operation is None or not _happened(item):
        return None
    detail = "The customer did not pay in time."
    at = _at(item, ended=True)
    return ProviderReport(
        ReportType.SALE, Result(Outcome.DECLINED, name, name, code="expired", detail=detail, occurred_at=at), operation
    )


def _change(fact: ReportType) -> Reader:
    """A capture, refund or cancellation was carried out, or was not."""

    def read(item: Payload) -> ProviderReport:
        name, payment, happened = text(item, "pspReference"), _payment(item), _happened(item)
        outcome = Outcome.SUCCEEDED if happened else Outcome.DECLINED
        code, said = (None, None) if happened else translate.refusal(text(item, "reason"))
        amount = from_adyen(item, "amount") if fact is not ReportType.CANCEL else None
        result = Result(outcome, name, payment, amount, code, said, occurred_at=_at(item, ended=not happened))
        return ProviderReport(fact, result, _operation(item), reason="Made at Adyen, not here.")

    return read


def _refund_failed(item: Payload) -> ProviderReport:
    """A refund came back, or was never accepted: the money is at Adyen."""
    code, detail = "refund_failed", "The refund failed; the money is at Adyen."
    name, payment = text(item, "pspReference"), _payment(item)
    at = _at(item, ended=True)
    result = Result(Outcome.DECLINED, name, payment, from_adyen(item, "amount"), code, detail, occurred_at=at)
    return ProviderReport(ReportType.REFUND, result, _operation(item))


def _capture_failed(item: Payload) -> ProviderReport:
    """The bank did not give what was captured. Adyen may try again, and tells by another CAPTURE."""
    name, payment = text(item, "pspReference"), _payment(item)
    result = Result(Outcome.SUCCEEDED, name, payment, from_adyen(item, "amount"), occurred_at=_at(item))
    return ProviderReport(ReportType.REVERSAL, result, original_reference=name, reason="The capture failed at Adyen.")


def _released(item: Payload) -> ProviderReport:
    name = _payment(item)
    result = Result(Outcome.SUCCEEDED, f"{name}:expired", name, occurred_at=_at(item))
    return ProviderReport(ReportType.EXPIRE, result)


def _canceled_or_refunded(item: Payload) -> ProviderReport | None:
    """A reversal: Adyen chose by itself whether to give up or to give back."""
    # Of a refund that a terminal was asked for: whether Adyen gave up or gave back, its customer has the money.
    if _operation(item) is not None:
        return _change(ReportType.REFUND)(item)
    fact = {"cancel": ReportType.CANCEL, "refund": ReportType.REFUND}.get(
        text(item, "additionalData", "modification.action") or ""
    )
    return _change(fact)(item) if fact is not None else None


def _dispute(fact: ReportType, stage: Stage) -> Reader:
    """One step of a dispute, by the dispute's own reference."""

    def read(item: Payload) -> ProviderReport | None:
        amount, payment = from_adyen(item, "amount"), text(item, "originalReference")
        if not _happened(item) or amount is None:
            return None
        result = Result(Outcome.SUCCEEDED, text(item, "pspReference"), payment, amount, occurred_at=_at(item))
        due = text(item, "additionalData", "defensePeriodEndsAt")
        is_open = fact in (ReportType.CHARGEBACK_INQUIRY, ReportType.CHARGEBACK_OPENED)
        respond_by = _at({"eventDate": due}) if due and is_open else None
        operation = _operation(item) if payment is None else None  # some come without the payment's reference
        return ProviderReport(fact, result, operation, reason=text(item, "reason"), stage=stage, respond_by=respond_by)

    return read


_READERS: Final[Mapping[str, Reader]] = {
    "AUTHORISATION": _authorised,
    "OFFER_CLOSED": _page_ended,
    "CAPTURE": _change(ReportType.CAPTURE),
    "CAPTURE_FAILED": _capture_failed,
    "CANCELLATION": _change(ReportType.CANCEL),
    "TECHNICAL_CANCEL": _change(ReportType.CANCEL),
    "EXPIRE": _released,
    "REFUND": _change(ReportType.REFUND),
    "REFUND_FAILED": _refund_failed,
    "REFUNDED_REVERSED": _refund_failed,
    "CANCEL_OR_REFUND": _canceled_or_refunded,
    "REQUEST_FOR_INFORMATION": _dispute(ReportType.CHARGEBACK_INQUIRY, Stage.INQUIRY),
    "NOTIFICATION_OF_CHARGEBACK": _dispute(ReportType.CHARGEBACK_INQUIRY, Stage.INQUIRY),
    "CHARGEBACK": _dispute(ReportType.CHARGEBACK_OPENED, Stage.CHARGEBACK),
    "CHARGEBACK_REVERSED": _dispute(ReportType.CHARGEBACK_WON, Stage.CHARGEBACK),
    "SECOND_CHARGEBACK": _dispute(ReportType.CHARGEBACK_OPENED, Stage.PRE_ARBITRATION),
    # Of a round that is only opened no money has moved: what it comes to is read.
    "PREARBITRATION_WON": _dispute(ReportType.CHARGEBACK_WON, Stage.PRE_ARBITRATION),
    "PREARBITRATION_ISSUER_WITHDRAWN": _dispute(ReportType.CHARGEBACK_WON, Stage.PRE_ARBITRATION),
    "PREARBITRATION_LOST": _dispute(ReportType.CHARGEBACK_LOST, Stage.PRE_ARBITRATION),
    "PREARBITRATION_ACCEPTED": _dispute(ReportType.CHARGEBACK_LOST, Stage.PRE_ARBITRATION),
    "SCHEME_ARBITRATION_WON": _dispute(ReportType.CHARGEBACK_WON, Stage.ARBITRATION),
    "SCHEME_ARBITRATION_LOST": _dispute(ReportType.CHARGEBACK_LOST, Stage.ARBITRATION),
}
EVENTS: Final = (*_READERS, "REPORT_AVAILABLE")  # what the webhook at Adyen has to send

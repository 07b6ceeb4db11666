"""nexo messages in JSON: what a terminal is asked, and what its answers mean.

A message is known by our `SaleID` and its `ServiceID`, of ten signs at most, which a terminal takes once in 48
hours. That of a charge or refund is made of our action's id, so that it can be asked about by whoever knows the action;
questions and stops have one of their own each.
"""

import hashlib
import secrets
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from payments.core.ids import made_at
from payments.core.money import EXPONENTS, Money
from payments.providers.adyen.translate import card_of
from payments.providers.base import Card, Outcome
from payments.providers.payload import Payload, items, part, text
from terminals.providers.base import BUSY, UNREACHABLE, Answer, Request, Total

SALE_ID: Final = "Onetill"
_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SEPARATOR: Final = "@"  # between Adyen's name for a terminal's payment and its moment, which it is asked by, too
# Of a failure: nothing was charged, and nothing will be.
_REFUSED: Final = {
    "Busy": BUSY,
    "DeviceOut": UNREACHABLE,
    "UnavailableDevice": UNREACHABLE,
    "Cancel": "canceled",
    "Aborted": "canceled",
    "Refusal": "declined",
    "InvalidCard": "invalid_card",
    "WrongPIN": "wrong_pin",
    "PaymentRestriction": "payment_restriction",
    "NotAllowed": "not_allowed",
    "MessageFormat": "invalid_request",
    "LoggedOut": "logged_out",
    "InsertedCard": "card_inserted",
}
_ENTRY_MODES: Final = {
    "ICC": "contact",
    "SynchronousICC": "contact",
    "Contactless": "contactless",
    "Tapped": "contactless",
    "MagStripe": "magstripe",
    "Keyed": "manual",
    "Manual": "manual",
}
_VERIFICATIONS: Final = {
    "OnlinePIN": "online_pin",
    "OfflinePIN": "offline_pin",
    "PaperSignature": "signature",
    "SignatureCapture": "signature",
    "MerchantAuthentication": "none",
    "Bypass": "none",
}
_TYPES: Final = {"Debit": "sale", "Credit": "refund"}

Message = dict[str, Any]


def service_id(request: Request) -> str:
    """The `ServiceID` of a charge or refund: fifty bits of its action's id."""
    number = int.from_bytes(hashlib.sha256(request.action_id.encode()).digest()[:8])
    return "".join(_SIGNS[number >> 5 * place & 31] for place in range(10))


def is_reversal(request: Request) -> bool:
    """Whether a refund is of what a terminal of Adyen's has charged; else it is paid to the card that is presented."""
    return request.is_refund and _SEPARATOR in (request.original_reference or "")


def category(request: Request) -> str:
    """The kind of message that a charge or refund is."""
    return "Reversal" if is_reversal(request) else "Payment"


def started(request: Request) -> Message:
    """A charge, a refund to the card that is presented, or a refund of a terminal's payment."""
    if is_reversal(request):
        transaction, _, moment = (request.original_reference or "").partition(_SEPARATOR)
        return {
            "OriginalPOITransaction": {"POITransactionID": {"TransactionID": transaction, "TimeStamp": moment}},
            "ReversedAmount": request.amount.to_decimal(),
            "ReversalReason": "MerchantCancel",
            # Its webhook names it so: what came of it is told by that alone.
            "SaleData": _sale_data(request, request.operation_id or request.action_id),
        }
    message: Message = {
        "SaleData": _sale_data(request, request.action_id),
        "PaymentTransaction": {
            "AmountsReq": {"Currency": request.amount.currency, "RequestedAmount": request.amount.to_decimal()}
        },
    }
    return message | ({"PaymentData": {"PaymentType": "Refund"}} if request.is_refund else {})


def question(request: Request) -> Message:
    """What came of it."""
    return {"MessageReference": _reference(request), "ReceiptReprintFlag": False}


def stop(request: Request) -> Message:
    """Stop it, if that is still possible."""
    return {"MessageReference": _reference(request), "AbortReason": "MerchantAbort"}


def header(kind: str, device: str, name: str | None = None) -> Message:
    """Of a message; without a name it gets one of its own."""
    return {
        "ProtocolVersion": "3.0",
        "MessageClass": "Service",
        "MessageCategory": kind,
        "MessageType": "Request",
        "SaleID": SALE_ID,
        "ServiceID": name or "".join(secrets.choice(_SIGNS) for _ in range(10)),
        "POIID": device,
    }


def answered(response: Payload, request: Request) -> Answer:
    """What an answer says of a charge or refund: the answer itself, or the one that a question had repeated."""
    status = part(response, "TransactionStatusResponse")
    if status:
        condition = text(status, "Response", "ErrorCondition")
        if text(status, "Response", "Result") == "Success":
            # Whose answer is repeated is checked: it may be another request's.
            if text(status, "MessageReference", "ServiceID") not in (None, service_id(request)):
                return Answer(outcome=Outcome.UNKNOWN, code="another_request")
            return answered(part(status, "RepeatedMessageResponse", "RepeatedResponseMessageBody"), request)
        if condition == "NotFound":
            return Answer(outcome=Outcome.DECLINED, code="not_found")
        return _undecided(condition)
    if is_reversal(request):
        return _reversal(part(response, "ReversalResponse"))
    return _payment(part(response, "PaymentResponse"), request)


def totals(response: Payload) -> list[Total]:
    """What a terminal counts: charges and refunds of each brand, of the currencies that are known."""
    return [
        Total(
            brand=(text(row, "CardBrand") or "").lower(),
            type=_TYPES[kind],
            count=int(each.get("TransactionCount") or 0),
            amount=amount,
        )
        for row in items(response, "GetTotalsResponse", "TransactionTotals")
        for each in items(row, "PaymentTotals")
        if (kind := text(each, "TransactionType") or "") in _TYPES
        and (amount := _money(each, "TransactionAmount", text(row, "PaymentCurrency"))) is not None
    ]


def _sale_data(request: Request, name: str) -> Message:
    at = made_at(request.action_id).isoformat(timespec="milliseconds")
    operator = {"OperatorID": request.operator[:40]} if request.operator else {}
    return {"SaleTransactionID": {"TransactionID": name, "TimeStamp": at}, **operator}


def _reference(request: Request) -> Message:
    return {"MessageCategory": category(request), "SaleID": SALE_ID, "ServiceID": service_id(request)}


def _payment(response: Payload, request: Request) -> Answer:
    result = text(response, "Response", "Result")
    identity = part(response, "POIData", "POITransactionID")
    name, moment = text(identity, "TransactionID"), text(identity, "TimeStamp")
    if result in ("Success", "Partial"):
        paid = part(response, "PaymentResult")
        charged = _money(part(paid, "AmountsResp"), "AuthorizedAmount", text(paid, "AmountsResp", "Currency"))
        if charged is None or name is None:
            return Answer(outcome=Outcome.UNKNOWN, code="unreadable_answer")
        reference = name.rpartition(".")[2]
        return Answer(
            outcome=Outcome.SUCCEEDED,
            reference=f"{name}{_SEPARATOR}{moment or ''}",
            payment_reference=None if request.is_refund else reference,
            charged=charged,
            card=_card(paid),
            occurred_at=_moment(moment),
            rrn=reference,
            authorization_code=text(paid, "PaymentAcquirerData", "ApprovalCode"),
            acquirer_tid=text(paid, "PaymentAcquirerData", "AcquirerPOIID"),
        )
    condition = text(response, "Response", "ErrorCondition")
    if result == "Failure" and condition in _REFUSED:
        return Answer(outcome=Outcome.DECLINED, code=_REFUSED[condition])
    return _undecided(condition)


def _reversal(response: Payload) -> Answer:
    """A refund of a terminal's payment: received, no more, or refused at once."""
    if text(response, "Response", "Result") == "Success":
        return Answer(outcome=Outcome.PENDING)
    condition = text(response, "Response", "ErrorCondition")
    if condition in _REFUSED:
        return Answer(outcome=Outcome.DECLINED, code=_REFUSED[condition])
    return _undecided(condition)


def _undecided(condition: str | None) -> Answer:
    if condition == "InProgress":
        return Answer(outcome=Outcome.PENDING)
    return Answer(outcome=Outcome.UNKNOWN, code="no_answer" if condition else "unreadable_answer")


def _card(paid: Payload) -> Card:
    data = part(paid, "PaymentInstrumentData", "CardData")
    number = "".join(sign for sign in text(data, "MaskedPan") or "" if sign.isdigit())
    known = card_of({"paymentMethod": (text(data, "PaymentBrand") or "").lower()})
    modes, checks = data.get("EntryMode"), paid.get("AuthenticationMethod")
    return Card(
        brand=known.brand if known is not None else text(data, "PaymentBrand"),
        last4=number[-4:] or None,
        par=text(data, "PaymentAccountRef"),
        entry_mode=_first(_ENTRY_MODES, modes),
        verification=_first(_VERIFICATIONS, checks),
    )


def _first(words: dict[str, str], given: Any) -> str | None:
    return next((words[each] for each in given if each in words), None) if isinstance(given, list) else None


def _money(obj: Payload, name: str, currency: str | None) -> Money | None:
    value = obj.get(name)
    if currency not in EXPONENTS or isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        # JSON's numbers are read as the shortest that they can be written: no cent is lost below fifteen digits.
        return Money.from_decimal(Decimal(str(value)), currency)
    except (ArithmeticError, ValueError):
        return None


def _moment(value: str | None) -> datetime | None:
    try:
        at = datetime.fromisoformat(value or "")
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)

"""What a real provider would refuse, and what is left of a payment to capture or give back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from config.sandbox.psp.sql import Row
from payments.core.money import EXPONENTS, MAX_AMOUNT
from payments.providers.base import Verb
from payments.providers.simulator.methods import MANUAL_CAPTURE_METHODS, METHODS
from payments.providers.simulator.wire import OperationRequest, Refusal

CHARGES: Final = (Verb.SALE, Verb.AUTHORIZE)


@dataclass(frozen=True, slots=True)
class Left:
    """What may still happen to a payment's money, from its effects and from what is on its way."""

    capturable: int
    refundable: int
    captured: int

    @classmethod
    def of(cls, effects: Mapping[str, int], pending: Mapping[str, int]) -> "Left":
        """Compute it from the sums of effects and of pending operations by verb."""

        def total(*verbs: str) -> int:
            return sum(effects.get(verb, 0) for verb in verbs)

        captured = total("sale", "capture")
        gone = total("reversal", "refund", "chargeback") - total("refund_failed", "chargeback_reversal")
        released = total("capture", "cancel", "release", "expire") + pending.get("capture", 0)
        return cls(
            capturable=max(total("authorize") - released, 0),
            refundable=max(captured - gone - pending.get("refund", 0), 0),
            captured=captured,
        )


def refusal(request: OperationRequest, payment: Row | None, left: Left, *, open_page: bool) -> Refusal | None:
    """Return why this cannot be done, if it cannot. `open_page`: the customer has not paid yet."""
    if request.amount > MAX_AMOUNT or request.amount < (0 if request.verb is Verb.CANCEL else 1):
        return Refusal("amount_invalid", "The amount must be a positive number of minor units.")
    if request.currency not in EXPONENTS:
        return Refusal("currency_unknown", "The currency is no ISO 4217 code.")
    if request.verb in CHARGES:
        return _charge(request)
    return _payment(request, payment) or _later(request, left, open_page=open_page)


def _payment(request: OperationRequest, payment: Row | None) -> Refusal | None:
    if payment is None or payment["account"] != request.account:
        return Refusal("payment_unknown", "There is no such payment on this account.")
    if payment["currency"] != request.currency:
        return Refusal("currency_mismatch", f"The payment is in {payment['currency']}, not {request.currency}.")
    return None


def _later(request: OperationRequest, left: Left, *, open_page: bool) -> Refusal | None:
    if request.verb is Verb.CAPTURE:
        return _capture(request, left)
    if request.verb is Verb.REFUND:
        return _refund(request, left)
    if left.capturable == 0 and not open_page:
        return Refusal("nothing_to_cancel", "Nothing is left to release of this payment.")
    return None


def _charge(request: OperationRequest) -> Refusal | None:
    if request.method is not None and request.method not in METHODS:
        return Refusal("method_not_supported", f"The method {request.method!r} is not offered.")
    if request.verb is Verb.AUTHORIZE and request.method not in (None, *MANUAL_CAPTURE_METHODS):
        return Refusal("manual_capture_not_supported", f"{request.method} is taken at once; it cannot be authorized.")
    return None


def _capture(request: OperationRequest, left: Left) -> Refusal | None:
    if left.capturable == 0:
        return Refusal("nothing_to_capture", "The payment is captured, released or was never authorized.")
    if request.amount > left.capturable:
        return Refusal("amount_exceeds_capturable", f"Only {left.capturable} is left to capture.")
    return None


def _refund(request: OperationRequest, left: Left) -> Refusal | None:
    if left.captured == 0:
        return Refusal("payment_not_captured", "Nothing of this payment was captured; cancel it instead.")
    if request.amount > left.refundable:
        return Refusal("amount_exceeds_refundable", f"Only {left.refundable} is left to refund.")
    return None

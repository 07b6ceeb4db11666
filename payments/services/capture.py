"""Capture what was authorized: all of it, or a part, once or several times."""

from payments.core.errors import Conflict, Invalid
from payments.models import Payment
from payments.providers import registry
from payments.providers.base import Verb
from payments.services.idempotency import IdempotencyGuard
from payments.services.request_operation import request_operation
from payments.services.under_way import beside, released_by_capture
from payments.text.formatting import amount as written


def capture_payment(
    payment: Payment, *, amount: int | None, final: bool, actor: str, guard: IdempotencyGuard | None = None
) -> Payment:
    """Capture `amount` (None: all that may be) and return the payment; a final capture releases the rest.

    Raises:
        Conflict: `payment_not_capturable`.
        Invalid: `amount_exceeds_capturable`, or a second capture that the provider does not know.
    """

    # Called under the order's lock: two captures at once cannot both take what is there once.
    def amount_of(locked: Payment) -> int:
        taken = _amount(locked, amount)
        _check_final(locked, taken, final)
        return taken

    return request_operation(payment, Verb.CAPTURE, amount_of=amount_of, actor=actor, guard=guard, final=final)


def _amount(payment: Payment, amount: int | None) -> int:
    """What this capture takes; what other captures are just asking for is not there any more."""
    capturable = payment.amount_capturable
    if not capturable:
        raise Conflict(
            "payment_not_capturable",
            f"Nothing of this payment can be captured now; its status is {payment.status}."
            f"{beside(payment)}{released_by_capture(payment)}",
            amount_capturable=0,
            currency=payment.currency,
        )
    if amount is not None and amount > capturable:
        raise Invalid(
            "amount_exceeds_capturable",
            f"At most {written(capturable, payment.currency)} can be captured.{beside(payment)}",
            param="amount",
            amount_capturable=capturable,
            currency=payment.currency,
        )
    return capturable if amount is None else amount


def _check_final(payment: Payment, amount: int, final: bool) -> None:
    capabilities = registry.provider(payment.provider_account.provider).capabilities
    # Refused here, with what to do, not by the provider minutes later.
    if amount < payment.amount_capturable and not capabilities.partial_capture:
        raise Invalid("capture_not_supported", "This provider captures the whole amount only.", param="amount")
    if not final and not capabilities.multiple_captures:
        raise Invalid("capture_not_supported", "This provider captures once; send final: true.", param="final")

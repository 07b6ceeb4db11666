"""Cancel a payment: what is not captured is released."""

from payments.core.errors import Conflict
from payments.models import Payment
from payments.models.payment import PaymentStatus
from payments.providers.base import Verb
from payments.services.idempotency import IdempotencyGuard
from payments.services.request_operation import request_operation
from payments.services.under_way import beside, operations_under_way, released_by_capture

_OPEN = frozenset({PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING, PaymentStatus.AUTHORIZED})


def cancel_payment(payment: Payment, *, actor: str, guard: IdempotencyGuard | None = None) -> Payment:
    """Release what is not captured, and return the payment.

    Raises:
        Conflict: `payment_not_cancelable`, when nothing is left to release beside what is under way.
    """
    return request_operation(payment, Verb.CANCEL, amount_of=_cancelable, actor=actor, guard=guard)


def _cancelable(payment: Payment) -> int:
    """How much a cancellation releases."""
    # Before the customer has paid nothing is authorized; then all of it is called off.
    amount = payment.amount_capturable if payment.amount_authorized else payment.amount
    # A second one beside the first could only be refused by the provider.
    canceling = any(row.verb == Verb.CANCEL for row in operations_under_way(payment))
    if not (payment.status in _OPEN or payment.amount_capturable) or not amount or canceling:
        raise Conflict(
            "payment_not_cancelable",
            f"Nothing of this payment is left to release; its status is {payment.status}.{beside(payment)}"
            f"{released_by_capture(payment)} What was captured is given back with POST /v1/refunds.",
        )
    return amount

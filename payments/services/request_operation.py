"""Request one more verb for a payment: its operation is committed, the provider called, the answer recorded."""

from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from payments.core.ids import new_id
from payments.core.money import Money
from payments.models import Operation, Payment
from payments.payloads import PAYMENT_RELATED
from payments.providers.base import Verb
from payments.runtime.fail_points import fail_point
from payments.services.idempotency import IdempotencyGuard
from payments.services.new_rows import new_operation
from payments.services.submit import submit_new
from payments.services.unit_of_work import UnitOfWork


def request_operation(
    payment: Payment,
    verb: Verb,
    *,
    amount_of: Callable[[Payment], int],
    actor: str,
    guard: IdempotencyGuard | None,
    final: bool = True,
) -> Payment:
    """Request `verb` from the payment's provider; return the payment as recorded after the answer.

    `amount_of` gets the payment under its order's lock; it returns the amount in minor units, or refuses by raising.
    """
    with transaction.atomic():
        fail_point("request.opened")
        operation_id = new_id("op")
        if guard is not None:
            guard.begin(operation_id)
        uow = UnitOfWork(merchant=payment.merchant, actor=actor, now=timezone.now())
        uow.lock([payment.order_id])
        held = uow.payments[payment.id]
        operation = new_operation(
            uow,
            verb,
            id=operation_id,
            executor=Operation.Executor.PROVIDER,
            provider_account=payment.provider_account,
            payment=held,
            amount=Money(amount_of(held), held.currency),
            final=final,
        )
        uow.flush()
        fail_point("request.written")
    fail_point("request.committed")
    return settled(operation, payment, actor=actor)


def settled(operation: Operation, payment: Payment, *, actor: str) -> Payment:
    """Submit an operation just committed; return its payment as recorded after the answer."""
    return submit_new(operation, actor=actor) or reread(payment)


def reread(payment: Payment) -> Payment:
    """The payment read again, with all that its payload needs."""
    return Payment.objects.select_related(*PAYMENT_RELATED).get(id=payment.id)

"""Cancel a refund: what has not left, or failed, is given up."""

from django.db import transaction

from payments.models import Refund
from payments.people.actions import Action
from payments.people.services import approvals
from payments.services.idempotency import IdempotencyGuard
from payments.services.refunds.give_up import give_up
from payments.services.refunds.open import open_refund
from payments.services.refunds.result import read


def cancel_refund(refund: Refund, *, actor: str, guard: IdempotencyGuard | None = None) -> Refund:
    """Give up what has not left yet, or failed, and return the refund; what has left stays as it is.

    Raises:
        Conflict: `refund_not_cancelable`, when nothing can be given up, or money may already have moved.
    """
    with transaction.atomic():
        if guard is not None:
            guard.begin(refund.id)
        uow, parts = open_refund(refund, actor)
        give_up(uow, parts, detail="Given up before it left.")
        approvals.withdraw(subject_id=refund.id, action=Action.REFUND, actor=actor)
        uow.flush()
    return read(refund.id)

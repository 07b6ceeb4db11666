"""Approve a refund that waits for a second person."""

from django.db import transaction

from payments.models import Refund
from payments.models.refund import PartStatus, RefundStatus
from payments.people.models import User
from payments.services import voucher
from payments.services.refunds import transitions
from payments.services.refunds.cash_in_till import require_cash
from payments.services.refunds.execute import carry_out
from payments.services.refunds.open import open_waiting
from payments.services.refunds.result import RefundResult, read


def approve_refund(refund: Refund, *, user: User, note: str = "") -> RefundResult:
    """A second person approves: the refund is accepted and carried out.

    Raises:
        Conflict: `refund_not_waiting`, when it waits for nobody; `till_too_low`, when its cash is not there any more.
        Forbidden: as `approvals.decide`.
    """
    with transaction.atomic():
        uow, parts = open_waiting(refund, user, approved=True, note=note)
        held = uow.refunds[refund.id]
        voucher.hold([part.payment for part in parts if part.payment is not None])
        require_cash(held, parts)
        for part in parts:
            uow.transition(part, PartStatus.QUEUED)
        uow.note_transition(held.id, held.status, RefundStatus.PENDING)
        uow.change(held, status=RefundStatus.PENDING)
        transitions.accept(uow, refund=held, parts=parts)
        voucher_code = carry_out(uow, refund=held, parts=parts)
        uow.flush()
    return RefundResult(read(held.id), voucher_code)

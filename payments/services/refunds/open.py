"""Open a refund that was decided earlier: its orders locked, its parts in hand."""

from django.utils import timezone

from payments.core.errors import Conflict
from payments.models import Refund, RefundPart
from payments.models.refund import RefundStatus
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import approvals
from payments.services.refunds import transitions
from payments.services.unit_of_work import UnitOfWork


def open_refund(refund: Refund, actor: str) -> tuple[UnitOfWork, list[RefundPart]]:
    """Lock a refund's order (and the one it is exchanged for); return the unit of work and the refund's parts."""
    uow = UnitOfWork(merchant=refund.merchant, actor=actor, now=timezone.now())
    uow.lock([order_id for order_id in (refund.order_id, refund.exchange_for_id) if order_id is not None])
    return uow, transitions.parts_of(uow, refund)


def open_waiting(refund: Refund, user: User, *, approved: bool, note: str) -> tuple[UnitOfWork, list[RefundPart]]:
    """Open a refund that waits for a second person, and write down what that person decided.

    Raises:
        Conflict: `refund_not_waiting`, when it waits for nobody.
        Forbidden: as `approvals.decide`.
    """
    uow, parts = open_refund(refund, user.id)
    if uow.refunds[refund.id].status != RefundStatus.REQUIRES_APPROVAL:
        raise Conflict("refund_not_waiting", "This refund waits for nobody's approval.")
    approvals.decide(
        subject_id=refund.id,
        action=Action.REFUND,
        user=user,
        approved=approved,
        note=note,
        alone_from=uow.merchant.decides_alone_from,
    )
    return uow, parts

"""A refund's part on its way to a terminal: given to the device, and presented; the device's report answers it."""

from django.utils import timezone

from payments.models import Operation, RefundPart
from payments.models.refund import PartStatus
from payments.services.refunds.transitions import parts_of
from payments.services.unit_of_work import UnitOfWork


def hand_over(operation: Operation, *, actor: str) -> bool:
    """Note that a device is given the part, which cannot be canceled any more; False where it has been before.

    Joins the caller's transaction. The operation needs its merchant, and its part with the refund.
    """
    uow, part, held = _open(operation, actor)
    if part.status != PartStatus.QUEUED or held.completed_at is not None:
        return False
    uow.change(held, submitted_at=uow.now, outcome=None)
    uow.flush()
    return True


def present(operation: Operation, *, actor: str) -> None:
    """The device asks for the card: the part is `pending` until it answers. Joins the caller's transaction."""
    uow, part, held = _open(operation, actor)
    uow.transition(part, PartStatus.PENDING, operation=held)
    uow.flush()


def _open(operation: Operation, actor: str) -> tuple[UnitOfWork, RefundPart, Operation]:
    part = operation.refund_part
    if part is None:
        raise ValueError(f"{operation.id} gives nothing back")
    uow = UnitOfWork(merchant=operation.merchant, actor=actor, now=timezone.now())
    uow.lock([part.refund.order_id])
    held = next(each for each in parts_of(uow, part.refund) if each.id == part.id)
    # Under the order's lock: whoever cancels the refund holds that, too.
    operation.refresh_from_db(fields=["outcome", "completed_at", "submitted_at"])
    operation.refund_part = held
    return uow, held, operation

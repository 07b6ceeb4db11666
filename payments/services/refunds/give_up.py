"""Give up what a refund has not paid out yet: by the person who cancels it, or by the second one who declines it."""

from collections.abc import Sequence

from payments.core.errors import Conflict
from payments.models import Operation, RefundPart
from payments.models.refund import PartStatus, Route
from payments.providers.base import Outcome
from payments.services.refunds import transitions
from payments.services.unit_of_work import UnitOfWork


def give_up(uow: UnitOfWork, parts: Sequence[RefundPart], *, detail: str) -> None:
    """Abandon every part that has not left; refuse as a whole if one may just be leaving.

    Raises:
        Conflict: `refund_not_cancelable`; `transfer_in_batch`, when one waits in a batch that people agree about.
    """
    open_parts = [part for part in parts if part.status not in (PartStatus.SUCCEEDED, PartStatus.CANCELED)]
    if any(part.batch_id is not None and part.status == PartStatus.PENDING for part in open_parts):
        raise Conflict(
            "transfer_in_batch", "A transfer of this refund is in a batch that waits for release. Cancel that first."
        )
    rows = Operation.objects.select_for_update().filter(refund_part__in=open_parts).order_by("id")
    operations = {row.refund_part_id: row for row in rows}
    if not open_parts or not all(_may_be_given_up(part, operations.get(part.id)) for part in open_parts):
        raise Conflict(
            "refund_not_cancelable",
            "The money may already have moved, or nothing is left to cancel. Read the refund for its status.",
        )
    for part in open_parts:
        operation = operations.get(part.id)
        if operation is not None and operation.completed_at is None:
            uow.change(operation, outcome=Outcome.NOT_SENT, completed_at=uow.now, due_at=None)
        transitions.abandon(uow, part=part, code="canceled", detail=detail)


def _may_be_given_up(part: RefundPart, operation: Operation | None) -> bool:
    """No provider was asked to pay it, or the one that was reported that it did not."""
    if part.status in (PartStatus.REQUIRES_APPROVAL, PartStatus.FAILED):
        return True
    if part.status == PartStatus.PENDING:
        return part.route == Route.BANK
    never_sent = operation is None or operation.submitted_at is None or operation.outcome == Outcome.NOT_SENT
    return part.status == PartStatus.QUEUED and never_sent

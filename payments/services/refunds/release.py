"""Release a refund's bank transfer."""

from django.db import transaction

from payments.core.errors import Conflict
from payments.models import Refund, RefundPart
from payments.models.refund import PartStatus, Route
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import approvals, gate
from payments.providers.base import Outcome, Result
from payments.services.refunds import transitions
from payments.services.refunds.open import open_refund
from payments.services.refunds.result import read
from payments.services.unit_of_work import UnitOfWork


def release_bank_part(part: RefundPart, *, user: User) -> Refund:
    """A person has ordered the bank transfer: the part counts as paid, and the bank statement will show it leaving.

    It is neither the person who requested the refund nor the creator of the key that did; it counts as an approval.

    Raises:
        Conflict: `transfer_not_releasable`, when it is no transfer that waits for this; `transfer_in_batch`.
        Forbidden: as `gate.check` and `approvals.decide`.
    """
    refund = part.refund
    gate.check(Action.RELEASE_TRANSFER, by=user, merchant_id=refund.merchant_id, channel_id=refund.channel_id)
    with transaction.atomic():
        uow, parts = open_refund(refund, user.id)
        held = next(row for row in parts if row.id == part.id)
        if held.batch_id is not None:
            raise Conflict("transfer_in_batch", "This transfer is in a batch, and leaves with it.")
        if held.route != Route.BANK or held.status != PartStatus.PENDING:
            raise Conflict("transfer_not_releasable", f"This part waits for no bank transfer; it is {held.status}.")
        _note_release(uow, refund, held, user)
        operation = held.operations.select_for_update().get()
        transitions.apply_result(uow, operation, Result(outcome=Outcome.SUCCEEDED, occurred_at=uow.now))
        uow.change(held, released_at=uow.now)
        uow.flush()
    return read(refund.id)


def _note_release(uow: UnitOfWork, refund: Refund, part: RefundPart, user: User) -> None:
    """Requested with the refund, approved with the release: two people, which a constraint checks."""
    approvals.request(
        subject=part,
        action=Action.RELEASE_TRANSFER,
        merchant_id=uow.merchant.id,
        channel_id=refund.channel_id,
        requested_by=uow.refunds[refund.id].requested_by,
    )
    approvals.decide(
        subject_id=part.id,
        action=Action.RELEASE_TRANSFER,
        user=user,
        approved=True,
        note="",
        alone_from=uow.merchant.decides_alone_from,
    )

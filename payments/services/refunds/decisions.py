"""What is decided about a refund that stands: give it up, approve or decline it, release its bank transfer."""

from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from payments.core.errors import Conflict
from payments.models import Operation, Refund, RefundPart
from payments.models.refund import PartStatus, RefundStatus, Route
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import approvals, gate
from payments.providers.base import Outcome, Result
from payments.services import voucher
from payments.services.idempotency import IdempotencyGuard
from payments.services.refunds import transitions
from payments.services.refunds.execute import carry_out
from payments.services.refunds.request import reread
from payments.services.unit_of_work import UnitOfWork


def cancel_refund(refund: Refund, *, actor: str, guard: IdempotencyGuard | None = None) -> Refund:
    """Give up what has not left yet, or failed, and return the refund; what has left stays as it is.

    Raises:
        Conflict: `refund_not_cancelable`, when nothing can be given up, or money may already have moved.
    """
    with transaction.atomic():
        if guard is not None:
            guard.begin(refund.id)
        uow, parts = _open(refund, actor)
        _give_up(uow, parts, detail="Given up before it left.")
        approvals.withdraw(subject_id=refund.id, action=Action.REFUND, actor=actor)
        uow.flush()
    return reread(refund)


def approve_refund(refund: Refund, *, user: User, note: str = "") -> Refund:
    """A second person approves: the refund is accepted and carried out. Its voucher's code is shown to that person.

    Raises:
        Conflict: `refund_not_waiting`, when it waits for nobody.
        Forbidden: as `approvals.decide`.
    """
    with transaction.atomic():
        uow, parts = _waiting(refund, user, approved=True, note=note)
        held = uow.refunds[refund.id]
        voucher.hold([part.payment for part in parts if part.payment is not None])
        for part in parts:
            uow.transition(part, PartStatus.QUEUED)
        uow.note_transition(held.id, held.status, RefundStatus.PENDING)
        uow.change(held, status=RefundStatus.PENDING)
        transitions.accept(uow, refund=held, parts=parts)
        carry_out(uow, refund=held, parts=parts)
        uow.flush()
    return reread(held)


def decline_refund(refund: Refund, *, user: User, note: str) -> Refund:
    """A second person rejects it: what the refund held is free again.

    Raises:
        Conflict: `refund_not_waiting`, when it waits for nobody.
        Forbidden: as `approvals.decide`.
    """
    with transaction.atomic():
        uow, parts = _waiting(refund, user, approved=False, note=note)
        _give_up(uow, parts, detail="A second person declined it.")
        uow.flush()
    return reread(refund)


def decide(refund_id: str, *, user: User, approved: bool, note: str) -> Refund:
    """Approve or decline, as the second person decided in the admin.

    Raises:
        Conflict, Forbidden: as the two.
    """
    refund = Refund.objects.select_related("merchant").get(id=refund_id)
    return approve_refund(refund, user=user, note=note) if approved else decline_refund(refund, user=user, note=note)


def release_bank_part(part: RefundPart, *, user: User) -> Refund:
    """A person has ordered the bank transfer: the part counts as paid, and the bank statement will show it leaving.

    It is neither the person who requested the refund nor the creator of the key that did; it counts as an approval.

    Raises:
        Conflict: `transfer_not_releasable`, when it is no transfer that waits for this.
        Forbidden: as `gate.check` and `approvals.decide`.
    """
    refund = part.refund
    gate.check(Action.RELEASE_TRANSFER, by=user, merchant_id=refund.merchant_id, channel_id=refund.channel_id)
    with transaction.atomic():
        uow, parts = _open(refund, user.id)
        held = next(row for row in parts if row.id == part.id)
        if held.route != Route.BANK or held.status != PartStatus.PENDING:
            raise Conflict("transfer_not_releasable", f"This part waits for no bank transfer; it is {held.status}.")
        _note_release(uow, refund, held, user)
        operation = held.operations.select_for_update().get()
        transitions.apply_result(uow, operation, Result(outcome=Outcome.SUCCEEDED, occurred_at=uow.now))
        uow.change(held, released_at=uow.now)
        uow.flush()
    return reread(refund)


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


def _open(refund: Refund, actor: str) -> tuple[UnitOfWork, list[RefundPart]]:
    uow = UnitOfWork(merchant=refund.merchant, actor=actor, now=timezone.now())
    uow.lock([order_id for order_id in (refund.order_id, refund.exchange_for_id) if order_id is not None])
    return uow, transitions.parts_of(uow, refund)


def _waiting(refund: Refund, user: User, *, approved: bool, note: str) -> tuple[UnitOfWork, list[RefundPart]]:
    """The parts of a refund that waits for a second person, whose decision is written down."""
    uow, parts = _open(refund, user.id)
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


def _give_up(uow: UnitOfWork, parts: Sequence[RefundPart], *, detail: str) -> None:
    """Abandon every part that has not left; refuse as a whole if one may just be leaving."""
    open_parts = [part for part in parts if part.status not in (PartStatus.SUCCEEDED, PartStatus.CANCELED)]
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

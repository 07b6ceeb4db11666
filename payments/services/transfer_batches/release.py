"""Release a batch of bank transfers, or decline it: a second person decides, and the bank's file is made."""

import hashlib
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict
from payments.models import Operation, RefundPart, TransferBatch
from payments.models.refund import PartStatus
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import approvals, gate
from payments.providers.base import Outcome, Result
from payments.services.refunds import transitions
from payments.services.transfer import LONGEST_NAME, account_of, bank_spelling, end_to_end_id, plain, remittance
from payments.services.transfer_batches import pain001
from payments.services.unit_of_work import UnitOfWork

Status = TransferBatch.Status


def decide(batch_id: str, *, user: User, approved: bool, note: str) -> None:
    """Release or decline, as the second person decided.

    Raises:
        Conflict: `batch_not_waiting`; `batch_changed`, when one of its transfers has moved since it was prepared.
        Forbidden: as `approvals.decide`.
    """
    with transaction.atomic():
        uow, batch, parts = _open(batch_id, user.id)
        approvals.decide(
            subject_id=batch.id,
            action=Action.RELEASE_BATCH,
            user=user,
            approved=approved,
            note=note,
            alone_from=uow.merchant.decides_alone_from,
        )
        if approved:
            _release(uow, batch, parts)
        else:
            _cancel(batch, parts)


def cancel_batch(batch: TransferBatch, *, user: User) -> None:
    """Take a batch apart that nobody released: its transfers wait as before.

    Raises:
        Conflict: `batch_not_waiting`.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.RELEASE_BATCH, by=user, merchant_id=batch.merchant_id)
    with transaction.atomic():
        _uow, held, parts = _open(batch.id, user.id)
        approvals.withdraw(subject_id=held.id, action=Action.RELEASE_BATCH, actor=user.id)
        _cancel(held, parts)
        audit_log.write(actor=user.id, action="transfer_batch.canceled", subject=held, merchant_id=held.merchant_id)


def _open(batch_id: str, actor: str) -> tuple[UnitOfWork, TransferBatch, list[RefundPart]]:
    """A batch that waits, locked after the orders of its transfers, and the unit of work's own copies of these."""
    unlocked = TransferBatch.objects.select_related("merchant").get(id=batch_id)
    uow = UnitOfWork(merchant=unlocked.merchant, actor=actor, now=timezone.now())
    # What a batch holds never changes while it waits, so that its orders can be read before they are locked.
    uow.lock(unlocked.parts.values_list("refund__order_id", flat=True))
    uow.read_refunds()
    batch = TransferBatch.objects.select_for_update(of=("self",)).select_related("merchant").get(id=batch_id)
    if batch.status != Status.REQUIRES_APPROVAL:
        raise Conflict("batch_not_waiting", "This batch was released or canceled already.")
    return uow, batch, [part for part in uow.parts.values() if part.batch_id == batch.id]


def _release(uow: UnitOfWork, batch: TransferBatch, parts: Sequence[RefundPart]) -> None:
    moved = [part for part in parts if part.status != PartStatus.PENDING]
    if moved or (len(parts), sum(part.amount for part in parts)) != (batch.count, batch.amount):
        raise Conflict(
            "batch_changed", "One of its transfers has left already. Decline this batch, and prepare another."
        )
    rows = Operation.objects.select_for_update().filter(refund_part__in=parts, completed_at=None).order_by("id")
    operations = {row.refund_part_id: row for row in rows}
    for part in parts:
        result = Result(outcome=Outcome.SUCCEEDED, occurred_at=uow.now)
        transitions.apply_result(uow, operations[part.id], result)
        uow.change(part, released_at=uow.now)
    uow.flush()
    batch.content = _file(batch, parts, uow)
    batch.sha256 = hashlib.sha256(batch.content.encode()).hexdigest()
    batch.status, batch.released_at = Status.RELEASED, uow.now
    batch.save(update_fields=["content", "sha256", "status", "released_at"])


def _file(batch: TransferBatch, parts: Sequence[RefundPart], uow: UnitOfWork) -> str:
    order = pain001.PaymentOrder(
        id=bank_spelling(batch.id),
        made_at=uow.now,
        debtor=plain(uow.merchant.name, LONGEST_NAME) or batch.iban,
        iban=batch.iban,
        currency=batch.currency,
        execute_on=max(batch.execute_on, uow.merchant.business_day(uow.now)),
        transfers=[_transfer(part) for part in sorted(parts, key=lambda part: part.id)],
    )
    return pain001.write(order)


def _transfer(part: RefundPart) -> pain001.Transfer:
    account = account_of(part)
    return pain001.Transfer(
        end_to_end_id=end_to_end_id(part),
        amount=part.amount,
        iban=account.iban,
        name=plain(account.name, LONGEST_NAME),
        text=remittance(part),
    )


def _cancel(batch: TransferBatch, parts: Sequence[RefundPart]) -> None:
    RefundPart.objects.filter(id__in=[part.id for part in parts]).update(batch=None)
    batch.status = Status.CANCELED
    batch.save(update_fields=["status"])

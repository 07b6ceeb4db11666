"""Prepare a batch of bank transfers: what waits is put in it, and a second person is asked to release it."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.bank_days import is_bank_day
from payments.core.errors import Conflict, wrong
from payments.core.ids import new_id
from payments.models import Merchant, RefundPart, TransferBatch
from payments.models.refund import PartStatus
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import gate
from payments.services.idempotency import IdempotencyGuard
from payments.services.transfer_batches.candidates import AT_MOST, CURRENCY, debtor_accounts, obstacle, waiting
from payments.services.unit_of_work import UnitOfWork

FURTHEST: Final = timedelta(days=31)  # how far ahead a bank takes an order


def prepare_batch(
    *,
    merchant: Merchant,
    iban: str,
    part_ids: Collection[str],
    execute_on: date,
    user: User,
    guard: IdempotencyGuard | None = None,
) -> TransferBatch:
    """Put these transfers in a batch, which waits for a second person: not its maker, nor a requester of its refunds.

    Raises:
        ValidationFailed: `iban` is none of the merchant's accounts in euros; `execute_on` no bank day within a month.
        Conflict: `transfer_not_batchable`, when one of them does not wait any more or no batch can hold it.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.RELEASE_BATCH, by=user, merchant_id=merchant.id)
    _check(merchant, iban, part_ids, execute_on)
    batch_id = new_id("trb")
    with transaction.atomic():
        if guard is not None:
            guard.begin(batch_id)
        parts = _locked(merchant, part_ids, user)
        batch = TransferBatch.objects.create(
            id=batch_id,
            merchant=merchant,
            iban=iban,
            amount=sum(part.amount for part in parts),
            currency=CURRENCY,
            count=len(parts),
            execute_on=execute_on,
            created_by=user.id,
        )
        RefundPart.objects.filter(id__in=[part.id for part in parts]).update(batch=batch)
        audit_log.write(actor=user.id, action="transfer_batch.prepared", subject=batch, merchant_id=merchant.id)
        gate.propose(
            Action.RELEASE_BATCH,
            subject=batch,
            by=user,
            merchant_id=merchant.id,
            payload={"amount": batch.amount, "currency": CURRENCY, "count": batch.count},
            also=sorted({part.refund.requested_by for part in parts}),
        )
    return batch


def _check(merchant: Merchant, iban: str, part_ids: Collection[str], execute_on: date) -> None:
    if iban not in debtor_accounts(merchant):
        raise wrong("iban", "account_not_own", "Choose one of the merchant's own bank accounts in euros.")
    today = merchant.business_day(timezone.now())
    if not today <= execute_on <= today + FURTHEST or not is_bank_day(execute_on):
        raise wrong("execute_on", "execution_day_invalid", "Choose a bank day from today to a month ahead.")
    if not part_ids or len(part_ids) > AT_MOST:
        raise wrong("parts", "invalid_length", f"Choose 1 to {AT_MOST} transfers.")


def _locked(merchant: Merchant, part_ids: Collection[str], user: User) -> Sequence[RefundPart]:
    """The transfers under their orders' locks: nobody releases or cancels one at the same time."""
    orders = RefundPart.objects.filter(id__in=part_ids, refund__merchant=merchant)
    uow = UnitOfWork(merchant=merchant, actor=user.id, now=timezone.now())
    uow.lock(orders.values_list("refund__order_id", flat=True))
    parts = list(waiting(merchant).filter(id__in=part_ids))
    fits = all(part.status == PartStatus.PENDING and obstacle(part) is None for part in parts)
    if not fits or len(parts) != len(set(part_ids)):
        raise Conflict(
            "transfer_not_batchable",
            "One of these transfers does not wait any more, or is in another batch. Choose again from what waits.",
        )
    return parts

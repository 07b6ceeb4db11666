"""Settle transactions in doubt by an acquirer's lines: paid, confirmed, or never to be paid."""

from typing import Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_noop

from payments.models import Discrepancy, Operation, ProviderAccount
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.runtime.sweeps import Sweep
from payments.services import discrepancy
from payments.services.confirm import decline_offline
from payments.services.settle_doubt import doubt_of, settle_doubt
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import message_columns
from reconciliation.card_present import sql as card_present
from reconciliation.formats.base import LineType
from reconciliation.models import Settlement
from reconciliation.sql import settlements

ACTOR: Final = "system:reconciliation"


def settle_doubts(account: ProviderAccount) -> None:
    """Settle the doubts that the staged lines prove, in the caller's transaction. Idempotent.

    One that cannot be settled stays in doubt and stops neither its file nor the others.
    """
    proofs = card_present.proofs_of_doubts()
    if not proofs:
        return
    sweep = Sweep("reconciliation.settle_doubt")
    for line in proofs:
        subject = line.operation_id or line.evidence_id or ""
        if subject not in sweep.resting:
            # A savepoint each: what one of them breaks is rolled back alone.
            with sweep.item(subject, merchant_id=account.merchant_id), transaction.atomic():
                _settle(account, line)


def _settle(account: ProviderAccount, line: card_present.Proof) -> None:
    doubt = doubt_of(operation_id=line.operation_id, evidence_id=line.evidence_id)
    if doubt is None:
        return
    made = line.line_type != LineType.DECLINED
    operation_id = None
    if doubt.is_open:
        operation_id = settle_doubt(doubt, made=made, actor=ACTOR, account=account, at=line.occurred_at)
    elif doubt.operation is not None and doubt.was_made:  # by another line of this file
        operation_id = doubt.operation.id
    if made and operation_id is not None:
        card_present.note_settled(line.position, operation_id)


def decline_unpaid(settlement: Settlement) -> None:
    """Book offline sales that the acquirer will never pay as a loss; open a discrepancy for every other such sale."""
    found = settlements.declined_operations(settlement.id)
    if not found:
        return
    uow = UnitOfWork(merchant=settlement.merchant, actor=ACTOR, now=timezone.now(), facts=True)
    uow.lock({order_id for _, order_id, _ in found})
    operations = Operation.objects.select_related("payment").in_bulk([operation_id for operation_id, _, _ in found])
    for operation in operations.values():
        payment = uow.payments[operation.payment_id or ""]
        # Looked at under the lock: it may have been confirmed since the settlement's lines were read.
        if payment.provisional:
            decline_offline(uow, payment=payment, at=settlement.closed_at)
    uow.flush()
    rows = [operations[operation_id] for operation_id, _, provisional in found if not provisional]
    discrepancy.open_discrepancies([_never_paid(settlement, row) for row in rows])


def _never_paid(settlement: Settlement, operation: Operation) -> Discrepancy:
    payment = operation.payment
    assert payment is not None
    return Discrepancy(
        merchant=settlement.merchant,
        kind=Kind.MISSING_IN_SETTLEMENT,
        key=f"{Kind.MISSING_IN_SETTLEMENT}:{operation.id}",
        amount=operation.amount,
        currency=operation.currency,
        payment=payment,
        channel_id=payment.channel_id,
        settlement_file_id=settlement.file_id,
        item=payment.item,
        **message_columns(gettext_noop("The acquirer says that it declined this sale and will not pay it.")),
    )

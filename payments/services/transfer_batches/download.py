"""Hand out a batch's file: once, and again only to somebody who says why."""

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.core.errors import Conflict
from payments.models import TransferBatch
from payments.people.actions import Action
from payments.people.models import User
from payments.people.services import gate


def download_batch(batch: TransferBatch, *, user: User, note: str = "") -> bytes:
    """Return the file for the bank; who fetched it, and why again, stands in the audit log.

    Raises:
        Conflict: `batch_not_released`; `batch_downloaded`, when it was fetched before and `note` does not say why it is
            fetched again; `bank_account_forgotten`, when it was emptied after its retention.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.RELEASE_BATCH, by=user, merchant_id=batch.merchant_id)
    with transaction.atomic():
        # Of two at once the later one finds it downloaded: one file sent to the bank twice pays everybody twice.
        held = TransferBatch.objects.select_for_update().get(id=batch.id)
        if held.status != TransferBatch.Status.RELEASED:
            raise Conflict("batch_not_released", "There is no file before a second person has released the batch.")
        if not held.content:
            raise Conflict("bank_account_forgotten", "The file was erased after its retention of 13 months.")
        again = held.downloaded_at is not None
        if again and not note:
            raise Conflict(
                "batch_downloaded",
                "The file was fetched before. Say why it is fetched again: given to the bank twice it pays twice.",
            )
        if not again:
            held.downloaded_at, held.downloaded_by = timezone.now(), user.id
            held.save(update_fields=["downloaded_at", "downloaded_by"])
        audit_log.write(
            actor=user.id,
            action="transfer_batch.downloaded_again" if again else "transfer_batch.downloaded",
            subject=held,
            merchant_id=held.merchant_id,
            after={"sha256": held.sha256, **({"note": note} if again else {})},
        )
        return held.content.encode()


def file_name(batch: TransferBatch) -> str:
    """How the file is called, on disk and in the bank's program."""
    return f"refunds-{batch.execute_on.isoformat()}-{batch.id}.xml"

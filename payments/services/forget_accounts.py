"""Forget customers' bank accounts, once no transfer to them can be contested any more."""

from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from payments.core.ids import earliest
from payments.models import Payment, RefundPart, TransferBatch
from payments.models.refund import PartStatus

KEPT: Final = TransferBatch.RETENTION
AT_ONCE: Final = 1_000
_LOOKED_BACK: Final = timedelta(days=31)  # a batch that is emptied is not looked at for ever


def forget(now: datetime | None = None) -> int:
    """Empty what is older than its retention, and return how many rows that were; the rest waits for the next call."""
    before = (now or timezone.now()) - KEPT
    return _of_parts(before) + _of_payments(before) + _of_batches(before)


def _of_parts(before: datetime) -> int:
    # What failed is still owed, and may have to be paid there.
    final = (PartStatus.SUCCEEDED, PartStatus.CANCELED)
    old = RefundPart.objects.filter(refund_id__lt=earliest("ref", before), status__in=final).exclude(iban_hash="")
    ids = list(old.values_list("id", flat=True)[:AT_ONCE])
    return RefundPart.objects.filter(id__in=ids).update(bank_account="", iban_hash="")


def _of_payments(before: datetime) -> int:
    old = Payment.objects.filter(id__lt=earliest("pay", before), payer_account__isnull=False)
    ids = list(old.order_by("id").values_list("id", flat=True)[:AT_ONCE])
    return Payment.objects.filter(id__in=ids).update(payer_account=None)


def _of_batches(before: datetime) -> int:
    old = TransferBatch.objects.filter(released_at__lt=before, released_at__gte=before - _LOOKED_BACK)
    return old.update(content="")

"""Send the receipt of a payment or a refund by e-mail: requested, then rendered by one worker, then sent by another."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from payments import audit_log, mail
from payments.core.errors import Conflict, Invalid
from payments.core.ids import is_id
from payments.models import Payment, ReceiptDue, Refund, WorkFailure
from payments.models.payment import PaymentStatus
from payments.models.refund import PartStatus
from payments.receipts.contents import Receipt, of_payment, of_refund
from payments.runtime import task_queue
from payments.runtime.sweeps import Sweep
from payments.services.email_rendering import letter
from payments.services.idempotency import IdempotencyGuard
from payments.services.queue_receipts import WRITE

AT_ONCE: Final = 50
LEASE: Final = timedelta(minutes=2)
KEPT: Final = timedelta(days=7)  # what cannot be written: long enough to be looked into
WORK: Final = "payments.write_receipt"


def send_receipt(
    row: Payment | Refund,
    *,
    actor: str,
    to: str | None = None,
    language: str | None = None,
    guard: IdempotencyGuard | None = None,
) -> None:
    """Have the receipt of a payment or a refund written, to an address or to the customer's own.

    Raises:
        Conflict: `receipt_not_available`, where no money has moved.
        TooMany: `too_many_mails`.
        Invalid: `email_unknown`, where neither an address is given nor the customer's known.
    """
    if not is_available(row):
        raise Conflict("receipt_not_available", "There is a receipt once the money has moved.")
    if not to and not address_of(row):
        raise Invalid("email_unknown", "The customer's e-mail is not known: send one as `to`.", param="to")
    mail.refuse_flood(row.id)
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        # Written by a worker: rendering a PDF is no work for a request.
        ReceiptDue.objects.create(merchant_id=row.merchant_id, object_id=row.id, to=to or "", language=language or "")
        audit_log.write(actor=actor, action=f"{row.OBJECT}.receipt_sent", subject=row, merchant_id=row.merchant_id)
        task_queue.enqueue_on_commit(WRITE)


def is_available(row: Payment | Refund) -> bool:
    """Whether money has moved that a receipt could show."""
    if isinstance(row, Refund):
        return any(part.status == PartStatus.SUCCEEDED for part in row.parts.all())
    return row.status == PaymentStatus.CAPTURED and row.amount_captured > 0


def address_of(row: Payment | Refund) -> str:
    """The customer's own address, if it is known."""
    customers = [row.customer if isinstance(row, Payment) else None, row.order.customer]
    if isinstance(row, Refund):
        paid = row.order.payments.filter(customer__isnull=False).select_related("customer").order_by("-id").first()
        # A refund at a counter names no customer; who paid the order gets its receipt.
        customers.append(paid.customer if paid is not None else None)
    return next((customer.email for customer in customers if customer is not None and customer.email), "")


def receipt_of(row: Payment | Refund, *, language: str | None = None) -> tuple[Receipt, bytes]:
    """The receipt and its PDF, in this language or the merchant's."""
    from payments.receipts import pdf  # noqa: PLC0415 (what writes it would take a sixth of every process's start)

    with translation.override(language or row.merchant.language):
        receipt = of_payment(row) if isinstance(row, Payment) else of_refund(row)
        return receipt, pdf.written(receipt, row.occurred_at)


def write_due(now: datetime | None = None) -> int:
    """Write the receipts that are due and return how many were; one that cannot be written is tried again later."""
    sweep, written = Sweep(WORK), 0
    for due in _claim(now or timezone.now(), sweep.resting):
        with sweep.item(due.object_id, merchant_id=due.merchant_id):
            written += _write(due)
    _forget()
    return written


def _forget() -> None:
    """What could not be written for a week holds an address that nobody needs any more."""
    old = ReceiptDue.objects.filter(created_at__lt=timezone.now() - KEPT)
    subjects = list(old.values_list("object_id", flat=True))
    if subjects:
        old.delete()
        WorkFailure.objects.filter(work=WORK, subject__in=subjects).delete()


def _claim(now: datetime, resting: Sequence[str]) -> list[ReceiptDue]:
    """Rows for this worker, until their lease ends."""
    with transaction.atomic():
        waiting = ReceiptDue.objects.filter(due_at__lte=now).exclude(object_id__in=resting).order_by("due_at")
        rows = list(waiting.select_for_update(skip_locked=True)[:AT_ONCE])
        for row in rows:
            row.attempts += 1
            # If this worker dies with it, it is due again when the lease is over.
            row.due_at = now + LEASE
        ReceiptDue.objects.bulk_update(rows, ["attempts", "due_at"])
    return rows


def _write(due: ReceiptDue) -> bool:
    """Put the letter into the post and forget the row in one transaction, so that nobody gets it twice."""
    row = _about(due.object_id)
    to = due.to or address_of(row)
    written = _letter(row, to, due.language) if to and is_available(row) else None
    with transaction.atomic():
        # The deleted row is the proof that nobody else has written it: of two workers, one deletes nothing.
        gone, _details = ReceiptDue.objects.filter(pk=due.pk).delete()
        if gone and written is not None:
            mail.write(written)
    return bool(gone and written)


def _about(object_id: str) -> Payment | Refund:
    if is_id(object_id, "ref"):
        return Refund.objects.select_related("merchant", "channel", "order__customer").get(id=object_id)
    related = ("merchant", "channel", "order__customer", "customer", "voucher")
    return Payment.objects.select_related(*related).get(id=object_id)


def _letter(row: Payment | Refund, to: str, language: str) -> mail.Letter:
    receipt, content = receipt_of(row, language=language)
    with translation.override(language or row.merchant.language):
        return letter(
            row,
            to=to,
            subject=_("%(title)s %(number)s from %(shop)s")
            % {"title": receipt.title, "number": receipt.number, "shop": row.merchant.name},
            template="receipt",
            context={"receipt": receipt},
            attachment=mail.Attachment(name=f"{receipt.number}.pdf", type="application/pdf", content=content),
        )

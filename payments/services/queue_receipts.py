"""Queue the receipts a merchant wants mailed, in the transaction of the payment or refund they are about."""

from collections.abc import Iterable
from typing import Any, Final

from payments.db import bulk
from payments.models import Chargeback, Merchant, Payment, ReceiptDue, Refund
from payments.runtime import task_queue

WRITE: Final = "payments.write_receipts"  # the task of that name
RECEIPT_EVENTS: Final = frozenset({"payment.captured", "refund.succeeded"})


def queue_receipts(merchant: Merchant, events: Iterable[tuple[str, Payment | Refund | Chargeback]]) -> None:
    """Note a receipt for each payment captured and refund paid whose customer is known; a worker writes them.

    The worker looks the customer's address up: none is stored here.
    """
    if not merchant.mail_receipts:
        return
    due = dict.fromkeys(row.pk for kind, row in events if kind in RECEIPT_EVENTS and _has_customer(row))
    if due:
        bulk.insert([ReceiptDue(merchant_id=merchant.id, object_id=object_id) for object_id in due])
        task_queue.enqueue_on_commit(WRITE)


def _has_customer(row: Any) -> bool:
    return bool(getattr(row, "customer_id", None) or row.order.customer_id)

"""Owe customers their receipts, where the merchant wants them mailed: noted in the transaction of what they tell of."""

from collections.abc import Iterable
from typing import Any, Final

from payments.db import bulk
from payments.models import Chargeback, Merchant, Payment, ReceiptDue, Refund
from payments.runtime import task_queue

WRITE: Final = "payments.write_receipts"  # the task of that name
TOLD: Final = frozenset({"payment.captured", "refund.succeeded"})


def owe_receipts(merchant: Merchant, events: Iterable[tuple[str, Payment | Refund | Chargeback]]) -> None:
    """Note a receipt for each payment captured and refund paid whose customer is known; a worker writes them.

    Whether the customer has an address is looked up then: nothing of it stands here.
    """
    if not merchant.mail_receipts:
        return
    told = dict.fromkeys(row.pk for kind, row in events if kind in TOLD and _has_customer(row))
    if told:
        bulk.insert([ReceiptDue(merchant_id=merchant.id, object_id=object_id) for object_id in told])
        task_queue.enqueue_on_commit(WRITE)


def _has_customer(row: Any) -> bool:
    return bool(getattr(row, "customer_id", None) or row.order.customer_id)

"""Sales approved offline that a settlement shows to be paid are receivables from then on."""

from typing import Final

from django.utils import timezone

from payments.services.confirm import confirm
from payments.services.unit_of_work import UnitOfWork
from reconciliation.models import Settlement
from reconciliation.sql import settlements

ACTOR: Final = "system:reconciliation"
AT_ONCE: Final = 500


def confirm_settled(settlement: Settlement) -> None:
    """Confirm what is still provisional of a settlement, within the caller's transaction; repeating it is harmless."""
    pairs = settlements.provisional_payments(settlement.id)
    # In pieces, in one order: a settlement of a year locks thousands of orders, and its file holds them to its end.
    for start in range(0, len(pairs), AT_ONCE):
        some = pairs[start : start + AT_ONCE]
        uow = UnitOfWork(merchant=settlement.merchant, actor=ACTOR, now=timezone.now(), facts=True)
        uow.lock({order_id for _, order_id in some})
        confirm(uow, payments=[uow.payments[payment_id] for payment_id, _ in some], at=settlement.closed_at)
        uow.flush()

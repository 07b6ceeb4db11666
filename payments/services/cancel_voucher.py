"""Take back a voucher that nobody has used: its code was lost on the way, or it was made by mistake."""

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.accounting import voucher_entries
from payments.core.errors import Conflict
from payments.ledger import queries
from payments.models import Order, Voucher
from payments.services.idempotency import IdempotencyGuard
from payments.services.unit_of_work import UnitOfWork
from payments.services.voucher import is_usable
from payments.text.formatting import amount as written


def cancel_voucher(row: Voucher, *, actor: str, guard: IdempotencyGuard | None = None) -> Voucher:
    """Cancel a voucher and return it; what it was sold for can be given back on its order again.

    Raises:
        Conflict: `voucher_not_cancelable`: it was used, was made for a refund, or is over already.
    """
    with transaction.atomic():
        if guard is not None:
            guard.begin(row.id)
        uow = UnitOfWork(merchant=row.merchant, actor=actor, now=timezone.now())
        if row.order_id is not None:
            uow.lock([row.order_id])
        held = Voucher.objects.select_for_update().get(id=row.id)
        held.merchant = row.merchant
        _check(held, uow)
        order = uow.orders[row.order_id] if row.order_id is not None else None
        _give_up(uow, held, order)
        audit_log.write(actor=actor, action="voucher.canceled", subject=held, merchant_id=held.merchant_id)
        uow.flush()
    return held


def _give_up(uow: UnitOfWork, held: Voucher, order: Order | None) -> None:
    channel_id = order.channel_id if order is not None else None
    uow.book(voucher_entries.voucher_canceled(uow.merchant, held, channel_id, uow.now))
    if order is not None:
        uow.change(order, vouchers_sold=order.vouchers_sold - held.amount)
    uow.change(held, balance=0, status=Voucher.Status.CANCELED)


def _check(held: Voucher, uow: UnitOfWork) -> None:
    """Refuse what is somebody's: a holder has used it, or it was made for a refund."""
    if not is_usable(held, uow.now):
        raise Conflict("voucher_not_cancelable", f"This voucher is {held.status_at(uow.now)} already.")
    # The books know everything that ever happened to it, also what was put back since.
    booked = {entry.event for entry in queries.entries_about({held.item}).get(held.item, [])}
    if booked - {"voucher_given", "voucher_sold"}:
        left = written(held.balance, held.currency)
        detail = f"This voucher was used, or made for a refund: {left} belongs to whoever holds it."
        raise Conflict("voucher_not_cancelable", detail)

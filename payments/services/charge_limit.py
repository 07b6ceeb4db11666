"""The limit of every charge that we decide (API, pay page, voucher, cash, exchange): what the order still has to pay.

All of it is looked at under the order's lock, so that of many who ask at once no more pay than is due. What devices
and providers report is a fact, and passes none of this.
"""

from collections.abc import Iterable
from datetime import datetime

from payments.core.errors import Conflict, Invalid
from payments.models import Order, Payment
from payments.models.payment import PaymentStatus
from payments.queries.due import being_charged, due
from payments.services.unit_of_work import UnitOfWork
from payments.text.formatting import amount as written

LONGEST_WAIT = 60  # seconds, the longest Retry-After of a refusal


def change_total(uow: UnitOfWork, order: Order, total: int) -> None:
    """Give an order another total, in minor units of its currency.

    Raises:
        Invalid: `order_total_below_paid` (with `paid`), where more was paid and not given back.
    """
    # A lower total would make an order overpaid that nobody overpaid.
    if total < order.kept:
        raise Invalid(
            "order_total_below_paid",
            f"{written(order.kept, order.currency)} of this order was paid and not given back; its total cannot be "
            "less.",
            param="order_total",
            paid=order.kept,
            currency=order.currency,
        )
    if order.total != total:
        uow.change(order, total=total)


def check_due(uow: UnitOfWork, order: Order, amount: int, *, param: str = "amount") -> None:
    """Refuse to charge more than the order still has to pay; without a total there is no limit.

    Raises:
        Invalid: `amount_exceeds_due`, with what is `due`.
        Conflict: `payment_in_progress`, where only a charge that is under way right now is in between.
    """
    payments = payments_of(uow, order)
    left = due(order, payments)
    # `left` is what remains beside charges under way, `unpaid` what remains without them.
    if left is None or order.unpaid is None or amount <= left:
        return
    if amount <= order.unpaid:
        raise in_progress(being_charged(payments)[0], uow.now)
    shown = written(left, order.currency)
    raise Invalid(
        "amount_exceeds_due",
        f"{shown} is still due on this order; ask for no more than that." if left else "Nothing is due on this order.",
        param=param,
        due=left,
        currency=order.currency,
    )


def check_known(uow: UnitOfWork, order: Order) -> None:
    """Nobody is charged twice because nobody knows what became of the first charge.

    Raises:
        Conflict: `outcome_unknown`, with the payment and its age.
    """
    # Cash does not pass here: it is in the drawer, whatever became of the card.
    unknown = unknown_payments(uow, order)
    if unknown:
        raise Conflict(
            "outcome_unknown",
            "A payment on this order has an unknown outcome. Wait until it is known, take cash, or send "
            "acknowledge_unknown with the name of the person who decides and why.",
            payment=unknown[0].id,
            age_seconds=int((uow.now - unknown[0].created_at).total_seconds()),
        )


def unknown_payments(uow: UnitOfWork, order: Order) -> list[Payment]:
    """The order's payments of which nobody knows whether they were made, the oldest first."""
    unknown = (row for row in payments_of(uow, order) if row.status == PaymentStatus.UNKNOWN)
    return sorted(unknown, key=lambda row: row.id)


def in_progress(payment: Payment, now: datetime) -> Conflict:
    """The refusal while another charge is under way; the longer that one takes, the longer its Retry-After."""
    age = int((now - payment.created_at).total_seconds())
    return Conflict(
        "payment_in_progress",
        "Another payment of this order is being asked for right now. Look at it after Retry-After seconds: what it "
        "does not take can be asked for again.",
        retry_after=min(max(1, age), LONGEST_WAIT),
        payment=payment.id,
    )


def payments_of(uow: UnitOfWork, order: Order) -> Iterable[Payment]:
    """The order's payments, as the unit of work holds them."""
    return [row for row in uow.payments.values() if row.order_id == order.id]

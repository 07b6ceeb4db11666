"""What holds of an order and its payments whenever a unit of work is flushed, whatever transitions were made in it.

Three figures follow from the others: what facts took beyond what was paid (`excess`, over_returned), what was paid
beyond what the order costs (overpaid), and what captures and cancellations without an answer may still take. The first
two are open discrepancies while they are not zero.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Operation, Order, Payment
from payments.models.discrepancy import DiscrepancyKind
from payments.providers.base import Verb
from payments.text.messages import Value, message_columns

if TYPE_CHECKING:
    from payments.services.unit_of_work import UnitOfWork


def settle_excess(uow: "UnitOfWork") -> None:
    """What facts took beyond what was paid stays visible as `excess`; decisions never raise it."""
    for order in list(uow.orders.values()):
        excess = max(0, order.vouchers_sold - order.kept)
        if excess < order.excess or (excess > order.excess and uow.facts):
            _note_excess(uow, order, excess)
            uow.change(order, excess=excess)


def settle_given_back(uow: "UnitOfWork") -> None:
    """More given back than was paid with one payment opens a discrepancy, even if the order as a whole had more."""
    for payment in uow.changed(Payment):
        key, beyond = f"over_returned:{payment.id}", payment.over_returned
        if beyond and uow.facts and not payment.order.excess:
            uow.open_discrepancy(
                DiscrepancyKind.OVER_RETURNED,
                key,
                **message_columns(
                    gettext_noop("Payment {payment} gave back {excess} more than was paid with it."),
                    payment=payment.id,
                    excess=Money(beyond, payment.currency),
                ),
                payment=payment,
                amount=beyond,
                currency=payment.currency,
                channel_id=payment.channel_id,
            )
        elif not beyond and payment.id in uow.over_returned_before:
            uow.resolve_discrepancy(key)


def settle_overpaid(uow: "UnitOfWork") -> None:
    """What is paid beyond what an order costs is one discrepancy, resolved once it is no longer true."""
    for order_id, over in uow.overpaid(uow.orders).items():
        before = uow.overpaid_before.get(order_id, 0)
        if over != before:
            _note_overpaid(uow, uow.orders[order_id], over, is_more=over > before)


def settle_under_way(uow: "UnitOfWork") -> None:
    """What captures and cancellations without an answer may still take of what their payment holds."""
    changed = [row for row in uow.changed(Payment) if row.amount_under_way]
    held = [uow.payments[row.payment_id or ""] for row in uow.operations_of_held_payments()]
    touched = {row.id: row for row in (*changed, *held)}
    under_way: dict[str, list[Operation]] = {payment_id: [] for payment_id in touched}
    for operation in uow.operations_of(touched.values()):
        under_way[operation.payment_id or ""].append(operation)
    for payment in touched.values():
        takes = _takes(payment, under_way[payment.id])
        if takes != payment.amount_under_way:
            uow.change(payment, amount_under_way=takes)


def overpaid_key(order: Order) -> str:
    """Names the discrepancy of an order that was paid more than it costs."""
    return f"{DiscrepancyKind.OVERPAID}:{order.id}"


def _note_excess(uow: "UnitOfWork", order: Order, excess: int) -> None:
    key = f"over_returned:{order.id}"
    if not excess:
        uow.resolve_discrepancy(key)
    elif excess > order.excess:
        uow.open_discrepancy(
            DiscrepancyKind.OVER_RETURNED,
            key,
            **_excess_message(order, excess),
            payment=next((row for row in uow.payments.values() if row.order_id == order.id), None),
            amount=excess,
            currency=order.currency,
            channel_id=order.channel_id,
        )


def _excess_message(order: Order, excess: int) -> dict[str, Any]:
    shown: dict[str, Value] = {"order": str(order), "excess": Money(excess, order.currency)}
    if not order.vouchers_sold:
        return message_columns(gettext_noop("Order {order} gave back {excess} more than was paid."), **shown)
    text = gettext_noop(
        "Order {order} gave out {excess} more than was paid: {sold} was sold on it as vouchers, which stay good."
    )
    return message_columns(text, sold=Money(order.vouchers_sold, order.currency), **shown)


def _note_overpaid(uow: "UnitOfWork", order: Order, over: int, *, is_more: bool) -> None:
    key = overpaid_key(order)
    if not over:
        uow.resolve_discrepancy(key)
        return
    text, amount = gettext_noop("Order {order} has been paid {over} too much."), Money(over, order.currency)
    columns = {**message_columns(text, order=str(order), over=amount), "amount": over}
    uow.amend_discrepancy(key, **columns)
    if is_more:
        last = _paid_last(uow, order)
        channel_id = last.channel_id if last is not None else order.channel_id
        kind = DiscrepancyKind.OVERPAID
        uow.open_discrepancy(kind, key, payment=last, currency=order.currency, channel_id=channel_id, **columns)


def _paid_last(uow: "UnitOfWork", order: Order) -> Payment | None:
    """The payment that took the money which was too much: in this unit of work, else the latest."""
    taken = {row.id for row in uow.changed(Payment, "amount_captured")}
    rows = [row for row in uow.payments.values() if row.order_id == order.id and row.amount_captured]
    now = [row for row in rows if row.id in taken or row._state.adding]
    return max(now or rows, key=lambda row: (row.occurred_at, row.id), default=None)


def _takes(payment: Payment, under_way: Sequence[Operation]) -> int:
    """How much of what a payment holds these may take: a cancellation and a last capture leave nothing."""
    if any(row.final or row.verb == Verb.CANCEL for row in under_way):
        return payment.amount_held
    return min(payment.amount_held, sum(row.amount for row in under_way))

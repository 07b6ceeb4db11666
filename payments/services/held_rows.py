"""The rows a unit of work has locked or made: one copy of each, tied to one another."""

from collections.abc import Iterable
from typing import Final

from django.db import transaction

from payments.db.compiled_queries import CompiledQuery
from payments.models import Chargeback, ChargebackStep, Merchant, Order, Payment, Refund, RefundPart
from payments.queries.due import overpaid

_LOCKED_ORDERS: Final = CompiledQuery(lambda ids: Order.objects.select_for_update().filter(id__in=ids).order_by("id"))
_PAYMENTS: Final = CompiledQuery(
    lambda order_ids: (
        Payment.objects.filter(order_id__in=order_ids)
        .select_related("channel", "provider_account", "voucher")
        .order_by("id")
    )
)
_REFUNDS: Final = CompiledQuery(
    lambda order_ids: Refund.objects.filter(order_id__in=order_ids).select_related("channel").order_by("id")
)
_REFUND_PARTS: Final = CompiledQuery(
    lambda order_ids: (
        RefundPart.objects.filter(refund__order_id__in=order_ids)
        .select_related("voucher", "batch")
        .order_by("refund_id", "position")
    )
)


class HeldRows:
    """Orders of one merchant and what belongs to them.

    Two copies of one row would each miss the other's changes, so everything here points to the one that is held: a
    part to its refund, a refund and a payment to their order.
    """

    def __init__(self, *, merchant: Merchant) -> None:
        self.merchant = merchant
        self.orders: dict[str, Order] = {}
        self.payments: dict[str, Payment] = {}
        self.refunds: dict[str, Refund] = {}
        self.parts: dict[str, RefundPart] = {}
        self.chargebacks: dict[tuple[str, str], Chargeback] = {}  # by payment and the provider's reference
        self.steps: dict[str, list[ChargebackStep]] = {}  # by chargeback
        self.over_returned_before: set[str] = set()  # payments that had given back more than was paid with them
        self.overpaid_before: dict[str, int] = {}  # how much too much orders were paid when they were locked
        self._refunds_read: set[str] = set()  # orders

    def lock(self, order_ids: Iterable[str]) -> None:
        """Lock orders in id order and read their payments; every writer of a payment locks it by this."""
        wanted = sorted(set(order_ids) - self.orders.keys())
        if not wanted:
            return
        # In autocommit the lock would be gone again before the next statement, without an error.
        if not transaction.get_connection().in_atomic_block:
            raise RuntimeError("a unit of work is opened inside transaction.atomic()")
        # Orders first and by id: two units of work that need the same ones cannot deadlock.
        for order in _LOCKED_ORDERS(wanted):
            order.merchant = self.merchant
            self.orders[order.id] = order
        # Payments need no lock of their own: every writer holds their order's first, and they are read after that.
        for payment in _PAYMENTS(wanted):
            self.hold_payment(payment)
            if payment.over_returned:
                self.over_returned_before.add(payment.id)
        self.overpaid_before |= self.overpaid(wanted)

    def read_refunds(self) -> None:
        """Read the refunds of all held orders, and their parts, once; the orders' locks protect them, too."""
        wanted = self.orders.keys() - self._refunds_read
        if not wanted:
            return
        self._refunds_read |= wanted
        for refund in _REFUNDS(sorted(wanted)):
            refund.merchant, refund.order = self.merchant, self.orders[refund.order_id]
            self.hold_refund(refund)
        for part in _REFUND_PARTS(sorted(wanted)):
            part.refund = self.refunds[part.refund_id]
            part.payment = self.payments[part.payment_id] if part.payment_id else None
            self.hold_part(part)

    def overpaid(self, order_ids: Iterable[str]) -> dict[str, int]:
        """How much more was paid on each of these orders than it costs, in minor units."""
        payments: dict[str, list[Payment]] = {order_id: [] for order_id in order_ids}
        for payment in self.payments.values():
            if payment.order_id in payments:
                payments[payment.order_id].append(payment)
        return {order_id: overpaid(self.orders[order_id], rows) for order_id, rows in payments.items()}

    def hold_new_order(self, order: Order) -> None:
        """Hold an order that is made here: it has no refunds that could be read."""
        self.orders[order.id] = order
        self._refunds_read.add(order.id)

    def hold_payment(self, payment: Payment) -> None:
        """Hold a payment, tied to the one copy of its order."""
        payment.merchant = self.merchant
        payment.order = self.orders[payment.order_id]
        self.payments[payment.id] = payment

    def hold_refund(self, refund: Refund) -> None:
        """Hold a refund."""
        self.refunds[refund.id] = refund

    def hold_part(self, part: RefundPart) -> None:
        """Hold a part of a refund."""
        self.parts[part.id] = part

    def hold_chargeback(self, row: Chargeback) -> None:
        """Hold a chargeback under the name by which providers report it."""
        self.chargebacks[row.payment_id, row.provider_reference] = row

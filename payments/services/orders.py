"""Find the order a payment is for, or make it at its first use."""

from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from payments.core.errors import Invalid, wrong
from payments.db.compiled_queries import CompiledQuery
from payments.models import Channel, Order
from payments.people.models import Customer
from payments.services import sql
from payments.services.unit_of_work import UnitOfWork

_BY_ID: Final = CompiledQuery(
    lambda merchant_id, order_id: Order.objects.filter(merchant_id=merchant_id, id=order_id)  # of the merchant only
)
_BY_REFERENCE: Final = CompiledQuery(
    lambda merchant_id, namespace, reference: Order.objects.filter(
        merchant_id=merchant_id, namespace=namespace, reference=reference
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderName:
    """What a request calls an order: an id from any channel, or a reference in one namespace (None: the channel's)."""

    order_id: str | None = None
    reference: str | None = None
    namespace: str | None = None


def take_order(
    uow: UnitOfWork, *, channel: Channel, name: OrderName, currency: str, customer: Customer | None = None
) -> Order:
    """Lock the order and return it, as the customer's where it is nobody's yet.

    Two first uses of one reference at once make one order.

    Raises:
        Invalid: the id is unknown, or the order is in another currency.
    """
    if name.order_id is None:
        namespace = name.namespace or channel.namespace
        row = _new(uow, channel, namespace, name.reference, currency, customer)
        if _made(row):
            uow.hold_new_order(row)  # nobody else sees it before the commit: it is ours without a lock
            return row
        order = _BY_REFERENCE.first(uow.merchant.id, namespace, name.reference or "")
    else:
        order = _BY_ID.first(uow.merchant.id, name.order_id)
    if order is None:
        raise wrong("order", "not_found", "There is no such order.")
    if order.currency != currency:
        raise Invalid(
            "order_currency_differs",
            f"This order is in {order.currency}; use that currency or another order.",
            param="currency",
        )
    uow.lock([order.id])
    held = uow.orders[order.id]
    if customer is not None and held.customer_id is None:
        uow.change(held, customer=customer)
    return held


def _new(
    uow: UnitOfWork, channel: Channel, namespace: str, reference: str | None, currency: str, customer: Customer | None
) -> Order:
    return Order(
        merchant=uow.merchant,
        channel=channel,
        namespace=namespace,
        reference=reference,
        currency=currency,
        customer=customer,
        created_at=timezone.now(),
    )


def _made(row: Order) -> bool:
    columns = (row.id, row.merchant_id, row.channel_id, row.namespace, row.reference, row.customer_id, row.currency)
    made = sql.done(sql.MAKE_ORDER, [*columns, row.created_at])
    row._state.adding = not made
    return made

"""Find the order whose money goes back, by the reference that a shop, a till or a device calls it by.

One reference may name several orders: each namespace has its own. The order of the channel's own namespace is meant;
else, over the whole merchant, the only one of that reference to which the money to be given back fits. Of several,
nobody guesses.
"""

from collections.abc import Sequence

from payments import payloads
from payments.core.errors import Fault, Invalid, ValidationFailed
from payments.models import Channel, Order


def order_to_refund(*, channel: Channel, reference: str, amount: int | None) -> Order:
    """The order that a refund in this channel means; no amount is all that is refundable.

    Raises:
        ValidationFailed: `not_found`, no order of this merchant has such a reference.
        Invalid: `order_ambiguous` (with `candidates`), several have it.
    """
    rows = Order.objects.filter(merchant_id=channel.merchant_id, reference=reference)
    found = list(rows.select_related("merchant", "channel").order_by("id"))
    fitting = meant(found, namespace=channel.namespace, amount=amount)
    # The amount narrows the choice; it never widens it: of two that fit, nobody guesses.
    if len(fitting) == 1:
        return fitting[0]
    if len(found) == 1:
        return found[0]  # the amount is too high: the refusal to come says what is left
    if found:
        raise _ambiguous(fitting or found)
    detail = "No order of this merchant has this reference. Check it, or send the order's id."
    raise ValidationFailed([Fault("order_reference", "not_found", detail)])


def meant(orders: Sequence[Order], *, namespace: str, amount: int | None, currency: str | None = None) -> list[Order]:
    """Of a merchant's orders of one reference, those that may be meant: one, several (nobody knows), or none.

    The one of the own namespace is meant whatever is left on it; another only where currency and amount fit what is
    refundable there.
    """
    own = [order for order in orders if order.namespace == namespace]
    return own or [
        order
        for order in orders
        if currency in (None, order.currency)
        and order.refundable >= (amount or 1)  # without an amount at least something must be left
    ]


def _ambiguous(orders: Sequence[Order]) -> Invalid:
    return Invalid(
        "order_ambiguous",
        "Several orders have this reference, each in a namespace of its own. Send order with the id of the right one.",
        param="order_reference",
        candidates=[
            {
                **payloads.order_ref(order),
                "channel": payloads.channel_ref(order.channel),
                "currency": order.currency,
                "amount_refundable": order.refundable,
                "created_at": payloads.instant(order.created_at),
            }
            for order in orders
        ],
    )

"""Orders: the whole story of what one customer owes, over all channels."""

from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.request import Request

from payments import payloads
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import ORDER, page_of
from payments.api.views import ApiView
from payments.core.input_types import number_of_query, text
from payments.core.inputs import Together
from payments.models import Order
from payments.queries import orders as queries
from payments.queries.due import due
from payments.queries.happening import Happening
from payments.queries.orders import Story, oldest_in_doubt
from payments.queries.timeline import timeline

Shape = dict[str, Any]


class OrdersQuery(Paging):
    """An order's name, or what its customer brings to a counter."""

    rules = (Together(("terminal", "sequence")),)

    reference: Annotated[str, text(64)] | None = None
    """Your own number of the order, in any namespace."""
    namespace: Annotated[str, text(64)] | None = None
    """Only orders of this namespace."""
    invoice_reference: Annotated[str, text(64)] | None = None
    """Only the orders that this invoice asks for."""
    receipt: Annotated[str, text(40)] | None = None
    """Number on the customer's receipt."""
    card_fingerprint: Annotated[str, text(255)] | None = None
    """Fingerprint of a card with which the order was paid."""
    customer: Annotated[str, text(64)] | None = None
    """The customer's `cus_…` id, or your own reference."""
    payment: Annotated[str, text(64)] | None = None
    """The order of this payment, by its id."""
    terminal: Annotated[str, text(64)] | None = None
    """Id of the terminal that posted a payment; goes with `sequence`."""
    sequence: Annotated[int, number_of_query(least=1)] | None = None
    """Number of that transaction at the terminal; goes with `terminal`."""


class Orders(ApiView):
    """All orders of a merchant."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read"}

    @described("list_orders", "Orders, newest first", {200: page_of(ORDER)}, query=OrdersQuery, tag="Orders")
    def get(self, request: Request) -> HttpResponse:
        """Find orders by your own reference or by what a customer brings to a counter. Several channels may use one
        reference, so the answer is a list.
        """
        query = self.query(OrdersQuery)
        return self.page_of(queries.orders(self.caller.merchant_id, query.given()), order_shapes, query)


class OneOrder(ApiView):
    """One order."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read"}

    @described("get_order", "One order and its whole story", {200: ORDER}, refusals=[404], tag="Orders")
    def get(self, request: Request, order_id: str) -> HttpResponse:
        """Return an order over all channels: what is paid, given back and `due`, and its timeline. An order is paid
        when `due` is 0; one captured payment may be only a part of it.
        """
        self.no_query()
        return self.answer(order_shapes([self.one(queries.orders(self.caller.merchant_id), id=order_id)])[0])


def order_shapes(rows: list[Order]) -> list[Shape]:
    """Orders as they look to the outside, with all that happened to them."""
    return [_order(story) for story in queries.stories(rows)]


def _order(story: Story) -> Shape:
    row = story.order
    return {
        "id": row.id,
        "object": row.OBJECT,
        "reference": row.reference,
        "namespace": row.namespace,
        "invoice_reference": row.invoice_reference,
        "channel": payloads.channel_ref(row.channel),
        "total": row.total,
        "currency": row.currency,
        "paid": row.captured,
        "refunded": row.refunded,
        "charged_back": row.charged_back,
        "refundable": row.refundable,
        "due": due(row, story.payments),
        "customer": row.customer_id,
        "payments": [payloads.payment(payment) for payment in story.payments],
        "refunds": [payloads.refund(refund) for refund in story.refunds],
        "chargebacks": [payloads.chargeback(chargeback) for chargeback in story.chargebacks],
        "outcome_unknown": _in_doubt(story),
        "timeline": [_happening(line) for line in timeline(story)],
        "created_at": payloads.instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def _in_doubt(story: Story) -> Shape | None:
    """The oldest payment whose outcome nobody knows: until it is settled, no other charge is taken beside it."""
    oldest = oldest_in_doubt(story.payments)
    if oldest is None:
        return None
    age = timezone.now() - oldest.created_at
    return {"payment": oldest.id, "amount": oldest.amount, "age_seconds": int(age.total_seconds())}


def _happening(line: Happening) -> Shape:
    return {
        "at": payloads.instant(line.at),
        "type": line.type,
        "channel": payloads.channel_ref(line.channel),
        "actor": line.actor,
        "amount": line.amount,
        "currency": line.currency,
        "object": {"id": line.object_id, "type": line.object_type},
        "operator": line.operator or None,
        "reason": line.reason or line.cause or None,
    }

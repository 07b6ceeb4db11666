"""Customers: everything bought anywhere, and being forgotten."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.openapi import described
from payments.api.orders import order_shapes
from payments.api.schemas import (
    CURRENCY,
    FLAG,
    INSTANT,
    MINOR_UNITS,
    ORDER,
    ORDER_REF,
    TEXT,
    define,
    identifier,
    many,
    maybe,
    record,
    word,
    words,
)
from payments.api.views import ApiView
from payments.models import Order
from payments.people.models import Customer
from payments.queries import orders as queries
from payments.queries.same_card import Tied, not_of, of_customer, same_card
from payments.services.forget_customer import forget_customer

MOST_ORDERS = 100  # the latest; all of them are in GET /v1/orders?customer=
CUSTOMER = define(
    "Customer",
    record(
        id=identifier("cus"),
        object=word("customer"),
        reference=maybe(TEXT),
        loyalty_id=maybe(TEXT),
        email=maybe(TEXT),
        name=maybe(TEXT),
        orders=many(ORDER),
        has_more_orders=FLAG,
        same_card=many(
            record(
                payment=identifier("pay"),
                order=ORDER_REF,
                amount=MINOR_UNITS,
                currency=CURRENCY,
                occurred_at=INSTANT,
                by=words(["par", "fingerprint"]),
            )
        ),
        erased_at=maybe(INSTANT),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


class OneCustomer(ApiView):
    """One customer by the merchant's reference or by our id: one known by an e-mail address only has no reference."""

    scopes: ClassVar[dict[str, str]] = {"GET": "customers:read", "DELETE": "customers:write"}

    @described("get_customer", "A customer and all orders", {200: CUSTOMER}, refusals=[404], tag="Customers")
    def get(self, request: Request, reference: str) -> HttpResponse:
        """Return a customer with everything bought in any channel, and beside it, where the merchant ties cards, what
        others paid with the same cards.
        """
        self.no_query()
        row = self._named(reference)
        found = queries.orders(row.merchant_id, {"customer": row.id}).order_by("-id")[: MOST_ORDERS + 1]
        tied = same_card(list(of_customer(self.merchant, row.id)), merchant=self.merchant, seen=not_of(row.id))
        return self.answer(_customer(row, list(found), tied, test_mode=self.caller.test_mode))

    @described("erase_customer", "Forget a customer", {204: None}, refusals=[404], tag="Customers")
    def delete(self, request: Request, reference: str) -> HttpResponse:
        """Erase name, address and reference of a customer for good; orders and bookings stay, without a person."""
        self.no_query()
        row = self._named(reference)
        forget_customer(customer_id=row.id, merchant_id=row.merchant_id, actor=self.caller.actor)
        return HttpResponse(status=204)

    def _named(self, reference: str) -> Customer:
        rows = self.own(Customer.objects.all(), channel=None)
        if reference.startswith("cus_") and (row := rows.filter(id=reference.replace("\0", "")).first()):
            return row
        return self.one(rows, reference=reference)


def _tied(found: Tied) -> dict[str, Any]:
    """A payment by a card that the customer paid with as well: not theirs for that, and in no order of theirs."""
    payment = found.payment
    return {
        "payment": payment.id,
        "order": payloads.order_ref(payment.order),
        "amount": payment.amount,
        "currency": payment.currency,
        "occurred_at": payloads.instant(payment.occurred_at),
        "by": found.by,
    }


def _customer(row: Customer, orders: list[Order], tied: Sequence[Tied], *, test_mode: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": row.OBJECT,
        "reference": row.reference,
        "loyalty_id": row.loyalty_id,
        "email": row.email or None,
        "name": row.name or None,
        "orders": order_shapes(orders[:MOST_ORDERS]),
        "has_more_orders": len(orders) > MOST_ORDERS,
        "same_card": [_tied(each) for each in tied],
        "erased_at": payloads.instant(row.erased_at),
        "created_at": payloads.instant(row.created_at),
        "test_mode": test_mode,
    }

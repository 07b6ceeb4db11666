"""Customers: everything bought anywhere, and being forgotten."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.openapi import described
from payments.api.orders import order_shapes
from payments.api.schemas import FLAG, INSTANT, ORDER, TEXT, define, identifier, many, maybe, record, word
from payments.api.views import ApiView
from payments.models import Order
from payments.people.models import Customer
from payments.people.services import customers
from payments.queries import orders as queries

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
        """Return a customer with everything bought in any channel."""
        self.no_query()
        row = self._named(reference)
        found = queries.orders(row.merchant_id, {"customer": row.id}).order_by("-id")[: MOST_ORDERS + 1]
        return self.answer(_customer(row, list(found), test_mode=self.caller.test_mode))

    @described("erase_customer", "Forget a customer", {204: None}, refusals=[404], tag="Customers")
    def delete(self, request: Request, reference: str) -> HttpResponse:
        """Erase name, address and reference of a customer for good; orders and bookings stay, without a person."""
        self.no_query()
        row = self._named(reference)
        customers.forget(customer_id=row.id, merchant_id=row.merchant_id, actor=self.caller.actor)
        return HttpResponse(status=204)

    def _named(self, reference: str) -> Customer:
        rows = self.own(Customer.objects.all(), channel=None)
        if reference.startswith("cus_") and (row := rows.filter(id=reference.replace("\0", "")).first()):
            return row
        return self.one(rows, reference=reference)


def _customer(row: Customer, orders: list[Order], *, test_mode: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": row.OBJECT,
        "reference": row.reference,
        "loyalty_id": row.loyalty_id,
        "email": row.email or None,
        "name": row.name or None,
        "orders": order_shapes(orders[:MOST_ORDERS]),
        "has_more_orders": len(orders) > MOST_ORDERS,
        "erased_at": payloads.instant(row.erased_at),
        "created_at": payloads.instant(row.created_at),
        "test_mode": test_mode,
    }

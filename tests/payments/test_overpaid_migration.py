"""What older versions opened per payment becomes one discrepancy an order, if it is true at all."""

from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from payments.models import Discrepancy, Order
from tests.builders import Shop, open_shop

pytestmark = pytest.mark.django_db(transaction=True)


def opened_as_before(order: Order, amount: int) -> Discrepancy:
    payment = order.payments.order_by("id").last()
    assert payment is not None
    return Discrepancy.objects.create(
        merchant=order.merchant,
        kind="overpaid",
        key=f"overpaid:{order.id}:{payment.id}x{amount}",
        payment=payment,
        amount=amount,
        currency="EUR",
        created_at=timezone.now(),
    )


def test_only_what_is_true_stays_open_under_its_orders_name() -> None:
    shop: Shop = open_shop()
    twice = shop.pin(4_000, order_reference="TILL-1").order
    shop.pin(4_000, order=twice)
    shop.pin(4_000, order=twice)
    again = shop.pin(4_000, order_reference="TILL-2").order
    shop.pin_back(4_000, again.payments.get())
    shop.pin(4_000, order=again)
    Discrepancy.objects.all().delete()
    first, second, false = (
        opened_as_before(twice, 4_000),
        opened_as_before(twice, 8_000),
        opened_as_before(again, 4_000),
    )
    sql: Any = import_module("payments.migrations.0017_overpaid_per_order")
    with connection.cursor() as cursor:
        cursor.execute(sql.CLOSE_AND_NAME)
    for row in (first, second, false):
        row.refresh_from_db()
    assert (second.status, second.key, second.amount) == ("open", f"overpaid:{twice.id}", 8_000)
    assert (first.status, false.status) == ("resolved", "resolved")
    assert false.resolution == {"action": "explained"}

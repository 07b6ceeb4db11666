"""What was sold as vouchers on an order can no longer be given back beside them; where that happened, finance is told."""

from typing import Any


from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models
from django.db.models import F

import payments.db.fields
from payments.core.ids import new_id
from payments.core.money import Money

SOLD = """
UPDATE payments_order o SET vouchers_sold = v.sold
FROM (SELECT order_id, sum(amount) AS sold FROM payments_voucher WHERE order_id IS NOT NULL GROUP BY 1) v
WHERE v.order_id = o.id
"""
EXCESS = """
UPDATE payments_order SET excess = refunded + refund_reserved + charged_back + vouchers_sold - captured
WHERE vouchers_sold > 0 AND refunded + refund_reserved + charged_back + vouchers_sold - captured > excess
"""
NOW = "SET CONSTRAINTS ALL IMMEDIATE"


def tell(apps: Any, schema_editor: Any) -> None:
    """Open a discrepancy for each order that gave out more than was paid, unless one stands."""
    alias = schema_editor.connection.alias
    orders = apps.get_model("payments", "Order").objects.using(alias)
    discrepancies = apps.get_model("payments", "Discrepancy").objects.using(alias)
    for order in orders.filter(vouchers_sold__gt=0, excess__gt=0):
        key = f"over_returned:{order.id}"
        if discrepancies.filter(merchant_id=order.merchant_id, key=key).exclude(status="resolved").exists():
            continue
        excess, name = Money(order.excess, order.currency), order.reference or order.id
        discrepancies.create(
            id=new_id("dsc"),
            merchant_id=order.merchant_id,
            kind="over_returned",
            key=key,
            amount=order.excess,
            currency=order.currency,
            channel_id=order.channel_id,
            detail=f"Order {name} gave out {excess} more than was paid, with vouchers that were sold on it.",
        )


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0021_bank_transfers"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="vouchers_sold",
            field=payments.db.fields.AmountField(db_default=0, default=0, verbose_name="sold as vouchers"),
        ),
        migrations.RunSQL(SOLD, migrations.RunSQL.noop),
        migrations.RunSQL(EXCESS, migrations.RunSQL.noop),
        migrations.RunPython(tell, migrations.RunPython.noop),
        migrations.RunSQL(NOW, migrations.RunSQL.noop),
        migrations.RemoveConstraint(model_name="order", name="order_never_returns_more"),
        AddConstraintNotValid(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    captured__gte=F("refunded")
                    + F("refund_reserved")
                    + F("charged_back")
                    + F("vouchers_sold")
                    - F("excess")
                ),
                name="order_never_returns_more",
            ),
        ),
    ]

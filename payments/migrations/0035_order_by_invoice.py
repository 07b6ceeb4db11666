"""Find orders by their invoice, without a lock that a sale would wait for."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0034_invoice_reference")]

    operations = [
        AddIndexConcurrently(
            "order",
            models.Index(
                fields=["merchant", "invoice_reference", "-id"],
                name="order_invoice",
                condition=models.Q(("invoice_reference__isnull", False)),
            ),
        ),
    ]

"""Find what stands in the way of a day's closing without reading all sales and refunds."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0027_close_threshold")]

    operations = [
        AddIndexConcurrently(
            "payment",
            models.Index(
                fields=["merchant", "business_day"],
                name="payment_provisional",
                condition=models.Q(("provisional", True)),
            ),
        ),
        AddIndexConcurrently(
            "refundpart",
            models.Index(fields=["refund"], name="refund_part_unknown", condition=models.Q(("status", "unknown"))),
        ),
    ]

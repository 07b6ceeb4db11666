"""Sort payments and refunds by when they happened, within their business day, without reading all of them."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0044_more_roles")]

    operations = [
        AddIndexConcurrently(
            "payment", models.Index(fields=["-business_day", "-occurred_at", "-id"], name="payment_by_time")
        ),
        AddIndexConcurrently(
            "refund", models.Index(fields=["-business_day", "-occurred_at", "-id"], name="refund_by_time")
        ),
    ]

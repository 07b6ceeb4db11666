"""Count the payments with an unknown outcome on every page, without reading the others."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0045_payments_by_time")]

    operations = [
        AddIndexConcurrently(
            "payment",
            models.Index(fields=["merchant"], name="payment_unknown", condition=models.Q(("status", "unknown"))),
        ),
    ]

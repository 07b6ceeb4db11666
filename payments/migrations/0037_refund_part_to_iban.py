"""Find what one bank account was given without reading all parts of refunds."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0036_refund_rules")]

    operations = [
        AddIndexConcurrently(
            "refundpart",
            models.Index(
                fields=["iban_hash"], name="refund_part_to_iban", condition=models.Q(("iban_hash", ""), _negated=True)
            ),
        ),
    ]

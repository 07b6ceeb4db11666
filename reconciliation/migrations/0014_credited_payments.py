"""Payments that a provider credits by themselves: the bank lines are found by their operation."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the index is built beside the running version's inserts

    dependencies = [
        ("reconciliation", "0013_periods"),
    ]

    operations = [
        migrations.AlterField(
            model_name="bankstatementline",
            name="state",
            field=models.CharField(
                choices=[
                    ("payout", "payout"),
                    ("refund", "refund by bank transfer"),
                    ("payment", "payment credited by itself"),
                    ("suspense", "unknown, from a provider"),
                    ("repeated", "booked before"),
                    ("other", "not ours to explain"),
                ],
                max_length=8,
                verbose_name="state",
            ),
        ),
        AddIndexConcurrently(
            model_name="bankstatementline",
            index=models.Index(
                condition=models.Q(("operation_id__isnull", False)), fields=["operation_id"], name="bank_line_operation"
            ),
        ),
    ]

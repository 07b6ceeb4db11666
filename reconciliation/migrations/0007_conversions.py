"""A settlement's line may be one side of a change of currency. Reversible: the choices are Python's."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0006_providers"),
    ]

    operations = [
        migrations.AlterField(
            model_name="settlementline",
            name="type",
            field=models.CharField(
                choices=[
                    ("sale", "sale"),
                    ("refund", "refund"),
                    ("refund_failed", "refund failed"),
                    ("reversal", "reversal"),
                    ("chargeback", "chargeback"),
                    ("chargeback_reversal", "chargeback reversal"),
                    ("fee", "fee"),
                    ("reserve_hold", "reserve hold"),
                    ("reserve_release", "reserve release"),
                    ("balance_carried", "balance carried"),
                    ("rounding", "rounding"),
                    ("conversion", "currency conversion"),
                    ("payout_returned", "payout returned"),
                    ("confirmed", "confirmed"),
                    ("declined", "declined"),
                ],
                max_length=20,
                verbose_name="type",
            ),
        ),
    ]

"""What settlements of payment providers bring: parts of a fee, balances carried over and roundings.

Reversible, and safe beside the running version: it adds columns that may be empty, and the choices are Python's.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0005_evidence"),
    ]

    operations = [
        migrations.AddField(
            model_name="settlementline",
            name="fee_parts",
            field=models.JSONField(blank=True, null=True, verbose_name="parts of the fee"),
        ),
        migrations.AddField(
            model_name="settlementline",
            name="order_reference",
            field=models.CharField(blank=True, db_default="", default="", max_length=255, verbose_name="order"),
        ),
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
                    ("payout_returned", "payout returned"),
                    ("confirmed", "confirmed"),
                    ("declined", "declined"),
                ],
                max_length=20,
                verbose_name="type",
            ),
        ),
    ]

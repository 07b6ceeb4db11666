"""A rule for several transfers that are several payouts together."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0026_paid_invoices"),
    ]

    operations = [
        migrations.AlterField(
            model_name="matchingrule",
            name="rule",
            field=models.CharField(
                choices=[
                    ("operation", "by our own number"),
                    ("reference", "by the provider's reference"),
                    ("card_present", "by the terminal's numbers"),
                    ("payment", "by the payment's reference and the amount"),
                    ("order", "by the order's reference and the amount"),
                    ("payment_only", "by the payment's reference alone"),
                    ("amount_day_card", "by amount, day and card"),
                    ("parts", "in parts"),
                    ("day_total", "as a day's total"),
                    ("batch", "as a batch"),
                    ("payout_set", "one transfer for several payouts"),
                    ("payout_parts", "several transfers for one payout"),
                    ("payout_batch", "several transfers for several payouts"),
                ],
                max_length=16,
                verbose_name="rule",
            ),
        ),
    ]

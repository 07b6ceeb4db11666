"""By which rule a line was matched, or why it was not."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0009_bank_accounts")]

    operations = [
        migrations.AddField(
            model_name="settlementline",
            name="rule",
            field=models.CharField(
                blank=True,
                choices=[
                    ("operation", "by our own number"),
                    ("reference", "by the provider's reference"),
                    ("card_present", "by the terminal's numbers"),
                    ("payment", "by the payment's reference and the amount"),
                    ("order", "by the order's reference and the amount"),
                    ("payment_only", "by the payment's reference alone"),
                    ("parts", "in parts"),
                    ("by_hand", "by a person"),
                    ("ambiguous", "several fit"),
                    ("contradicts", "contradicts itself"),
                    ("sign", "wrong sign"),
                ],
                db_default="",
                default="",
                max_length=16,
                verbose_name="matched",
            ),
        ),
    ]

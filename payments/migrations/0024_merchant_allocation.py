"""Which payments of an order give back first, by the merchant's choice."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0023_vouchers_sold_checked")]

    operations = [
        migrations.AddField(
            "merchant",
            "allocation",
            models.CharField(
                choices=[("last_paid_first", "the last payment first"), ("proportional", "all in proportion")],
                db_default="last_paid_first",
                default="last_paid_first",
                max_length=15,
                verbose_name="refunds are spread over payments",
            ),
        ),
    ]

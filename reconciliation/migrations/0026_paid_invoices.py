"""A document of a connector may be the payment of an invoice, which it names."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0025_bank_lines_by_day")]

    operations = [
        migrations.AddField(
            "connectordocument",
            "invoice",
            models.CharField(blank=True, db_default="", default="", max_length=64, verbose_name="invoice"),
        ),
        migrations.AlterField(
            "connectordocument",
            "kind",
            models.CharField(
                choices=[("journal", "journal"), ("statement", "statement"), ("payment", "payment of an invoice")],
                max_length=9,
                verbose_name="kind",
            ),
        ),
    ]

"""An order names the invoice that it pays."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0033_tills")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="invoice_reference",
            field=models.CharField(blank=True, max_length=64, null=True, verbose_name="invoice"),
        ),
    ]

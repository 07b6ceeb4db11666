"""A view of the parts of refunds for those who make bank transfers; nothing changes in the database."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payments", "0020_order_by_reference")]

    operations = [
        migrations.CreateModel(
            name="BankTransfer",
            fields=[],
            options={
                "verbose_name": "bank transfer",
                "verbose_name_plural": "bank transfers",
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("payments.refundpart",),
        ),
    ]

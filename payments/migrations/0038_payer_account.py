"""The account that a payment came from, where its method tells it."""

import payments.core.crypto
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0037_refund_part_to_iban"),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="payer_account",
            field=payments.core.crypto.EncryptedTextField(blank=True, editable=False, null=True),
        ),
    ]

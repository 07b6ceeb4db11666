"""Find the accounts of payers that are to be forgotten without reading all payments."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0038_payer_account")]

    operations = [
        AddIndexConcurrently(
            "payment",
            models.Index(fields=["id"], name="payment_payer", condition=models.Q(("payer_account__isnull", False))),
        ),
    ]

"""Find payments by the reference of the account behind their card, without a lock that a sale would wait for."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0042_tie_cards")]

    operations = [
        AddIndexConcurrently(
            "payment",
            models.Index(
                fields=["merchant", "card_par"],
                name="payment_by_par",
                condition=models.Q(("card_par__isnull", False)),
            ),
        ),
    ]

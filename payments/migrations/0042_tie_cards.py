"""Whether a merchant ties payments by one card: off until somebody decides it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0041_retourpin_limits")]

    operations = [
        migrations.AddField(
            model_name="merchant",
            name="tie_cards",
            field=models.BooleanField(db_default=False, default=False, verbose_name="payments by one card are tied"),
        ),
    ]

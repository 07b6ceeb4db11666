from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0019_debited_batches"),
    ]

    operations = [
        migrations.AlterField(
            model_name="bankstatementline",
            name="state",
            field=models.CharField(
                choices=[
                    ("payout", "payout"),
                    ("refund", "refund by bank transfer"),
                    ("payment", "payment credited by itself"),
                    ("deposit", "cash from a till"),
                    ("suspense", "unknown, from a provider"),
                    ("repeated", "booked before"),
                    ("other", "not ours to explain"),
                ],
                max_length=8,
                verbose_name="state",
            ),
        ),
    ]

"""How many bank days a provider's contract says there are from a sale to its payout."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0029_fiscal_year_start")]

    operations = [
        migrations.AddField(
            "provideraccount",
            "payout_days",
            models.PositiveSmallIntegerField(
                blank=True,
                help_text="As the contract says; what its last payouts took counts before it.",
                null=True,
                verbose_name="bank days from a sale to its payout",
            ),
        ),
    ]

"""In which month a merchant's financial year begins, as its audit files say."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0028_in_the_way_of_closing")]

    operations = [
        migrations.AddField(
            "merchant",
            "fiscal_year_start",
            models.PositiveSmallIntegerField(
                db_default=1,
                default=1,
                help_text="1 is January.",
                verbose_name="financial year begins in month",
            ),
        ),
        migrations.AddConstraint(
            "merchant",
            models.CheckConstraint(
                condition=models.Q(fiscal_year_start__range=(1, 12)), name="merchant_fiscal_year_start"
            ),
        ),
    ]

"""With how much of open differences a merchant's day may still be closed."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0026_sign_differs")]

    operations = [
        migrations.AddField(
            "merchant",
            "close_threshold",
            models.BigIntegerField(
                db_default=0,
                default=0,
                help_text="In minor units, all of the channel together.",
                verbose_name="open differences with which a day may still be closed, at most",
            ),
        ),
    ]

"""Channels that number their orders, and the addresses of their apps."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0013_decides_alone")]

    operations = [
        migrations.AddField(
            "channel",
            "numeric_references",
            models.BooleanField(
                default=False,
                db_default=False,
                help_text="Order references of digits alone are never taken for card numbers.",
                verbose_name="numbers its orders",
            ),
        ),
        migrations.AddField(
            "channel",
            "return_schemes",
            django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=40),
                blank=True,
                default=list,
                db_default=[],
                size=None,
                verbose_name="addresses of its apps",
            ),
        ),
    ]

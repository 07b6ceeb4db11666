"""The chain over the rows that stay."""

import django.contrib.postgres.fields
from django.db import migrations, models

from payments.db import rights


class Migration(migrations.Migration):
    dependencies = [("ledger", "0006_stays")]
    operations = [
        migrations.CreateModel(
            name="ChainBlock",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "table_name", "number", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("table_name", models.CharField(db_collation="C", max_length=63)),
                ("number", models.IntegerField()),
                ("through", models.TextField()),
                ("ids", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("hashes", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("digest", models.CharField(max_length=64)),
                ("made_at", models.DateTimeField()),
            ],
            options={"verbose_name": "block of the chain", "verbose_name_plural": "blocks of the chain"},
        ),
        *rights.keep("ledger_chainblock"),
    ]

"""A merchant's own descriptions of files in columns: a new table. Reversible, and safe beside the running version."""

import django.db.models.deletion
import django.utils.timezone
import functools
import payments.core.ids
import payments.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0025_discrepancy_message"),
        ("reconciliation", "0007_conversions"),
    ]

    operations = [
        migrations.CreateModel(
            name="FileMapping",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("map",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                ("definition", models.JSONField(verbose_name="mapping")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.merchant",
                        verbose_name="merchant",
                    ),
                ),
                (
                    "provider_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.provideraccount",
                        verbose_name="provider account",
                    ),
                ),
            ],
            options={
                "verbose_name": "file mapping",
                "verbose_name_plural": "file mappings",
                "constraints": [models.UniqueConstraint(fields=("merchant", "name"), name="file_mapping_name")],
            },
        ),
    ]

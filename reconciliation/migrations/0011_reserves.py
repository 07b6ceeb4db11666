"""A reserve's hold and release, found by their reference without reading every other line."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the index is built beside the running version's inserts
    dependencies = [("reconciliation", "0010_rules")]

    operations = [
        AddIndexConcurrently(
            "settlementline",
            models.Index(
                fields=["reference"],
                name="settlement_line_reserve",
                condition=models.Q(type__in=["reserve_hold", "reserve_release"]),
            ),
        ),
    ]

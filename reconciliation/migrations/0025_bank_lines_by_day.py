"""Sort bank lines by the day on which they were booked without reading all of them."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("reconciliation", "0024_rules_for_several")]

    operations = [
        AddIndexConcurrently("bankstatementline", models.Index(fields=["-booked_on", "-id"], name="bank_line_by_day")),
    ]

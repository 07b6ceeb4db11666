"""The fold moves changes into totals: it needs no cursor."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [migrations.DeleteModel(name="StatisticCursor")]

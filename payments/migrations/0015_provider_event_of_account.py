"""The last event of each provider account, found without reading the others."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the index is built beside the running version's inserts
    dependencies = [("payments", "0014_channel_references")]

    operations = [
        AddIndexConcurrently(
            "providerevent", models.Index(fields=["provider_account", "-id"], name="provider_event_of_account")
        ),
    ]

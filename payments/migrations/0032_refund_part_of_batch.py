"""Find the transfers of a batch without reading all parts of refunds."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0031_transfer_batches")]

    operations = [
        AddIndexConcurrently(
            "refundpart",
            models.Index(fields=["batch"], name="refund_part_of_batch", condition=models.Q(("batch__isnull", False))),
        ),
    ]

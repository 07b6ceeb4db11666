"""A bank debits a batch of refund transfers as one."""

import payments.db.fields
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("reconciliation", "0018_mappings_of_bank_accounts"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankstatementline",
            name="transfer_batch_id",
            field=payments.db.fields.IdField(
                blank=True, db_collation="C", max_length=30, null=True, verbose_name="transfer batch"
            ),
        ),
    ]

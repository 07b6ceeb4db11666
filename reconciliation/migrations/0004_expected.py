"""What the books have of a movement that no operation is, where its settlement has another amount."""

from django.db import migrations

import payments.db.fields


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0003_words")]
    operations = [
        migrations.AddField(
            model_name="settlementline",
            name="expected",
            field=payments.db.fields.AmountField(blank=True, null=True),
        ),
    ]

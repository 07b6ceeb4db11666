"""The field `said` is called `message`; its column stays, so nothing happens in the database."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0024_merchant_allocation")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    "discrepancy",
                    "said",
                    models.JSONField(blank=True, db_column="said", editable=False, null=True),
                ),
                migrations.RenameField("discrepancy", "said", "message"),
            ]
        )
    ]

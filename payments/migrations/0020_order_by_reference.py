"""Let the unique index of order references also find one reference in every namespace.

The new index is built while orders go on being written, and takes the old one's place under its name in one statement.
"""

from django.db import migrations, models


def _in_this_order(*columns: str) -> list[str]:
    return [
        "DROP INDEX CONCURRENTLY IF EXISTS order_reference_next",  # of a run that was broken off
        f"CREATE UNIQUE INDEX CONCURRENTLY order_reference_next ON payments_order ({', '.join(columns)})",
        "ALTER TABLE payments_order DROP CONSTRAINT order_reference, "
        "ADD CONSTRAINT order_reference UNIQUE USING INDEX order_reference_next",
    ]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("payments", "0019_evidence_stays")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    _in_this_order("merchant_id", "reference", "namespace"),
                    _in_this_order("merchant_id", "namespace", "reference"),
                )
            ],
            state_operations=[
                migrations.RemoveConstraint("order", "order_reference"),
                migrations.AddConstraint(
                    "order",
                    models.UniqueConstraint(fields=("merchant", "reference", "namespace"), name="order_reference"),
                ),
            ],
        )
    ]

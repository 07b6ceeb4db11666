"""Find what is booked on a later day than it happened, without reading the whole journal."""

from django.db import migrations


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("ledger", "0008_days_of_branches")]

    operations = [
        migrations.RunSQL(
            [
                "DROP INDEX CONCURRENTLY IF EXISTS ledger_entry_late",  # of a run that was broken off
                "CREATE INDEX CONCURRENTLY ledger_entry_late ON ledger_journalentry (merchant_id, occurred_at) "
                "WHERE book_date > (occurred_at AT TIME ZONE 'UTC')::date",
            ],
            "DROP INDEX CONCURRENTLY ledger_entry_late",
        ),
    ]

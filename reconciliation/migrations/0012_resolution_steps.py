"""What was done about a discrepancy, step by step; and which part of which bank line is which payout."""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import payments.db.fields
from django.db import migrations, models


# Each line that is a payout so far is one whole part of it. What the version that still runs adds meanwhile has no row
# here; whoever reads falls back on the line's own column.
PARTS_SO_FAR = """
INSERT INTO reconciliation_payoutallocation (
    bank_line_id, payout_id, amount, entry_key, state_before, item_before, created_at
)
SELECT line.id, line.payout_id, line.amount, COALESCE(found.key, 'bank_line:' || line.id),
       CASE WHEN found.key IS NULL THEN '' ELSE 'suspense' END, held.item,
       COALESCE(found.booked_at, booked.booked_at, now())
FROM reconciliation_bankstatementline line
LEFT JOIN ledger_journalentry found ON found.key = 'payout_found:' || line.id
LEFT JOIN ledger_journalentry booked ON booked.key = 'bank_line:' || line.id
LEFT JOIN LATERAL (
    SELECT posting.item
    FROM ledger_posting posting
    JOIN ledger_account account ON account.number = posting.account_id
    WHERE posting.entry_id = found.id AND account.code = 'suspense'
) held ON true
WHERE line.payout_id IS NOT NULL AND line.amount <> 0
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0026_sign_differs"),
        ("reconciliation", "0011_reserves"),
    ]

    operations = [
        migrations.AddField(
            model_name="bankstatementline",
            name="undone",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="matches undone"),
        ),
        migrations.AddField(
            model_name="settlementline",
            name="undone",
            field=models.PositiveSmallIntegerField(db_default=0, default=0, verbose_name="matches undone"),
        ),
        migrations.CreateModel(
            name="ResolutionStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                ("action", models.CharField(max_length=20, verbose_name="action")),
                ("amount", payments.db.fields.AmountField(blank=True, null=True, verbose_name="amount")),
                (
                    "matched",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=payments.db.fields.IdField(db_collation="C", max_length=30),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "entries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), blank=True, default=list, size=None
                    ),
                ),
                ("line_before", models.JSONField(blank=True, null=True)),
                ("approved", models.BooleanField(default=False, verbose_name="approved")),
                ("actor", models.CharField(max_length=100, verbose_name="actor")),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("undone_at", models.DateTimeField(blank=True, null=True, verbose_name="undone at")),
                ("undone_by", models.CharField(blank=True, default="", max_length=100, verbose_name="undone by")),
                (
                    "discrepancy",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="payments.discrepancy",
                        verbose_name="discrepancy",
                    ),
                ),
                (
                    "part_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="reconciliation.resolutionstep",
                    ),
                ),
            ],
            options={
                "verbose_name": "resolution",
                "verbose_name_plural": "resolutions",
            },
        ),
        migrations.CreateModel(
            name="PayoutAllocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("entry_key", models.CharField(max_length=200)),
                ("state_before", models.CharField(blank=True, default="", max_length=8)),
                ("item_before", models.BigIntegerField(blank=True, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True, verbose_name="created at")),
                ("undone_at", models.DateTimeField(blank=True, null=True, verbose_name="undone at")),
                (
                    "bank_line",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="reconciliation.bankstatementline",
                        verbose_name="bank line",
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="reconciliation.payout",
                        verbose_name="payout",
                    ),
                ),
                (
                    "step",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="allocations",
                        to="reconciliation.resolutionstep",
                    ),
                ),
            ],
            options={
                "verbose_name": "part of a bank line",
                "verbose_name_plural": "parts of bank lines",
            },
        ),
        migrations.AddIndex(
            model_name="resolutionstep",
            index=django.contrib.postgres.indexes.GinIndex(fields=["matched"], name="resolution_step_matched"),
        ),
        migrations.AddConstraint(
            model_name="resolutionstep",
            constraint=models.UniqueConstraint(fields=("discrepancy", "number"), name="resolution_step_number"),
        ),
        migrations.AddConstraint(
            model_name="payoutallocation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("undone_at", None)), fields=("bank_line", "payout"), name="payout_allocation_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="payoutallocation",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount", 0), _negated=True), name="payout_allocation_amount"
            ),
        ),
        migrations.RunSQL(PARTS_SO_FAR, migrations.RunSQL.noop),
    ]

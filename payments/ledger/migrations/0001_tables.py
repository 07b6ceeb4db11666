"""The tables of the books."""

import django.contrib.postgres.indexes
import django.db.models.deletion
import payments.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BookDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "merchant_id", "day", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("merchant_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("day", models.DateField(verbose_name="day")),
                ("closed_at", models.DateTimeField(verbose_name="closed at")),
                ("actor", models.CharField(max_length=60, verbose_name="actor")),
                ("seal", models.BinaryField()),
            ],
            options={
                "verbose_name": "closed book day",
                "verbose_name_plural": "closed book days",
            },
        ),
        migrations.CreateModel(
            name="Account",
            fields=[
                (
                    "id",
                    payments.db.fields.IdField(db_collation="C", max_length=30, primary_key=True, serialize=False),
                ),
                ("number", models.IntegerField(editable=False, unique=True)),
                ("merchant_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("code", models.CharField(db_collation="C", max_length=100, verbose_name="code")),
                ("currency", models.CharField(max_length=3, verbose_name="currency")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("asset", "asset"),
                            ("liability", "liability"),
                            ("income", "income"),
                            ("expense", "expense"),
                        ],
                        max_length=10,
                        verbose_name="kind",
                    ),
                ),
                ("item_required", models.BooleanField(verbose_name="lists open items")),
                ("created_at", models.DateTimeField(verbose_name="created at")),
                ("seal", models.BinaryField()),
            ],
            options={
                "verbose_name": "account",
                "verbose_name_plural": "accounts",
                "constraints": [
                    models.UniqueConstraint(fields=("merchant_id", "code", "currency"), name="ledger_account_code"),
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["asset", "liability", "income", "expense"])),
                        name="ledger_account_kind",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="BalanceCheckpoint",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account", "book_date", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("book_date", models.DateField()),
                ("amount", models.BigIntegerField()),
                ("postings", models.BigIntegerField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="checkpoints",
                        to="ledger.account",
                        to_field="number",
                    ),
                ),
            ],
            options={
                "verbose_name": "balance checkpoint",
                "verbose_name_plural": "balance checkpoints",
            },
        ),
        migrations.CreateModel(
            name="FoldCursor",
            fields=[
                ("id", models.SmallIntegerField(editable=False, primary_key=True, serialize=False)),
                ("epoch", models.IntegerField(verbose_name="epoch")),
                ("cluster", models.CharField(max_length=20)),
                ("shift", models.BigIntegerField()),
                ("xid", models.BigIntegerField()),
                ("folded_at", models.DateTimeField(verbose_name="folded at")),
            ],
            options={
                "verbose_name": "fold cursor",
                "verbose_name_plural": "fold cursors",
                "constraints": [models.CheckConstraint(condition=models.Q(("id", 1)), name="ledger_one_cursor")],
            },
        ),
        migrations.CreateModel(
            name="JournalEntry",
            fields=[
                (
                    "id",
                    payments.db.fields.IdField(db_collation="C", max_length=30, primary_key=True, serialize=False),
                ),
                ("key", models.CharField(db_collation="C", max_length=120, verbose_name="key")),
                ("event", models.CharField(max_length=40, verbose_name="event")),
                ("merchant_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("book_date", models.DateField(verbose_name="book date")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("booked_at", models.DateTimeField(verbose_name="booked at")),
                ("lines", models.IntegerField(verbose_name="lines")),
                ("seal", models.BinaryField()),
                (
                    "reverses",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="reversals",
                        to="ledger.journalentry",
                        verbose_name="reverses",
                    ),
                ),
            ],
            options={
                "verbose_name": "journal entry",
                "verbose_name_plural": "journal entries",
            },
        ),
        migrations.CreateModel(
            name="OpenItem",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "account", "item", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("item", models.BigIntegerField()),
                ("amount", models.BigIntegerField()),
                ("since", models.DateTimeField()),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="open_items",
                        to="ledger.account",
                        to_field="number",
                    ),
                ),
            ],
            options={
                "verbose_name": "open item",
                "verbose_name_plural": "open items",
            },
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "entry", "line", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("xid", models.BigIntegerField(editable=False)),
                ("item", models.BigIntegerField(null=True, verbose_name="item")),
                ("amount", models.BigIntegerField(verbose_name="amount")),
                ("line", models.IntegerField(verbose_name="line")),
                (
                    "account",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="postings",
                        to="ledger.account",
                        to_field="number",
                        verbose_name="account",
                    ),
                ),
                (
                    "entry",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="postings",
                        to="ledger.journalentry",
                        verbose_name="journal entry",
                    ),
                ),
            ],
            options={
                "verbose_name": "posting",
                "verbose_name_plural": "postings",
            },
        ),
        migrations.AddIndex(
            model_name="journalentry",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["booked_at", "book_date"], name="ledger_entry_time"
            ),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.UniqueConstraint(fields=("key",), name="ledger_entry_key"),
        ),
        migrations.AddConstraint(
            model_name="journalentry",
            constraint=models.UniqueConstraint(
                condition=models.Q(("reverses__isnull", False)), fields=("reverses",), name="ledger_entry_reversed_once"
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(fields=["account", "xid"], name="ledger_posting_account"),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(fields=["xid"], name="ledger_posting_xid"),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(
                condition=models.Q(("item__isnull", False)), fields=["item"], name="ledger_posting_item"
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount", 0), _negated=True), name="ledger_posting_amount"
            ),
        ),
    ]

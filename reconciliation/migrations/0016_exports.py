"""Exports for the accountant, how accounts are called there, and what is made on a schedule."""

import django.db.models.deletion
import django.utils.timezone
import functools
import payments.core.ids
import payments.db.fields
import reconciliation.models.export
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0029_fiscal_year_start"),
        ("reconciliation", "0015_connectors"),
    ]

    operations = [
        migrations.CreateModel(
            name="ExportSchedule",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("exs",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "every",
                    models.CharField(
                        choices=[
                            ("day", "every day, of the day before"),
                            ("month", "every month, of the month before"),
                        ],
                        max_length=5,
                        verbose_name="how often",
                    ),
                ),
                (
                    "delivery",
                    models.CharField(
                        choices=[("folder", "into the server's export folder"), ("mail", "by e-mail")],
                        max_length=6,
                        verbose_name="handed over",
                    ),
                ),
                ("email", models.EmailField(blank=True, default="", max_length=254, verbose_name="e-mail address")),
                ("kind", models.CharField(max_length=20, verbose_name="kind")),
                ("profile", models.CharField(blank=True, default="", max_length=20, verbose_name="profile")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("account", models.CharField(blank=True, default="", max_length=100, verbose_name="account")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                ("made_until", models.DateField(blank=True, null=True, verbose_name="made until")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.merchant",
                        verbose_name="merchant",
                    ),
                ),
            ],
            options={
                "verbose_name": "export schedule",
                "verbose_name_plural": "export schedules",
            },
        ),
        migrations.CreateModel(
            name="Export",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("exp",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("processing", "processing"), ("ready", "ready"), ("failed", "failed")],
                        default="processing",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("kind", models.CharField(max_length=20, verbose_name="kind")),
                ("profile", models.CharField(blank=True, default="", max_length=20, verbose_name="profile")),
                ("first", models.DateField(verbose_name="from")),
                ("last", models.DateField(verbose_name="to")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("account", models.CharField(blank=True, default="", max_length=100, verbose_name="account")),
                (
                    "channel_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="channel"
                    ),
                ),
                (
                    "file",
                    models.FileField(
                        blank=True,
                        max_length=200,
                        upload_to=reconciliation.models.export.stored_at,
                        verbose_name="file",
                    ),
                ),
                ("size", models.BigIntegerField(default=0, verbose_name="size")),
                ("sha256", models.CharField(blank=True, default="", max_length=64, verbose_name="SHA-256")),
                ("entries", models.IntegerField(blank=True, null=True, verbose_name="entries")),
                ("postings", models.IntegerField(blank=True, null=True, verbose_name="postings")),
                (
                    "first_entry",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="first entry"
                    ),
                ),
                (
                    "last_entry",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="last entry"
                    ),
                ),
                (
                    "entries_sha256",
                    models.CharField(blank=True, default="", max_length=64, verbose_name="digest of the entries"),
                ),
                ("opening", payments.db.fields.AmountField(blank=True, null=True, verbose_name="opening balance")),
                ("closing", payments.db.fields.AmountField(blank=True, null=True, verbose_name="closing balance")),
                ("debit", payments.db.fields.AmountField(blank=True, null=True, verbose_name="debit")),
                ("credit", payments.db.fields.AmountField(blank=True, null=True, verbose_name="credit")),
                ("problems", models.JSONField(blank=True, default=list, verbose_name="problems")),
                ("actor", models.CharField(max_length=100, verbose_name="by")),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                ("delivered_at", models.DateTimeField(blank=True, null=True, verbose_name="handed over at")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.merchant",
                        verbose_name="merchant",
                    ),
                ),
                (
                    "schedule",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="exports",
                        to="reconciliation.exportschedule",
                        verbose_name="schedule",
                    ),
                ),
            ],
            options={
                "verbose_name": "export",
                "verbose_name_plural": "exports",
            },
        ),
        migrations.CreateModel(
            name="AccountMapping",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("acm",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("account", models.CharField(db_collation="C", max_length=100, verbose_name="account")),
                ("code", models.CharField(blank=True, default="", max_length=16, verbose_name="code")),
                ("name", models.CharField(blank=True, default="", max_length=100, verbose_name="name")),
                ("journal", models.CharField(blank=True, default="", max_length=6, verbose_name="journal")),
                ("vat_code", models.CharField(blank=True, default="", max_length=20, verbose_name="VAT code")),
                (
                    "number",
                    models.CharField(blank=True, default="", max_length=34, verbose_name="number on statements"),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.merchant",
                        verbose_name="merchant",
                    ),
                ),
            ],
            options={
                "verbose_name": "account mapping",
                "verbose_name_plural": "account mappings",
                "constraints": [models.UniqueConstraint(fields=("merchant", "account"), name="account_mapping_once")],
            },
        ),
        migrations.AddConstraint(
            model_name="exportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(("every__in", ["day", "month"])), name="export_schedule_every"
            ),
        ),
        migrations.AddConstraint(
            model_name="exportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("delivery", "folder"), ("email", "")),
                    models.Q(("delivery", "mail"), models.Q(("email", ""), _negated=True)),
                    _connector="OR",
                ),
                name="export_schedule_delivery",
            ),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(fields=["merchant", "-id"], name="export_list"),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="export_due"),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["processing", "ready", "failed"])), name="export_status"
            ),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.CheckConstraint(condition=models.Q(("first__lte", models.F("last"))), name="export_span"),
        ),
        migrations.AddConstraint(
            model_name="export",
            constraint=models.UniqueConstraint(fields=("schedule", "first"), name="export_of_schedule_once"),
        ),
    ]

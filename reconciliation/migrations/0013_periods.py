"""Business days and months that were closed and reopened, each time a row that stays."""

import functools

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import payments.core.ids
import payments.db.fields
from payments.db import rights


class Migration(migrations.Migration):
    dependencies = [("payments", "0028_in_the_way_of_closing"), ("reconciliation", "0012_resolution_steps")]

    operations = [
        migrations.CreateModel(
            name="Period",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("prd",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("first", models.DateField(verbose_name="first day")),
                (
                    "channel",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.channel",
                        verbose_name="channel",
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.merchant",
                        verbose_name="merchant",
                    ),
                ),
            ],
            options={
                "verbose_name": "period",
                "verbose_name_plural": "periods",
                "constraints": [
                    models.UniqueConstraint(
                        fields=["merchant", "channel", "first"], name="period_once", nulls_distinct=False
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PeriodChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(verbose_name="number")),
                (
                    "status",
                    models.CharField(
                        choices=[("closed", "closed"), ("reopened", "reopened")], max_length=8, verbose_name="status"
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="at")),
                ("actor", models.CharField(max_length=100, verbose_name="by")),
                (
                    "approved_by",
                    models.CharField(blank=True, default="", max_length=100, verbose_name="approved by"),
                ),
                (
                    "approval",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="approval"
                    ),
                ),
                ("operator", models.CharField(blank=True, default="", max_length=100, verbose_name="operator")),
                ("reason", models.TextField(blank=True, default="", verbose_name="reason")),
                ("checklist", models.JSONField(blank=True, default=list, verbose_name="checklist")),
                (
                    "period",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="changes",
                        to="reconciliation.period",
                    ),
                ),
            ],
            options={
                "verbose_name": "closing or reopening",
                "verbose_name_plural": "closings and reopenings",
                "ordering": ["number"],
                "constraints": [
                    models.UniqueConstraint(fields=["period", "number"], name="period_change_number"),
                    models.CheckConstraint(
                        condition=models.Q(("status", "closed"))
                        | models.Q(("approval__isnull", False), ("status", "reopened")),
                        name="period_change_reopened_by_two",
                    ),
                ],
            },
        ),
        *rights.keep("reconciliation_periodchange"),
    ]

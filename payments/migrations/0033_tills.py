import django.db.models.deletion
import django.utils.timezone
import functools
import payments.core.ids
import payments.db.fields
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps

from payments.core.ids import new_id
from payments.db import rights


def give_stores_a_till(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    channels = apps.get_model("payments", "Channel").objects.using(editor.connection.alias).filter(kind="in_store")
    tills = apps.get_model("payments", "Till").objects.using(editor.connection.alias)
    tills.bulk_create(
        [tills.model(id=new_id("til"), merchant_id=channel.merchant_id, channel=channel) for channel in channels]
    )


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0032_refund_part_of_batch"),
        ("ledger", "0006_stays"),
    ]

    operations = [
        migrations.CreateModel(
            name="Till",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("til",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("float_amount", payments.db.fields.AmountField(default=0, verbose_name="float")),
                (
                    "channel",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="till",
                        to="payments.channel",
                        verbose_name="channel",
                    ),
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
                "verbose_name": "till",
                "verbose_name_plural": "tills",
            },
        ),
        migrations.CreateModel(
            name="TillMovement",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("tmv",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("channel_id", payments.db.fields.IdField(db_collation="C", max_length=30, verbose_name="channel")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("count", "count"),
                            ("paid_in", "paid in"),
                            ("paid_out", "paid out"),
                            ("deposit", "deposit to the bank"),
                        ],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("business_day", models.DateField(verbose_name="business day")),
                ("operator", models.CharField(max_length=100, verbose_name="operator")),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="reason")),
                ("expected", payments.db.fields.AmountField(verbose_name="expected")),
                ("difference", payments.db.fields.AmountField(blank=True, null=True, verbose_name="difference")),
                ("item", models.BigIntegerField(blank=True, null=True)),
                (
                    "terminal_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="terminal"
                    ),
                ),
                ("actor", models.CharField(max_length=100, verbose_name="by")),
                (
                    "merchant",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.merchant",
                    ),
                ),
                (
                    "till",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="movements",
                        to="payments.till",
                        verbose_name="till",
                    ),
                ),
            ],
            options={
                "verbose_name": "till movement",
                "verbose_name_plural": "till movements",
            },
        ),
        migrations.AddConstraint(
            model_name="till",
            constraint=models.CheckConstraint(
                condition=models.Q(("float_amount__gte", 0)), name="till_float_not_negative"
            ),
        ),
        migrations.AddIndex(
            model_name="tillmovement",
            index=models.Index(fields=["till", "-id"], name="till_movement_list"),
        ),
        migrations.AddIndex(
            model_name="tillmovement",
            index=models.Index(fields=["merchant", "business_day"], name="till_movement_by_day"),
        ),
        migrations.AddIndex(
            model_name="tillmovement",
            index=models.Index(condition=models.Q(("item__isnull", False)), fields=["item"], name="till_movement_item"),
        ),
        migrations.AddConstraint(
            model_name="tillmovement",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["count", "paid_in", "paid_out", "deposit"])), name="till_movement_kind"
            ),
        ),
        migrations.AddConstraint(
            model_name="tillmovement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("amount__gte", 0), ("difference__isnull", False), ("item", None), ("kind", "count")),
                    models.Q(
                        models.Q(("kind", "count"), _negated=True),
                        ("amount__gt", 0),
                        ("difference", None),
                        ("item__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="till_movement_is_whole",
            ),
        ),
        migrations.RunPython(give_stores_a_till, migrations.RunPython.noop),
        # What was counted is never written again.
        *rights.keep("payments_tillmovement"),
    ]

"""Bank transfers of refunds go to the bank as one file: the batch, and which part is in which."""

import django.db.models.deletion
import django.utils.timezone
import functools
import payments.core.crypto
import payments.core.ids
import payments.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0030_payout_days"),
    ]

    operations = [
        migrations.CreateModel(
            name="TransferBatch",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("trb",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("iban", models.CharField(max_length=34, verbose_name="from account")),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("count", models.PositiveIntegerField(verbose_name="transfers")),
                ("execute_on", models.DateField(verbose_name="to be executed on")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requires_approval", "waits for a second person"),
                            ("released", "released"),
                            ("canceled", "canceled"),
                        ],
                        default="requires_approval",
                        max_length=20,
                        verbose_name="status",
                    ),
                ),
                ("created_by", models.CharField(max_length=100, verbose_name="made by")),
                ("released_at", models.DateTimeField(blank=True, null=True, verbose_name="released at")),
                ("content", payments.core.crypto.EncryptedTextField(blank=True, default="", editable=False)),
                ("sha256", models.CharField(blank=True, default="", editable=False, max_length=64)),
                ("downloaded_at", models.DateTimeField(blank=True, null=True, verbose_name="downloaded at")),
                (
                    "downloaded_by",
                    models.CharField(blank=True, default="", max_length=100, verbose_name="downloaded by"),
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
                "verbose_name": "transfer batch",
                "verbose_name_plural": "transfer batches",
            },
        ),
        migrations.AddField(
            model_name="refundpart",
            name="batch",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="parts",
                to="payments.transferbatch",
            ),
        ),
        migrations.AddIndex(
            model_name="transferbatch",
            index=models.Index(fields=["merchant", "-id"], name="transfer_batch_list"),
        ),
        migrations.AddConstraint(
            model_name="transferbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["requires_approval", "released", "canceled"])),
                name="transfer_batch_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="transferbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0), ("count__gt", 0)), name="transfer_batch_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="transferbatch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("released_at__isnull", False), ("status", "released")),
                    models.Q(
                        models.Q(("status", "released"), _negated=True),
                        ("downloaded_at__isnull", True),
                        ("released_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="transfer_batch_file_when_released",
            ),
        ),
    ]

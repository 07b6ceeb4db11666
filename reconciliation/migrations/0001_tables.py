"""Files, settlements, payouts and bank statements."""

import functools

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
from django.db import migrations, models

import payments.db.fields
import payments.core.ids
import reconciliation.models.settlement_file


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("payments", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Settlement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(max_length=255, verbose_name="reference")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("item", models.BigIntegerField(editable=False, unique=True)),
                ("closed_at", models.DateTimeField(verbose_name="closed at")),
                ("gross", payments.db.fields.AmountField(verbose_name="gross")),
                ("fee", payments.db.fields.AmountField(verbose_name="fees")),
                ("vat", payments.db.fields.AmountField(verbose_name="VAT on fees")),
                ("net", payments.db.fields.AmountField(verbose_name="net")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "provider_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.provideraccount"
                    ),
                ),
            ],
            options={
                "verbose_name": "settlement",
                "verbose_name_plural": "settlements",
            },
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("pyo",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("item", models.BigIntegerField(editable=False, unique=True)),
                ("reference", models.CharField(max_length=255, verbose_name="reference")),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                (
                    "status",
                    models.CharField(
                        choices=[("announced", "announced"), ("received", "received")],
                        default="announced",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("expected_on", models.DateField(blank=True, null=True, verbose_name="expected on")),
                ("amount_received", payments.db.fields.AmountField(default=0, verbose_name="received")),
                ("received_on", models.DateField(blank=True, null=True, verbose_name="received on")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "provider_account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.provideraccount",
                        verbose_name="provider account",
                    ),
                ),
                (
                    "settlement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payouts",
                        to="reconciliation.settlement",
                    ),
                ),
            ],
            options={
                "verbose_name": "payout",
                "verbose_name_plural": "payouts",
            },
        ),
        migrations.CreateModel(
            name="SettlementFile",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("stl",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("channel_id", payments.db.fields.IdField(blank=True, db_collation="C", max_length=30, null=True)),
                (
                    "file",
                    models.FileField(
                        max_length=200, upload_to=reconciliation.models.settlement_file.upload_to, verbose_name="file"
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=255, verbose_name="name")),
                ("size", models.BigIntegerField(default=0, verbose_name="size")),
                ("sha256", models.CharField(editable=False, max_length=64, verbose_name="SHA-256")),
                ("asked_format", models.CharField(blank=True, default="", max_length=40)),
                ("format", models.CharField(blank=True, max_length=40, null=True, verbose_name="format")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("processing", "processing"),
                            ("imported", "imported"),
                            ("refused", "refused"),
                            ("duplicate", "duplicate"),
                            ("recognized", "recognized, never booked"),
                        ],
                        default="processing",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("lines", models.PositiveIntegerField(default=0, verbose_name="lines")),
                (
                    "currency",
                    payments.db.fields.CurrencyField(blank=True, max_length=3, null=True, verbose_name="currency"),
                ),
                ("opening", payments.db.fields.AmountField(blank=True, null=True, verbose_name="opening balance")),
                ("closing", payments.db.fields.AmountField(blank=True, null=True, verbose_name="closing balance")),
                ("gross", payments.db.fields.AmountField(blank=True, null=True, verbose_name="gross")),
                ("fees", payments.db.fields.AmountField(blank=True, null=True, verbose_name="fees with VAT")),
                ("vat", payments.db.fields.AmountField(blank=True, null=True, verbose_name="VAT on fees")),
                ("net", payments.db.fields.AmountField(blank=True, null=True, verbose_name="net")),
                ("problems", models.JSONField(blank=True, default=list, verbose_name="problems")),
                ("masked", models.PositiveIntegerField(default=0, verbose_name="card numbers masked")),
                ("actor", models.CharField(max_length=100, verbose_name="by")),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished at")),
                (
                    "duplicate_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="reconciliation.settlementfile",
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
                (
                    "provider_account",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.provideraccount",
                        verbose_name="provider account",
                    ),
                ),
            ],
            options={
                "verbose_name": "settlement file",
                "verbose_name_plural": "settlement files",
            },
        ),
        migrations.AddField(
            model_name="settlement",
            name="file",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="settlements",
                to="reconciliation.settlementfile",
            ),
        ),
        migrations.CreateModel(
            name="BankStatement",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("statement", "statement"), ("notification", "notification")],
                        max_length=12,
                        verbose_name="kind",
                    ),
                ),
                ("account", models.CharField(max_length=40, verbose_name="account")),
                ("reference", models.CharField(max_length=255, verbose_name="reference")),
                ("sequence", models.CharField(blank=True, default="", max_length=35, verbose_name="number")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("opening", payments.db.fields.AmountField(blank=True, null=True, verbose_name="opening balance")),
                ("opened_on", models.DateField(blank=True, null=True, verbose_name="opened on")),
                ("closing", payments.db.fields.AmountField(blank=True, null=True, verbose_name="closing balance")),
                ("closed_on", models.DateField(blank=True, null=True, verbose_name="closed on")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "file",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="statements",
                        to="reconciliation.settlementfile",
                    ),
                ),
            ],
            options={
                "verbose_name": "bank statement",
                "verbose_name_plural": "bank statements",
            },
        ),
        migrations.CreateModel(
            name="SettlementLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(verbose_name="line")),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("sale", "sale"),
                            ("refund", "refund"),
                            ("refund_failed", "refund_failed"),
                            ("reversal", "reversal"),
                            ("chargeback", "chargeback"),
                            ("chargeback_reversal", "chargeback_reversal"),
                            ("fee", "fee"),
                            ("reserve_hold", "reserve_hold"),
                            ("reserve_release", "reserve_release"),
                        ],
                        max_length=20,
                        verbose_name="type",
                    ),
                ),
                ("reference", models.CharField(blank=True, default="", max_length=255, verbose_name="reference")),
                (
                    "payment_reference",
                    models.CharField(blank=True, default="", max_length=255, verbose_name="payment reference"),
                ),
                ("reported_operation", models.CharField(blank=True, default="", max_length=30)),
                ("rrn", models.CharField(blank=True, default="", max_length=255, verbose_name="RRN")),
                ("tid", models.CharField(blank=True, default="", max_length=255, verbose_name="TID")),
                ("stan", models.CharField(blank=True, default="", max_length=255, verbose_name="STAN")),
                (
                    "authorization_code",
                    models.CharField(blank=True, default="", max_length=255, verbose_name="authorization code"),
                ),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("gross", payments.db.fields.AmountField(verbose_name="gross")),
                ("fee", payments.db.fields.AmountField(verbose_name="fee")),
                ("vat", payments.db.fields.AmountField(verbose_name="VAT on fee")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("matched", "matched"),
                            ("early", "not in the books yet"),
                            ("repeated", "settled before"),
                            ("unknown", "unknown"),
                            ("plain", "about no payment"),
                        ],
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "operation_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="operation"
                    ),
                ),
                (
                    "payment_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="payment"
                    ),
                ),
                ("item", models.BigIntegerField(blank=True, null=True)),
                ("booked_currency", payments.db.fields.CurrencyField(blank=True, max_length=3, null=True)),
                ("booked_amount", payments.db.fields.AmountField(blank=True, null=True)),
                (
                    "settlement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="reconciliation.settlement",
                    ),
                ),
            ],
            options={
                "verbose_name": "settlement line",
                "verbose_name_plural": "settlement lines",
            },
        ),
        migrations.CreateModel(
            name="BankStatementLine",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("number", models.PositiveIntegerField(verbose_name="line")),
                ("position", models.PositiveIntegerField()),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("booked_on", models.DateField(verbose_name="booked on")),
                ("valued_on", models.DateField(blank=True, null=True, verbose_name="value date")),
                ("reversal", models.BooleanField(default=False, verbose_name="reversal")),
                (
                    "bank_reference",
                    models.CharField(blank=True, default="", max_length=255, verbose_name="bank's reference"),
                ),
                (
                    "end_to_end_id",
                    models.CharField(blank=True, default="", max_length=255, verbose_name="end-to-end id"),
                ),
                ("batch", models.CharField(blank=True, default="", max_length=255, verbose_name="batch")),
                (
                    "counterparty_name",
                    models.CharField(blank=True, default="", max_length=255, verbose_name="counterparty"),
                ),
                (
                    "counterparty_iban",
                    models.CharField(blank=True, default="", max_length=40, verbose_name="counterparty's IBAN"),
                ),
                ("remittance", models.TextField(blank=True, default="", verbose_name="description")),
                ("code", models.CharField(blank=True, default="", max_length=40, verbose_name="transaction code")),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("payout", "payout"),
                            ("refund", "refund by bank transfer"),
                            ("suspense", "unknown, from a provider"),
                            ("repeated", "booked before"),
                            ("other", "not ours to explain"),
                        ],
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "operation_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="operation"
                    ),
                ),
                (
                    "provider_account_id",
                    payments.db.fields.IdField(blank=True, db_collation="C", max_length=30, null=True),
                ),
                ("item", models.BigIntegerField(blank=True, null=True)),
                (
                    "statement",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="reconciliation.bankstatement",
                    ),
                ),
                (
                    "payout",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bank_lines",
                        to="reconciliation.payout",
                    ),
                ),
            ],
            options={
                "verbose_name": "bank line",
                "verbose_name_plural": "bank lines",
                "indexes": [
                    models.Index(
                        condition=models.Q(("bank_reference", ""), _negated=True),
                        fields=["bank_reference"],
                        name="bank_line_reference",
                    ),
                    models.Index(condition=models.Q(("item__isnull", False)), fields=["item"], name="bank_line_item"),
                ],
                "constraints": [models.UniqueConstraint(fields=("statement", "position"), name="bank_line_position")],
            },
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(fields=["merchant", "-id"], name="payout_list"),
        ),
        migrations.AddIndex(
            model_name="payout",
            index=models.Index(
                condition=models.Q(("status", "announced")), fields=["merchant", "id"], name="payout_on_its_way"
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["announced", "received"])), name="payout_status"
            ),
        ),
        migrations.AddConstraint(
            model_name="payout",
            constraint=models.UniqueConstraint(
                fields=("provider_account", "reference", "currency"), name="payout_once"
            ),
        ),
        migrations.AddIndex(
            model_name="settlementfile",
            index=models.Index(fields=["merchant", "-id"], name="settlement_file_list"),
        ),
        migrations.AddIndex(
            model_name="settlementfile",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="settlement_file_due"
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementfile",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["processing", "imported", "refused", "duplicate", "recognized"])),
                name="settlement_file_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementfile",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["processing", "imported", "recognized"])),
                fields=("merchant", "sha256"),
                name="settlement_file_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.UniqueConstraint(
                fields=("provider_account", "reference", "currency"), name="settlement_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="settlement",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "net",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(models.F("gross"), "-", models.F("fee")),
                            "-",
                            models.F("vat"),
                        ),
                    )
                ),
                name="settlement_net",
            ),
        ),
        migrations.AddIndex(
            model_name="bankstatement",
            index=models.Index(fields=["merchant", "account", "closed_on"], name="bank_statement_of_account"),
        ),
        migrations.AddConstraint(
            model_name="bankstatement",
            constraint=models.UniqueConstraint(
                fields=("merchant", "kind", "account", "reference", "sequence", "opened_on", "closed_on"),
                name="bank_statement_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="bankstatement",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["statement", "notification"])), name="bank_statement_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="settlementline",
            index=models.Index(
                condition=models.Q(("payment_id__isnull", False)), fields=["payment_id"], name="settlement_line_payment"
            ),
        ),
        migrations.AddIndex(
            model_name="settlementline",
            index=models.Index(
                condition=models.Q(("state__in", ["early", "repeated", "unknown"])),
                fields=["settlement", "id"],
                name="settlement_line_unmatched",
            ),
        ),
        migrations.AddConstraint(
            model_name="settlementline",
            constraint=models.UniqueConstraint(fields=("settlement", "number"), name="settlement_line_number"),
        ),
        migrations.AddConstraint(
            model_name="settlementline",
            constraint=models.UniqueConstraint(
                condition=models.Q(("operation_id__isnull", False), ("state", "matched")),
                fields=("operation_id", "type"),
                name="settlement_line_operation_once",
            ),
        ),
    ]

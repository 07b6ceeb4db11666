"""The life of a payment: every table of it."""

import django.db.models.deletion
import django.db.models.expressions
import django.utils.timezone
import functools
import payments.core.crypto
import payments.db.fields
import payments.core.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("people", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="StatisticCursor",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("folded_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Merchant",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("mer",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "mode",
                    models.CharField(choices=[("test", "test"), ("live", "live")], max_length=4, verbose_name="mode"),
                ),
                ("country", models.CharField(default="NL", max_length=2, verbose_name="country")),
                ("currency", payments.db.fields.CurrencyField(default="EUR", max_length=3, verbose_name="currency")),
                ("timezone", models.CharField(default="Europe/Amsterdam", max_length=64, verbose_name="time zone")),
                ("iban", models.CharField(blank=True, default="", max_length=34, verbose_name="IBAN")),
                (
                    "cash_rounding",
                    models.PositiveIntegerField(
                        default=1,
                        help_text="Cash is rounded to this many minor units; 5 in the Netherlands.",
                        verbose_name="cash rounding",
                    ),
                ),
                (
                    "second_person_above",
                    models.BigIntegerField(
                        blank=True,
                        help_text="In minor units; empty: never.",
                        null=True,
                        verbose_name="refunds need a second person above",
                    ),
                ),
            ],
            options={
                "verbose_name": "merchant",
                "verbose_name_plural": "merchants",
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("mode__in", ["test", "live"])), name="merchant_mode")
                ],
            },
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("chn",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("online", "online"), ("in_store", "in store"), ("remote", "remote")],
                        max_length=8,
                        verbose_name="kind",
                    ),
                ),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "namespace",
                    models.CharField(
                        help_text="Channels that share one share their order references; by default each has its own.",
                        max_length=64,
                        verbose_name="order namespace",
                    ),
                ),
                ("address", models.TextField(blank=True, default="", verbose_name="address on receipts")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="channels", to="payments.merchant"
                    ),
                ),
            ],
            options={
                "verbose_name": "channel",
                "verbose_name_plural": "channels",
            },
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("ord",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("namespace", models.CharField(max_length=64, verbose_name="namespace")),
                ("reference", models.CharField(blank=True, max_length=64, null=True, verbose_name="reference")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("total", payments.db.fields.AmountField(blank=True, null=True, verbose_name="total")),
                ("authorized", payments.db.fields.AmountField(default=0, verbose_name="authorized")),
                ("captured", payments.db.fields.AmountField(default=0, verbose_name="captured")),
                ("refunded", payments.db.fields.AmountField(default=0, verbose_name="refunded")),
                ("refund_reserved", payments.db.fields.AmountField(default=0, verbose_name="reserved for refunds")),
                ("charged_back", payments.db.fields.AmountField(default=0, verbose_name="charged back")),
                ("excess", payments.db.fields.AmountField(default=0, verbose_name="excess")),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.channel"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="people.customer",
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
            ],
            options={
                "verbose_name": "order",
                "verbose_name_plural": "orders",
            },
        ),
        migrations.CreateModel(
            name="Payment",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("pay",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("item", models.BigIntegerField(editable=False, unique=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requires_action", "waits for the customer"),
                            ("processing", "processing"),
                            ("authorized", "authorized"),
                            ("captured", "captured"),
                            ("declined", "declined"),
                            ("canceled", "canceled"),
                            ("expired", "expired"),
                            ("reversed", "reversed"),
                            ("unknown", "outcome unknown"),
                        ],
                        default="processing",
                        max_length=16,
                        verbose_name="status",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[("online", "online"), ("in_store", "in store"), ("remote", "remote")],
                        max_length=8,
                        verbose_name="origin",
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("card", "card"),
                            ("ideal", "iDEAL"),
                            ("bancontact", "Bancontact"),
                            ("sepa_debit", "SEPA direct debit"),
                            ("klarna", "Klarna"),
                            ("paypal", "PayPal"),
                            ("bank_transfer", "bank transfer"),
                            ("cash", "cash"),
                            ("voucher", "voucher"),
                            ("external", "external"),
                        ],
                        max_length=16,
                        null=True,
                        verbose_name="method",
                    ),
                ),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("tip", payments.db.fields.AmountField(default=0, verbose_name="tip")),
                ("cashback", payments.db.fields.AmountField(default=0, verbose_name="cashback")),
                ("manual_capture", models.BooleanField(default=False, verbose_name="captured by hand")),
                ("amount_authorized", payments.db.fields.AmountField(default=0, verbose_name="authorized")),
                ("amount_captured", payments.db.fields.AmountField(default=0, verbose_name="captured")),
                ("amount_released", payments.db.fields.AmountField(default=0, verbose_name="released")),
                ("amount_refunded", payments.db.fields.AmountField(default=0, verbose_name="refunded")),
                ("refund_reserved", payments.db.fields.AmountField(default=0, verbose_name="reserved for refunds")),
                ("amount_charged_back", payments.db.fields.AmountField(default=0, verbose_name="charged back")),
                ("provisional", models.BooleanField(default=False, verbose_name="provisional")),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "provider_reference",
                    models.CharField(blank=True, max_length=255, null=True, verbose_name="reference at the provider"),
                ),
                ("redirect_url", models.TextField(blank=True, default="")),
                ("return_url", models.TextField(blank=True, default="")),
                ("failure_code", models.CharField(blank=True, default="", max_length=64, verbose_name="failure")),
                ("failure_detail", models.TextField(blank=True, default="")),
                ("card_brand", models.CharField(blank=True, max_length=32, null=True, verbose_name="card brand")),
                ("card_last4", models.CharField(blank=True, max_length=4, null=True, verbose_name="last four digits")),
                ("card_fingerprint", models.CharField(blank=True, max_length=255, null=True)),
                ("card_par", models.CharField(blank=True, max_length=35, null=True)),
                ("entry_mode", models.CharField(blank=True, max_length=16, null=True, verbose_name="entry mode")),
                ("verification", models.CharField(blank=True, max_length=16, null=True, verbose_name="verification")),
                (
                    "terminal_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="terminal"
                    ),
                ),
                ("terminal_label", models.CharField(blank=True, default="", max_length=100, verbose_name="terminal")),
                (
                    "receipt_number",
                    models.CharField(blank=True, max_length=40, null=True, verbose_name="receipt number"),
                ),
                ("received", payments.db.fields.AmountField(blank=True, null=True, verbose_name="cash received")),
                ("change", payments.db.fields.AmountField(blank=True, null=True, verbose_name="change given")),
                ("rounding", payments.db.fields.AmountField(default=0, verbose_name="cash rounding")),
                ("description", models.TextField(blank=True, default="", verbose_name="description")),
                ("vat", models.JSONField(blank=True, default=list)),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("business_day", models.DateField(verbose_name="business day")),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires at")),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.channel"
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="people.customer",
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="payments", to="payments.order"
                    ),
                ),
            ],
            options={
                "verbose_name": "payment",
                "verbose_name_plural": "payments",
            },
        ),
        migrations.CreateModel(
            name="Operation",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("op",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "verb",
                    models.CharField(
                        choices=[
                            ("authorize", "authorize"),
                            ("capture", "capture"),
                            ("sale", "sale"),
                            ("cancel", "cancel"),
                            ("refund", "refund"),
                        ],
                        max_length=10,
                        verbose_name="verb",
                    ),
                ),
                (
                    "executor",
                    models.CharField(
                        choices=[
                            ("provider", "provider"),
                            ("recorded", "recorded"),
                            ("terminal", "terminal"),
                            ("bank", "bank transfer"),
                            ("reported", "reported"),
                        ],
                        max_length=8,
                        verbose_name="carried out by",
                    ),
                ),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("final", models.BooleanField(default=True)),
                (
                    "outcome",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("succeeded", "succeeded"),
                            ("declined", "declined"),
                            ("pending", "pending"),
                            ("unknown", "unknown"),
                            ("not_sent", "not_sent"),
                        ],
                        max_length=10,
                        null=True,
                        verbose_name="outcome",
                    ),
                ),
                (
                    "provider_reference",
                    models.CharField(blank=True, max_length=255, null=True, verbose_name="reference at the provider"),
                ),
                ("failure_code", models.CharField(blank=True, default="", max_length=64)),
                ("failure_detail", models.TextField(blank=True, default="")),
                ("actor", models.CharField(max_length=100, verbose_name="by")),
                ("occurred_at", models.DateTimeField(blank=True, null=True, verbose_name="occurred at")),
                ("submitted_at", models.DateTimeField(blank=True, null=True)),
                ("completed_at", models.DateTimeField(blank=True, null=True)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("reversed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="operations",
                        to="payments.payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "operation",
                "verbose_name_plural": "operations",
            },
        ),
        migrations.CreateModel(
            name="Discrepancy",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("dsc",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("missing_in_settlement", "missing in the settlement"),
                            ("missing_in_books", "missing in the books"),
                            ("amount_differs", "amount differs"),
                            ("fee_differs", "fee differs"),
                            ("currency_differs", "currency differs"),
                            ("duplicate", "duplicate"),
                            ("payout_differs", "payout differs"),
                            ("payout_not_received", "payout not received"),
                            ("shift_differs", "shift differs"),
                            ("sequence_gap", "gap in the sequence"),
                            ("sequence_conflict", "conflict in the sequence"),
                            ("outcome_unknown", "outcome unknown"),
                            ("offline_declined", "offline sale declined"),
                            ("over_returned", "more returned than paid"),
                            ("unlinked_refund", "refund without a sale"),
                            ("overpaid", "paid twice"),
                            ("unknown_line", "unknown line"),
                            ("statement_gap", "gap between statements"),
                        ],
                        max_length=24,
                        verbose_name="kind",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "open"), ("proposed", "waits for a second person"), ("resolved", "resolved")],
                        default="open",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("key", models.CharField(editable=False, max_length=200)),
                ("amount", payments.db.fields.AmountField(blank=True, null=True, verbose_name="amount")),
                (
                    "currency",
                    payments.db.fields.CurrencyField(blank=True, max_length=3, null=True, verbose_name="currency"),
                ),
                (
                    "channel_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="channel"
                    ),
                ),
                (
                    "terminal_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="terminal"
                    ),
                ),
                (
                    "settlement_file_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="settlement file"
                    ),
                ),
                ("item", models.BigIntegerField(blank=True, null=True)),
                ("sequences", models.JSONField(blank=True, null=True)),
                ("detail", models.TextField(blank=True, default="", verbose_name="detail")),
                ("said", models.JSONField(blank=True, editable=False, null=True)),
                ("resolution", models.JSONField(blank=True, null=True)),
                ("wait_until", models.DateTimeField(blank=True, null=True)),
                ("resolved_at", models.DateTimeField(blank=True, null=True, verbose_name="resolved at")),
                ("resolved_by", models.CharField(blank=True, default="", max_length=100, verbose_name="resolved by")),
                (
                    "assigned_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="discrepancies",
                        to="payments.payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "discrepancy",
                "verbose_name_plural": "discrepancies",
            },
        ),
        migrations.CreateModel(
            name="Chargeback",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("cbk",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("item", models.BigIntegerField(editable=False, unique=True)),
                ("provider_reference", models.CharField(max_length=255, verbose_name="reference at the provider")),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                (
                    "status",
                    models.CharField(
                        choices=[("inquiry", "inquiry"), ("open", "open"), ("won", "won"), ("lost", "lost")],
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=200, verbose_name="reason")),
                ("opened_at", models.DateTimeField(verbose_name="opened at")),
                ("closed_at", models.DateTimeField(blank=True, null=True, verbose_name="closed at")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="chargebacks", to="payments.order"
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="chargebacks", to="payments.payment"
                    ),
                ),
            ],
            options={
                "verbose_name": "chargeback",
                "verbose_name_plural": "chargebacks",
            },
        ),
        migrations.CreateModel(
            name="CardEvidence",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("txn",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("terminal_id", payments.db.fields.IdField(db_collation="C", max_length=30, verbose_name="terminal")),
                ("series", models.PositiveIntegerField(verbose_name="series")),
                ("sequence", models.PositiveBigIntegerField(verbose_name="sequence")),
                ("type", models.CharField(max_length=8, verbose_name="type")),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("rrn", models.CharField(blank=True, max_length=40, null=True, verbose_name="RRN")),
                ("stan", models.CharField(blank=True, max_length=20, null=True, verbose_name="STAN")),
                (
                    "authorization_code",
                    models.CharField(blank=True, max_length=20, null=True, verbose_name="authorization code"),
                ),
                ("acquirer_tid", models.CharField(blank=True, max_length=40, null=True, verbose_name="TID")),
                ("acquirer_mid", models.CharField(blank=True, max_length=40, null=True, verbose_name="MID")),
                ("posted", models.JSONField()),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "operation",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="payments.operation",
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="evidence",
                        to="payments.payment",
                    ),
                ),
            ],
            options={
                "verbose_name": "card evidence",
                "verbose_name_plural": "card evidence",
            },
        ),
        migrations.CreateModel(
            name="ProviderAccount",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("pac",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("provider", models.CharField(max_length=40, verbose_name="provider")),
                ("name", models.CharField(max_length=200, verbose_name="name")),
                (
                    "currency",
                    payments.db.fields.CurrencyField(default="EUR", max_length=3, verbose_name="settlement currency"),
                ),
                (
                    "external_id",
                    models.CharField(
                        blank=True, default="", max_length=100, verbose_name="account or MID at the provider"
                    ),
                ),
                ("bank_iban", models.CharField(blank=True, default="", max_length=34, verbose_name="pays out to IBAN")),
                ("credentials", payments.core.crypto.EncryptedTextField(blank=True, default="", editable=False)),
                ("fee_rates", models.JSONField(blank=True, default=list, verbose_name="fee rates")),
                ("default", models.BooleanField(default=False, verbose_name="used when none is named")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="provider_accounts",
                        to="payments.merchant",
                    ),
                ),
            ],
            options={
                "verbose_name": "provider account",
                "verbose_name_plural": "provider accounts",
            },
        ),
        migrations.AddField(
            model_name="payment",
            name="provider_account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.provideraccount"
            ),
        ),
        migrations.AddField(
            model_name="operation",
            name="provider_account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.provideraccount"
            ),
        ),
        migrations.CreateModel(
            name="ProviderEvent",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("pev",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("event_id", models.CharField(max_length=255, verbose_name="event id at the provider")),
                ("body", models.BinaryField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "pending"),
                            ("waiting", "waits for what it is about"),
                            ("applied", "applied"),
                            ("ignored", "concerns nothing of ours"),
                            ("unreadable", "unreadable"),
                        ],
                        default="pending",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("detail", models.TextField(blank=True, default="", verbose_name="detail")),
                ("deliveries", models.PositiveIntegerField(default=1, verbose_name="deliveries")),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("applied_at", models.DateTimeField(blank=True, null=True, verbose_name="applied at")),
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
                "verbose_name": "provider event",
                "verbose_name_plural": "provider events",
            },
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("ref",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requires_approval", "waits for a second person"),
                            ("pending", "pending"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("canceled", "canceled"),
                        ],
                        max_length=20,
                        verbose_name="status",
                    ),
                ),
                ("reason", models.CharField(max_length=200, verbose_name="reason")),
                ("requested_by", models.CharField(max_length=100, verbose_name="requested by")),
                ("operator", models.CharField(blank=True, default="", max_length=100, verbose_name="operator")),
                ("reported", models.BooleanField(default=False, verbose_name="made elsewhere")),
                ("metadata", models.JSONField(blank=True, default=dict)),
                ("occurred_at", models.DateTimeField(verbose_name="occurred at")),
                ("business_day", models.DateField(verbose_name="business day")),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.channel"
                    ),
                ),
                (
                    "exchange_for",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="payments.order",
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="refunds", to="payments.order"
                    ),
                ),
            ],
            options={
                "verbose_name": "refund",
                "verbose_name_plural": "refunds",
            },
        ),
        migrations.CreateModel(
            name="RefundPart",
            fields=[
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("prt",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("item", models.BigIntegerField(editable=False, unique=True)),
                ("position", models.PositiveSmallIntegerField()),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("tip", payments.db.fields.AmountField(default=0, verbose_name="tip")),
                (
                    "route",
                    models.CharField(
                        choices=[
                            ("original", "original method"),
                            ("terminal", "card on a terminal"),
                            ("bank", "bank transfer"),
                            ("voucher", "voucher"),
                            ("cash", "cash"),
                        ],
                        max_length=8,
                        verbose_name="route",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("requires_approval", "waits for a second person"),
                            ("queued", "queued"),
                            ("pending", "pending"),
                            ("unknown", "outcome unknown"),
                            ("succeeded", "succeeded"),
                            ("failed", "failed"),
                            ("canceled", "canceled"),
                        ],
                        max_length=20,
                        verbose_name="status",
                    ),
                ),
                (
                    "terminal_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="terminal"
                    ),
                ),
                ("bank_account", payments.core.crypto.EncryptedTextField(blank=True, default="", editable=False)),
                ("rounding", payments.db.fields.AmountField(default=0, verbose_name="cash rounding")),
                ("expected_at", models.DateTimeField(blank=True, null=True, verbose_name="expected at")),
                ("released_at", models.DateTimeField(blank=True, null=True, verbose_name="released at")),
                ("reasons", models.JSONField(blank=True, default=list)),
                (
                    "payment",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refund_parts",
                        to="payments.payment",
                    ),
                ),
                (
                    "refund",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="parts", to="payments.refund"
                    ),
                ),
            ],
            options={
                "verbose_name": "refund part",
                "verbose_name_plural": "refund parts",
                "ordering": ["position"],
            },
        ),
        migrations.AddField(
            model_name="operation",
            name="refund_part",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="operations",
                to="payments.refundpart",
            ),
        ),
        migrations.CreateModel(
            name="StatisticDelta",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("merchant_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("channel_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("business_day", models.DateField()),
                ("hour", models.PositiveSmallIntegerField()),
                ("method", models.CharField(max_length=16)),
                ("origin", models.CharField(max_length=8)),
                ("brand", models.CharField(default="", max_length=32)),
                ("currency", payments.db.fields.CurrencyField(max_length=3)),
                ("sales_count", models.BigIntegerField(default=0)),
                ("sales_amount", payments.db.fields.AmountField(default=0)),
                ("refunds_count", models.BigIntegerField(default=0)),
                ("refunds_amount", payments.db.fields.AmountField(default=0)),
                ("chargebacks_amount", payments.db.fields.AmountField(default=0)),
                ("tips_amount", payments.db.fields.AmountField(default=0)),
            ],
            options={
                "verbose_name": "statistic change",
                "verbose_name_plural": "statistic changes",
                "indexes": [models.Index(fields=["merchant_id", "business_day"], name="statistic_delta_day")],
            },
        ),
        migrations.CreateModel(
            name="StatisticTotal",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("merchant_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("channel_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("business_day", models.DateField()),
                ("hour", models.PositiveSmallIntegerField()),
                ("method", models.CharField(max_length=16)),
                ("origin", models.CharField(max_length=8)),
                ("brand", models.CharField(default="", max_length=32)),
                ("currency", payments.db.fields.CurrencyField(max_length=3)),
                ("sales_count", models.BigIntegerField(default=0)),
                ("sales_amount", payments.db.fields.AmountField(default=0)),
                ("refunds_count", models.BigIntegerField(default=0)),
                ("refunds_amount", payments.db.fields.AmountField(default=0)),
                ("chargebacks_amount", payments.db.fields.AmountField(default=0)),
                ("tips_amount", payments.db.fields.AmountField(default=0)),
            ],
            options={
                "verbose_name": "statistic",
                "verbose_name_plural": "statistics",
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "merchant_id",
                            "business_day",
                            "channel_id",
                            "currency",
                            "method",
                            "origin",
                            "brand",
                            "hour",
                        ),
                        name="statistic_total_group",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Transition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("object_id", payments.db.fields.IdField(db_collation="C", max_length=30, verbose_name="object")),
                ("from_status", models.CharField(max_length=20, verbose_name="from")),
                ("to_status", models.CharField(max_length=20, verbose_name="to")),
                ("actor", models.CharField(max_length=100, verbose_name="by")),
                (
                    "operation_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="operation"
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
            ],
            options={
                "verbose_name": "transition",
                "verbose_name_plural": "transitions",
                "indexes": [models.Index(fields=["object_id", "id"], name="transition_of_object")],
            },
        ),
        migrations.CreateModel(
            name="Voucher",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("vch",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("item", models.BigIntegerField(editable=False, unique=True)),
                ("code_hash", models.CharField(editable=False, max_length=64)),
                ("code_end", models.CharField(max_length=4, verbose_name="code ends in")),
                ("amount", payments.db.fields.AmountField(verbose_name="amount")),
                ("balance", payments.db.fields.AmountField(verbose_name="balance")),
                ("currency", payments.db.fields.CurrencyField(max_length=3, verbose_name="currency")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "active"),
                            ("spent", "spent"),
                            ("expired", "expired"),
                            ("canceled", "canceled"),
                        ],
                        default="active",
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[("single", "single purpose (VAT at sale)"), ("multi", "multi purpose (VAT at use)")],
                        default="multi",
                        max_length=6,
                        verbose_name="purpose",
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True, verbose_name="expires at")),
                (
                    "channel",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.channel"
                    ),
                ),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
                (
                    "order",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="vouchers",
                        to="payments.order",
                    ),
                ),
            ],
            options={
                "verbose_name": "voucher",
                "verbose_name_plural": "vouchers",
            },
        ),
        migrations.AddField(
            model_name="refundpart",
            name="voucher",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.voucher",
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="voucher",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="payments",
                to="payments.voucher",
            ),
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("key", models.CharField(db_collation="C", max_length=255)),
                ("fingerprint", models.BinaryField(max_length=32)),
                ("object_id", payments.db.fields.IdField(db_collation="C", max_length=30)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("body", models.BinaryField(null=True)),
                ("lease_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField()),
                (
                    "merchant",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="payments.merchant"
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["created_at"], name="idempotency_age")],
                "constraints": [
                    models.UniqueConstraint(fields=("merchant", "key"), name="idempotency_key"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("body__isnull", True), ("status__isnull", True)),
                            models.Q(("body__isnull", False), ("status__isnull", False)),
                            _connector="OR",
                        ),
                        name="idempotency_answer",
                    ),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="channel",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["online", "in_store", "remote"])), name="channel_kind"
            ),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(fields=["merchant", "-id"], name="order_list"),
        ),
        migrations.AddIndex(
            model_name="order",
            index=models.Index(
                condition=models.Q(("customer__isnull", False)), fields=["customer"], name="order_customer"
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(fields=("merchant", "namespace", "reference"), name="order_reference"),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "captured__gte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                django.db.models.expressions.CombinedExpression(
                                    models.F("refunded"), "+", models.F("refund_reserved")
                                ),
                                "+",
                                models.F("charged_back"),
                            ),
                            "-",
                            models.F("excess"),
                        ),
                    )
                ),
                name="order_never_returns_more",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("authorized__gte", 0),
                    ("captured__gte", 0),
                    ("refunded__gte", 0),
                    ("refund_reserved__gte", 0),
                    ("charged_back__gte", 0),
                    ("excess__gte", 0),
                ),
                name="order_amounts_not_negative",
            ),
        ),
        migrations.AddIndex(
            model_name="discrepancy",
            index=models.Index(fields=["merchant", "-id"], name="discrepancy_list"),
        ),
        migrations.AddIndex(
            model_name="discrepancy",
            index=models.Index(
                condition=models.Q(("status", "resolved"), _negated=True),
                fields=["merchant", "kind", "-id"],
                name="discrepancy_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="discrepancy",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "resolved"), _negated=True),
                fields=("merchant", "key"),
                name="discrepancy_open_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="discrepancy",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "missing_in_settlement",
                            "missing_in_books",
                            "amount_differs",
                            "fee_differs",
                            "currency_differs",
                            "duplicate",
                            "payout_differs",
                            "payout_not_received",
                            "shift_differs",
                            "sequence_gap",
                            "sequence_conflict",
                            "outcome_unknown",
                            "offline_declined",
                            "over_returned",
                            "unlinked_refund",
                            "overpaid",
                            "unknown_line",
                            "statement_gap",
                        ],
                    )
                ),
                name="discrepancy_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="chargeback",
            index=models.Index(fields=["merchant", "-id"], name="chargeback_list"),
        ),
        migrations.AddConstraint(
            model_name="chargeback",
            constraint=models.UniqueConstraint(
                fields=("payment", "provider_reference"), name="chargeback_provider_reference"
            ),
        ),
        migrations.AddConstraint(
            model_name="chargeback",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["inquiry", "open", "won", "lost"])), name="chargeback_status"
            ),
        ),
        migrations.AddIndex(
            model_name="cardevidence",
            index=models.Index(fields=["merchant", "rrn"], name="evidence_rrn"),
        ),
        migrations.AddIndex(
            model_name="cardevidence",
            index=models.Index(fields=["merchant", "authorization_code"], name="evidence_authorization"),
        ),
        migrations.AddConstraint(
            model_name="cardevidence",
            constraint=models.UniqueConstraint(fields=("terminal_id", "series", "sequence"), name="evidence_sequence"),
        ),
        migrations.AddConstraint(
            model_name="provideraccount",
            constraint=models.UniqueConstraint(
                models.F("merchant"),
                models.F("provider"),
                condition=models.Q(("default", True)),
                name="provider_account_one_default",
            ),
        ),
        migrations.AddIndex(
            model_name="providerevent",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="provider_event_due"
            ),
        ),
        migrations.AddIndex(
            model_name="providerevent",
            index=models.Index(fields=["merchant", "-id"], name="provider_event_list"),
        ),
        migrations.AddConstraint(
            model_name="providerevent",
            constraint=models.UniqueConstraint(fields=("provider_account", "event_id"), name="provider_event_once"),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["merchant", "-id"], name="refund_list"),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["requires_approval", "pending", "succeeded", "failed", "canceled"])),
                name="refund_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="refund_amount_positive"),
        ),
        migrations.AddIndex(
            model_name="operation",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="operation_due"),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.CheckConstraint(
                condition=models.Q(("verb__in", ["authorize", "capture", "sale", "cancel", "refund"])),
                name="operation_verb",
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("outcome__isnull", True),
                    ("outcome__in", ["succeeded", "declined", "pending", "unknown", "not_sent"]),
                    _connector="OR",
                ),
                name="operation_outcome",
            ),
        ),
        migrations.AddConstraint(
            model_name="operation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_reference__isnull", False)),
                fields=("provider_account", "verb", "provider_reference"),
                name="operation_provider_reference",
            ),
        ),
        migrations.AddConstraint(
            model_name="voucher",
            constraint=models.UniqueConstraint(fields=("merchant", "code_hash"), name="voucher_code"),
        ),
        migrations.AddConstraint(
            model_name="voucher",
            constraint=models.CheckConstraint(
                condition=models.Q(("balance__gte", 0), ("balance__lte", models.F("amount"))), name="voucher_balance"
            ),
        ),
        migrations.AddConstraint(
            model_name="voucher",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="voucher_amount_positive"),
        ),
        migrations.AddConstraint(
            model_name="refundpart",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["requires_approval", "queued", "pending", "unknown", "succeeded", "failed", "canceled"],
                    )
                ),
                name="refund_part_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundpart",
            constraint=models.CheckConstraint(
                condition=models.Q(("route__in", ["original", "terminal", "bank", "voucher", "cash"])),
                name="refund_part_route",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundpart",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount__gt", 0)), name="refund_part_amount_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="refundpart",
            constraint=models.UniqueConstraint(fields=("refund", "position"), name="refund_part_position"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["merchant", "-id"], name="payment_list"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["merchant", "channel", "-id"], name="payment_by_channel"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["merchant", "status", "-id"], name="payment_by_status"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["merchant", "business_day", "-id"], name="payment_by_day"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(fields=["merchant", "amount", "-id"], name="payment_by_amount"),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("card_last4__isnull", False)),
                fields=["merchant", "card_last4", "-id"],
                name="payment_by_last4",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("card_fingerprint__isnull", False)),
                fields=["merchant", "card_fingerprint"],
                name="payment_by_card",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("terminal_id__isnull", False)),
                fields=["terminal_id", "-id"],
                name="payment_by_terminal",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("status__in", ["requires_action", "authorized", "processing"])),
                fields=["expires_at"],
                name="payment_expiring",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        [
                            "requires_action",
                            "processing",
                            "authorized",
                            "captured",
                            "declined",
                            "canceled",
                            "expired",
                            "reversed",
                            "unknown",
                        ],
                    )
                ),
                name="payment_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("origin__in", ["online", "in_store", "remote"])), name="payment_origin"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(condition=models.Q(("amount__gt", 0)), name="payment_amount_positive"),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("amount_captured__gte", 0),
                    ("amount_refunded__gte", 0),
                    ("refund_reserved__gte", 0),
                    ("amount_charged_back__gte", 0),
                    ("amount_authorized__gte", models.F("amount_released")),
                ),
                name="payment_amounts_not_negative",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("provider_reference__isnull", False)),
                fields=("provider_account", "provider_reference"),
                name="payment_provider_reference",
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("receipt_number__isnull", False)),
                fields=("merchant", "receipt_number"),
                name="payment_receipt_number",
            ),
        ),
    ]

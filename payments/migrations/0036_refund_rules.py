"""What a merchant allows in refunds, and the reasons that it counts, as rows."""

import django.db.models.deletion
import django.utils.timezone
import functools
import payments.core.ids
import payments.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0035_order_by_invoice"),
    ]

    operations = [
        migrations.CreateModel(
            name="RefundReason",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("rrs",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("code", models.CharField(max_length=40, verbose_name="code")),
                ("english", models.CharField(max_length=100, verbose_name="in English")),
                ("dutch", models.CharField(max_length=100, verbose_name="in Dutch")),
                ("active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "refund reason",
                "verbose_name_plural": "refund reasons",
            },
        ),
        migrations.CreateModel(
            name="RefundRule",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("rrl",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("name", models.CharField(max_length=100, verbose_name="name")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("free", "may give back in every way"),
                            ("original_only", "gives back only the way the money came"),
                            ("own_sale", "gives back only what its own channel sold"),
                            ("per_refund", "limit of one refund"),
                            ("per_person", "limit of one person on a day"),
                            ("per_channel", "limit of a channel on a day"),
                            ("per_iban", "limit to one bank account in 35 days"),
                            ("blocked_iban", "bank account that gets nothing"),
                        ],
                        max_length=13,
                        verbose_name="kind",
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("owner", "owner"),
                            ("finance", "finance"),
                            ("store_manager", "store manager"),
                            ("clerk", "clerk"),
                            ("auditor", "auditor"),
                        ],
                        default="",
                        max_length=13,
                        verbose_name="role",
                    ),
                ),
                (
                    "person_id",
                    payments.db.fields.IdField(
                        blank=True, db_collation="C", max_length=30, null=True, verbose_name="person or key"
                    ),
                ),
                ("amount", payments.db.fields.AmountField(blank=True, null=True, verbose_name="at most")),
                (
                    "beyond",
                    models.CharField(
                        blank=True,
                        choices=[("refuse", "is refused"), ("second_person", "waits for a second person")],
                        default="",
                        max_length=13,
                        verbose_name="a refund beyond it",
                    ),
                ),
                ("iban_hash", models.CharField(blank=True, default="", editable=False, max_length=64)),
                (
                    "iban_end",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=4, verbose_name="account ends in"
                    ),
                ),
                ("active", models.BooleanField(default=True, verbose_name="active")),
            ],
            options={
                "verbose_name": "refund rule",
                "verbose_name_plural": "refund rules",
            },
        ),
        migrations.AddField(
            model_name="refund",
            name="reason_code",
            field=models.CharField(blank=True, db_default="", default="", max_length=40, verbose_name="reason code"),
        ),
        migrations.AddField(
            model_name="refundpart",
            name="iban_hash",
            field=models.CharField(blank=True, db_default="", default="", editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="refundreason",
            name="merchant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refund_reasons",
                to="payments.merchant",
                verbose_name="merchant",
            ),
        ),
        migrations.AddField(
            model_name="refundrule",
            name="channel",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.channel",
                verbose_name="channel",
            ),
        ),
        migrations.AddField(
            model_name="refundrule",
            name="merchant",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refund_rules",
                to="payments.merchant",
                verbose_name="merchant",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundreason",
            constraint=models.UniqueConstraint(fields=("merchant", "code"), name="refund_reason_once"),
        ),
        migrations.AddIndex(
            model_name="refundrule",
            index=models.Index(condition=models.Q(("active", True)), fields=["merchant"], name="refund_rule_active"),
        ),
        migrations.AddConstraint(
            model_name="refundrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "free",
                            "original_only",
                            "own_sale",
                            "per_refund",
                            "per_person",
                            "per_channel",
                            "per_iban",
                            "blocked_iban",
                        ],
                    )
                ),
                name="refund_rule_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("amount__gte", 0), ("beyond__in", ["refuse", "second_person"]), ("kind__startswith", "per_")
                    ),
                    models.Q(
                        models.Q(("kind__startswith", "per_"), _negated=True), ("amount__isnull", True), ("beyond", "")
                    ),
                    _connector="OR",
                ),
                name="refund_rule_limit_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="refundrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "blocked_iban"), ("iban_hash", ""), _connector="XOR"),
                name="refund_rule_account_when_blocked",
            ),
        ),
    ]

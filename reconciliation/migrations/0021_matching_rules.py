"""Matching rules of each provider account, and the card that a line may be known by."""

import django.db.models.deletion
import django.utils.timezone
import functools
import payments.core.ids
import payments.db.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0030_payout_days"),
        ("reconciliation", "0020_cash_deposits"),
    ]

    operations = [
        migrations.AddField(
            model_name="settlementline",
            name="card_last4",
            field=models.CharField(blank=True, db_default="", default="", max_length=4, verbose_name="card"),
        ),
        migrations.AlterField(
            model_name="settlementline",
            name="rule",
            field=models.CharField(
                blank=True,
                choices=[
                    ("operation", "by our own number"),
                    ("reference", "by the provider's reference"),
                    ("card_present", "by the terminal's numbers"),
                    ("payment", "by the payment's reference and the amount"),
                    ("order", "by the order's reference and the amount"),
                    ("payment_only", "by the payment's reference alone"),
                    ("amount_day_card", "by amount, day and card"),
                    ("parts", "in parts"),
                    ("by_hand", "by a person"),
                    ("ambiguous", "several fit"),
                    ("contradicts", "contradicts itself"),
                    ("sign", "wrong sign"),
                ],
                db_default="",
                default="",
                max_length=16,
                verbose_name="matched",
            ),
        ),
        migrations.CreateModel(
            name="MatchingRule",
            fields=[
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("mrl",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "rule",
                    models.CharField(
                        choices=[
                            ("operation", "by our own number"),
                            ("reference", "by the provider's reference"),
                            ("card_present", "by the terminal's numbers"),
                            ("payment", "by the payment's reference and the amount"),
                            ("order", "by the order's reference and the amount"),
                            ("payment_only", "by the payment's reference alone"),
                            ("amount_day_card", "by amount, day and card"),
                            ("parts", "in parts"),
                            ("by_hand", "by a person"),
                            ("ambiguous", "several fit"),
                            ("contradicts", "contradicts itself"),
                            ("sign", "wrong sign"),
                        ],
                        max_length=16,
                        verbose_name="rule",
                    ),
                ),
                ("enabled", models.BooleanField(verbose_name="on")),
                ("priority", models.PositiveSmallIntegerField(verbose_name="order")),
                ("window_days", models.PositiveSmallIntegerField(blank=True, null=True, verbose_name="days around it")),
                ("tolerance", payments.db.fields.AmountField(default=0, verbose_name="tolerance")),
                (
                    "tolerance_basis_points",
                    models.PositiveIntegerField(blank=True, null=True, verbose_name="at most, in basis points"),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[("rounding", "rounding"), ("fee", "the provider's fee"), ("write_off", "written off")],
                        default="",
                        max_length=9,
                        verbose_name="booked as",
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
            ],
            options={
                "verbose_name": "matching rule",
                "verbose_name_plural": "matching rules",
                "constraints": [
                    models.UniqueConstraint(fields=("provider_account", "rule"), name="matching_rule_once"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("reason", ""), ("tolerance", 0)),
                            models.Q(("tolerance__gt", 0), models.Q(("reason", ""), _negated=True)),
                            _connector="OR",
                        ),
                        name="matching_rule_reason",
                    ),
                ],
            },
        ),
    ]

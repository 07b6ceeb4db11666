"""Limits of what goes back on cards: at one terminal, and by one operator, on a day."""

from django.db import migrations, models

KINDS = [
    ("free", "may give back in every way"),
    ("original_only", "gives back only the way the money came"),
    ("own_sale", "gives back only what its own channel sold"),
    ("per_refund", "limit of one refund"),
    ("per_person", "limit of one person on a day"),
    ("per_channel", "limit of a channel on a day"),
    ("per_iban", "limit to one bank account in 35 days"),
    ("per_terminal", "limit on cards at one terminal on a day"),
    ("per_operator", "limit on cards by one operator on a day"),
    ("blocked_iban", "bank account that gets nothing"),
]


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0040_card_match"),
    ]

    operations = [
        migrations.AlterField(
            model_name="refundrule",
            name="kind",
            field=models.CharField(choices=KINDS, max_length=13, verbose_name="kind"),
        ),
        migrations.RemoveConstraint(model_name="refundrule", name="refund_rule_kind"),
        migrations.AddConstraint(
            model_name="refundrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            *("free", "original_only", "own_sale", "per_refund"),
                            *("per_person", "per_channel", "per_iban", "blocked_iban"),
                            *("per_terminal", "per_operator"),
                        ],
                    )
                ),
                name="refund_rule_kind",
            ),
        ),
    ]

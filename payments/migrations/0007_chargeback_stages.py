"""The stages of a dispute, and what was told of each. What is known of older ones is written down as their steps."""

import django.db.models.deletion
from django.db import migrations, models

STAGES = [
    ("inquiry", "inquiry"),
    ("chargeback", "chargeback"),
    ("pre_arbitration", "pre-arbitration"),
    ("arbitration", "arbitration"),
]

FIRST_STEPS = """
INSERT INTO payments_chargebackstep (chargeback_id, stage, status, at)
SELECT id, stage, CASE stage WHEN 'inquiry' THEN 'inquiry' ELSE 'open' END, opened_at FROM payments_chargeback
UNION ALL
SELECT id, stage, status, coalesce(closed_at, opened_at) FROM payments_chargeback WHERE status IN ('won', 'lost')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0006_receipts"),
    ]

    operations = [
        migrations.AddField(
            model_name="chargeback",
            name="respond_by",
            field=models.DateTimeField(blank=True, null=True, verbose_name="respond by"),
        ),
        migrations.AddField(
            model_name="chargeback",
            name="stage",
            field=models.CharField(choices=STAGES, default="chargeback", max_length=15, verbose_name="stage"),
            preserve_default=False,
        ),
        migrations.CreateModel(
            name="ChargebackStep",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("stage", models.CharField(choices=STAGES, max_length=15, verbose_name="stage")),
                (
                    "status",
                    models.CharField(
                        choices=[("inquiry", "inquiry"), ("open", "open"), ("won", "won"), ("lost", "lost")],
                        max_length=8,
                        verbose_name="status",
                    ),
                ),
                ("at", models.DateTimeField(verbose_name="at")),
                ("respond_by", models.DateTimeField(blank=True, null=True, verbose_name="respond by")),
                (
                    "chargeback",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="payments.chargeback",
                    ),
                ),
            ],
            options={
                "verbose_name": "step of a chargeback",
                "verbose_name_plural": "steps of chargebacks",
            },
        ),
        migrations.RunSQL(
            "UPDATE payments_chargeback SET stage = 'inquiry' WHERE status = 'inquiry'", migrations.RunSQL.noop
        ),
        migrations.RunSQL(FIRST_STEPS, migrations.RunSQL.noop),
        migrations.RunSQL("SET CONSTRAINTS ALL IMMEDIATE", migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="chargeback",
            constraint=models.CheckConstraint(
                condition=models.Q(("stage", "inquiry"), ("status__in", ["inquiry", "won"]))
                | models.Q(
                    ("stage__in", ["chargeback", "pre_arbitration", "arbitration"]),
                    ("status__in", ["open", "won", "lost"]),
                ),
                name="chargeback_stage",
            ),
        ),
        migrations.AddConstraint(
            model_name="chargebackstep",
            constraint=models.UniqueConstraint(fields=("chargeback", "stage", "status"), name="chargeback_step_once"),
        ),
    ]

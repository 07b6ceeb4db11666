"""Exports are put onto a server by SFTP, and again while that fails."""

import payments.core.crypto
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0035_order_by_invoice"),
        ("reconciliation", "0021_matching_rules"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="exportschedule",
            name="export_schedule_delivery",
        ),
        migrations.AddField(
            model_name="export",
            name="delivery_attempts",
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False),
        ),
        migrations.AddField(
            model_name="export",
            name="delivery_due_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="export",
            name="delivery_error",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=40, verbose_name="not handed over"
            ),
        ),
        migrations.AddField(
            model_name="exportschedule",
            name="folder",
            field=models.CharField(blank=True, db_default="", default="", max_length=255, verbose_name="folder"),
        ),
        migrations.AddField(
            model_name="exportschedule",
            name="host",
            field=models.CharField(blank=True, db_default="", default="", max_length=253, verbose_name="server"),
        ),
        migrations.AddField(
            model_name="exportschedule",
            name="host_key",
            field=models.TextField(blank=True, db_default="", default="", editable=False, verbose_name="host key"),
        ),
        migrations.AddField(
            model_name="exportschedule",
            name="port",
            field=models.PositiveIntegerField(blank=True, null=True, verbose_name="port"),
        ),
        migrations.AddField(
            model_name="exportschedule",
            name="sign_in",
            field=payments.core.crypto.EncryptedTextField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="exportschedule",
            name="user",
            field=models.CharField(blank=True, db_default="", default="", max_length=100, verbose_name="user name"),
        ),
        migrations.AlterField(
            model_name="exportschedule",
            name="delivery",
            field=models.CharField(
                choices=[
                    ("folder", "into the server's export folder"),
                    ("mail", "by e-mail"),
                    ("sftp", "to a server, by SFTP"),
                ],
                max_length=6,
                verbose_name="handed over",
            ),
        ),
        migrations.AddIndex(
            model_name="export",
            index=models.Index(
                condition=models.Q(("delivery_due_at__isnull", False)),
                fields=["delivery_due_at"],
                name="export_delivery_due",
            ),
        ),
        migrations.AddConstraint(
            model_name="exportschedule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("delivery", "folder"), ("email", ""), ("host", "")),
                    models.Q(("delivery", "mail"), ("host", ""), models.Q(("email", ""), _negated=True)),
                    models.Q(
                        ("delivery", "sftp"),
                        ("email", ""),
                        ("port__gt", 0),
                        models.Q(("host", ""), _negated=True),
                        models.Q(("host_key", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="export_schedule_handed_over",
            ),
        ),
    ]

"""Requests of every sensitive action, with what they would change, and the chain of keys that were rolled."""

import django.contrib.postgres.fields
import payments.core.crypto
import payments.db.fields
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps
from django.db.models import Q


def chain_keys(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Say of each key that was rolled from another which one that was: until now only the audit log knew."""
    alias = editor.connection.alias
    log = apps.get_model("people", "AuditLog").objects.using(alias)
    rolled = log.filter(action="api_key.rolled", object_type="api_key")
    keys = apps.get_model("people", "ApiKey").objects.using(alias)
    for predecessor_id, after in rolled.values_list("object_id", "after").iterator():
        keys.filter(id=(after or {}).get("successor")).update(predecessor_id=predecessor_id)


def forget_new_kinds(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """What the old tables cannot hold goes; it stands in the audit log."""
    rows = apps.get_model("people", "Approval").objects.using(editor.connection.alias)
    old = ("refund", "write_off", "forced_match")
    rows.filter(Q(decision="withdrawn") | Q(merchant_id=None) | Q(alone=True) | ~Q(action__in=old)).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0003_second_factor"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="approval",
            name="approval_never_ones_own",
        ),
        migrations.RemoveConstraint(
            model_name="approval",
            name="approval_decided_whole",
        ),
        migrations.AddField(
            model_name="apikey",
            name="predecessor_id",
            field=payments.db.fields.IdField(blank=True, db_collation="C", editable=False, max_length=30, null=True),
        ),
        migrations.AddField(
            model_name="approval",
            name="alone",
            field=models.BooleanField(db_default=False, default=False, editable=False, verbose_name="decided alone"),
        ),
        migrations.AddField(
            model_name="approval",
            name="behind",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=payments.db.fields.IdField(db_collation="C", max_length=30),
                blank=True,
                db_default=[],
                default=list,
                editable=False,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="approval",
            name="payload",
            field=models.JSONField(blank=True, db_default={}, default=dict, editable=False),
        ),
        migrations.AddField(
            model_name="approval",
            name="secrets",
            field=payments.core.crypto.EncryptedTextField(blank=True, editable=False, null=True),
        ),
        migrations.AlterField(
            model_name="approval",
            name="action",
            field=models.CharField(
                choices=[
                    ("refund", "refund"),
                    ("release_transfer", "release of a bank transfer"),
                    ("write_off", "write-off"),
                    ("forced_match", "forced match"),
                    ("book_fee", "booking as a fee"),
                    ("suspense", "move to suspense"),
                    ("accept", "acceptance of a difference"),
                    ("change_settings", "change of settings"),
                    ("change_money_rules", "change of money rules"),
                    ("decide_alone", "deciding alone"),
                    ("add_provider_account", "new provider account"),
                    ("change_provider_account", "change of a provider account"),
                    ("change_payout", "change of credentials or payout account"),
                    ("make_key", "new API key"),
                    ("roll_key", "rolling an API key"),
                    ("revoke_key", "revoking an API key"),
                    ("change_user", "change of a user"),
                    ("change_roles", "change of roles"),
                    ("take_second_factor", "taking a second factor away"),
                ],
                max_length=40,
                verbose_name="action",
            ),
        ),
        migrations.AlterField(
            model_name="approval",
            name="decision",
            field=models.CharField(
                blank=True,
                choices=[("approved", "approved"), ("rejected", "rejected"), ("withdrawn", "withdrawn")],
                max_length=9,
                null=True,
                verbose_name="decision",
            ),
        ),
        migrations.AlterField(
            model_name="approval",
            name="merchant_id",
            field=payments.db.fields.IdField(
                blank=True, db_collation="C", max_length=30, null=True, verbose_name="merchant"
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("decided_by__isnull", True),
                    ("alone", True),
                    models.Q(
                        models.Q(("requested_by", models.F("decided_by_id")), _negated=True),
                        models.Q(("behind__contains", [models.F("decided_by_id")]), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="approval_never_ones_own",
            ),
        ),
        migrations.AddConstraint(
            model_name="approval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("decision__isnull", True)),
                    models.Q(("decided_at__isnull", False), ("decided_by__isnull", True), ("decision", "withdrawn")),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        ("decision__in", ["approved", "rejected"]),
                    ),
                    _connector="OR",
                ),
                name="approval_decided_whole",
            ),
        ),
        migrations.RunPython(chain_keys, forget_new_kinds),
    ]

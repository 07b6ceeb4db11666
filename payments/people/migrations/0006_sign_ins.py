"""Sign-ins, one-time links and recovery codes; what was shown to a password alone of a factor to be goes."""

import django.db.models.deletion
import django.utils.timezone
import functools
import payments.db.fields
import payments.core.ids
from django.conf import settings
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.state import StateApps


def drop_unconfirmed(apps: StateApps, editor: BaseDatabaseSchemaEditor) -> None:
    """Their secrets stood open to whoever had the password, and nobody has proved one yet."""
    factors = apps.get_model("people", "SecondFactor").objects.using(editor.connection.alias)
    factors.filter(confirmed=False).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0005_approvals_stay"),
    ]

    operations = [
        migrations.RunPython(drop_unconfirmed, migrations.RunPython.noop),
        migrations.AddField(
            model_name="secondfactor",
            name="demo",
            field=models.BooleanField(db_default=False, default=False, editable=False),
        ),
        migrations.AddField(
            model_name="secondfactor",
            name="enrolled_at",
            field=models.DateTimeField(editable=False, null=True),
        ),
        migrations.CreateModel(
            name="OneTimeLink",
            fields=[
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("otl",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[("invitation", "invitation"), ("recovery", "recovery"), ("password", "new password")],
                        max_length=10,
                        verbose_name="purpose",
                    ),
                ),
                ("address", models.EmailField(blank=True, max_length=254, verbose_name="e-mail address")),
                ("token_hash", models.CharField(db_collation="C", editable=False, max_length=64, unique=True)),
                (
                    "created_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False, verbose_name="created at"),
                ),
                ("created_by", models.CharField(editable=False, max_length=100, verbose_name="by")),
                ("agreed_by", models.CharField(blank=True, db_default="", default="", editable=False, max_length=100)),
                ("expires_at", models.DateTimeField(verbose_name="good until")),
                ("used_at", models.DateTimeField(null=True, verbose_name="used at")),
                ("revoked_at", models.DateTimeField(null=True, verbose_name="revoked at")),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="one_time_links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "one-time link",
                "verbose_name_plural": "one-time links",
                "indexes": [models.Index(fields=["user", "-id"], name="one_time_link_of_user")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("purpose__in", ["invitation", "recovery", "password"])),
                        name="one_time_link_purpose",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="RecoveryCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("hash", models.CharField(db_collation="C", editable=False, max_length=64)),
                ("used_at", models.DateTimeField(editable=False, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="recovery_codes",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "recovery code",
                "verbose_name_plural": "recovery codes",
                "constraints": [models.UniqueConstraint(fields=("user", "hash"), name="recovery_code_once")],
            },
        ),
        migrations.CreateModel(
            name="SignIn",
            fields=[
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("sgn",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False, verbose_name="signed in at"
                    ),
                ),
                ("last_seen_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="last seen at")),
                ("second_factor_at", models.DateTimeField(null=True)),
                ("address", models.CharField(db_collation="C", max_length=45, verbose_name="address")),
                ("browser", models.CharField(max_length=200, verbose_name="browser")),
                ("ended_at", models.DateTimeField(null=True, verbose_name="ended at")),
                (
                    "ended_because",
                    models.CharField(
                        choices=[
                            ("signed_out", "signed out"),
                            ("expired", "idle or too old"),
                            ("by_person", "ended by its owner"),
                            ("by_manager", "ended by a manager"),
                            ("password", "password changed"),
                            ("factor", "second factor changed"),
                            ("role", "role changed"),
                            ("restored", "restored from a backup"),
                        ],
                        db_default="",
                        default="",
                        max_length=10,
                        verbose_name="ended because",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sign_ins",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "sign-in",
                "verbose_name_plural": "sign-ins",
                "indexes": [
                    models.Index(fields=["user", "-id"], name="sign_in_of_user"),
                    models.Index(fields=["address"], name="sign_in_of_address"),
                ],
            },
        ),
    ]

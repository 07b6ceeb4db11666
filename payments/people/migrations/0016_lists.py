"""Views of lists, their columns, and files of their rows."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import functools
import payments.core.ids
import payments.db.fields
import payments.people.models.list_use
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0015_more_roles"),
    ]

    operations = [
        migrations.CreateModel(
            name="ListColumns",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("page", models.CharField(db_collation="C", max_length=80)),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None),
                ),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("user", "page"), name="list_columns_once")],
            },
        ),
        migrations.CreateModel(
            name="ListFile",
            fields=[
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("lfl",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("page", models.CharField(db_collation="C", max_length=80)),
                ("query", models.TextField(blank=True, default="")),
                (
                    "columns",
                    django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=60), size=None),
                ),
                (
                    "format",
                    models.CharField(choices=[("csv", "CSV"), ("xlsx", "Excel")], max_length=4, verbose_name="format"),
                ),
                ("language", models.CharField(max_length=5)),
                (
                    "status",
                    models.CharField(
                        choices=[("processing", "processing"), ("ready", "ready"), ("failed", "failed")],
                        default="processing",
                        max_length=10,
                        verbose_name="status",
                    ),
                ),
                ("written", models.IntegerField(default=0)),
                ("rows", models.IntegerField(blank=True, null=True)),
                (
                    "file",
                    models.FileField(blank=True, max_length=200, upload_to=payments.people.models.list_use.stored_at),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("due_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
            options={
                "verbose_name": "file of a list",
                "verbose_name_plural": "files of lists",
                "indexes": [
                    models.Index(
                        condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="list_file_due"
                    ),
                    models.Index(fields=["created_at"], name="list_file_age"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("format__in", ["csv", "xlsx"])), name="list_file_format"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("status__in", ["processing", "ready", "failed"])), name="list_file_status"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    payments.db.fields.IdField(
                        db_collation="C",
                        default=functools.partial(payments.core.ids.new_id, *("svw",), **{}),
                        editable=False,
                        max_length=30,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("merchant_id", payments.db.fields.IdField(blank=True, db_collation="C", max_length=30, null=True)),
                ("page", models.CharField(db_collation="C", max_length=80)),
                ("name", models.CharField(max_length=60, verbose_name="name")),
                ("query", models.TextField(blank=True, default="")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "user",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_views",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "saved view",
                "verbose_name_plural": "saved views",
                "indexes": [
                    models.Index(
                        condition=models.Q(("merchant_id__isnull", False)),
                        fields=["merchant_id", "page"],
                        name="saved_view_shared",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("user", "page", "name"), name="saved_view_named_once")],
            },
        ),
    ]

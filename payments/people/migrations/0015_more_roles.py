"""Customer service, controller and developer: roles beside those there were."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0014_passkeys"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="role",
            name="role_name",
        ),
        migrations.AlterField(
            model_name="role",
            name="role",
            field=models.CharField(
                choices=[
                    ("service", "customer service"),
                    ("clerk", "clerk"),
                    ("store_manager", "store manager"),
                    ("finance", "finance"),
                    ("controller", "controller"),
                    ("developer", "developer"),
                    ("auditor", "auditor"),
                    ("owner", "owner"),
                ],
                max_length=13,
                verbose_name="role",
            ),
        ),
        migrations.AddConstraint(
            model_name="role",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "role__in",
                        ["owner", "finance", "store_manager", "clerk", "auditor", "service", "controller", "developer"],
                    )
                ),
                name="role_name",
            ),
        ),
    ]

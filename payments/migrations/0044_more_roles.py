"""Rules for the roles that were added."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0043_payment_by_par"),
    ]

    operations = [
        migrations.AlterField(
            model_name="refundrule",
            name="role",
            field=models.CharField(
                blank=True,
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
                default="",
                max_length=13,
                verbose_name="role",
            ),
        ),
    ]

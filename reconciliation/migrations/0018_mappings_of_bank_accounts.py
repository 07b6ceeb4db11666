"""A mapping describes the files of a provider account or the movements of a bank account."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0029_fiscal_year_start"),
        ("reconciliation", "0017_statements_to_packages"),
    ]

    operations = [
        migrations.AddField(
            model_name="filemapping",
            name="bank_account",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="reconciliation.bankaccount",
                verbose_name="bank account",
            ),
        ),
        migrations.AlterField(
            model_name="filemapping",
            name="provider_account",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.provideraccount",
                verbose_name="provider account",
            ),
        ),
        migrations.AddConstraint(
            model_name="filemapping",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("provider_account__isnull", True), ("bank_account__isnull", True), _connector="XOR"
                ),
                name="file_mapping_account",
            ),
        ),
    ]

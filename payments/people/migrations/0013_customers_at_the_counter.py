from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0012_refund_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="customer",
            name="loyalty_id",
            field=models.CharField(blank=True, max_length=64, null=True, verbose_name="loyalty number"),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.UniqueConstraint(
                condition=models.Q(("loyalty_id__isnull", False)),
                fields=("merchant_id", "loyalty_id"),
                name="customer_loyalty",
            ),
        ),
        migrations.AddConstraint(
            model_name="customer",
            constraint=models.CheckConstraint(
                condition=models.Q(("erased_at__isnull", True), ("loyalty_id__isnull", True), _connector="OR"),
                name="customer_erased_loyalty",
            ),
        ),
    ]

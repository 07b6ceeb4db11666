"""Look through the orders that were there before, without stopping anybody who writes."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0022_vouchers_sold"),
    ]

    operations = [
        ValidateConstraint(model_name="order", name="order_never_returns_more"),
    ]

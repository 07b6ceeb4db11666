"""What is reported of a till has an id `til_…`, as the API's contract says, and the till itself one of its own kind.

What was made before keeps its id: what was reported of a till is never changed, and names it.
"""

import functools

from django.db import migrations

import payments.core.ids
import payments.db.fields


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0046_payment_unknown"),
    ]

    operations = [
        migrations.AlterField(
            model_name="till",
            name="id",
            field=payments.db.fields.IdField(
                db_collation="C",
                default=functools.partial(payments.core.ids.new_id, *("drw",), **{}),
                editable=False,
                max_length=30,
                primary_key=True,
                serialize=False,
            ),
        ),
        migrations.AlterField(
            model_name="tillmovement",
            name="id",
            field=payments.db.fields.IdField(
                db_collation="C",
                default=functools.partial(payments.core.ids.new_id, *("til",), **{}),
                editable=False,
                max_length=30,
                primary_key=True,
                serialize=False,
            ),
        ),
    ]

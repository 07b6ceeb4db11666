"""What captures and cancellations that were asked for may still take of what a payment holds."""

from django.db import migrations

import payments.db.fields

# Those without a final answer are few, and each is due to be looked at again: found by `operation_due`.
UNDER_WAY = """
UPDATE payments_payment p
SET amount_under_way = greatest(0, CASE
    WHEN o.last THEN p.amount_authorized - p.amount_captured - p.amount_released
    ELSE least(o.asked, p.amount_authorized - p.amount_captured - p.amount_released) END)
FROM (
  SELECT payment_id, sum(amount) AS asked, bool_or(final OR verb = 'cancel') AS last
  FROM payments_operation
  WHERE due_at IS NOT NULL AND verb IN ('capture', 'cancel')
    AND (outcome IS NULL OR outcome NOT IN ('succeeded', 'declined'))
  GROUP BY payment_id
) o WHERE o.payment_id = p.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0017_overpaid_per_order"),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="amount_under_way",
            field=payments.db.fields.AmountField(db_default=0, default=0, verbose_name="being captured or released"),
        ),
        migrations.RunSQL(UNDER_WAY, migrations.RunSQL.noop),
    ]

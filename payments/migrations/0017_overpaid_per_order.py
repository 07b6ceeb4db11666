"""An order that was paid too much is one discrepancy, named after the order; those that are no longer true are closed.

Before, each payment beyond the total opened one of its own, with all that was too much until then.
"""

from django.db import migrations

# What an order's merchant keeps beyond what the order costs, as `payments.queries.due.overpaid` counts it.
CLOSE_AND_NAME = """
WITH stands AS (
  SELECT d.id, o.id AS order_id, o.currency,
         row_number() OVER (PARTITION BY o.id ORDER BY d.id DESC) AS place,
         greatest(0, CASE WHEN o.total IS NOT NULL
           THEN o.captured - o.refunded - o.refund_reserved - o.charged_back - s.extras - o.total
           ELSE a.beyond - greatest(0, s.kept - greatest(0,
                  o.captured - o.refunded - o.refund_reserved - o.charged_back))
         END) AS over
  FROM payments_discrepancy d
  JOIN payments_order o ON o.id = split_part(d.key, ':', 2) AND o.merchant_id = d.merchant_id
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(k.kept), 0) AS kept, coalesce(sum(least(k.kept, k.extra)), 0) AS extras
    FROM (SELECT greatest(0, p.amount_captured - p.amount_refunded - p.refund_reserved - p.amount_charged_back) AS kept,
                 p.tip + p.cashback AS extra
          FROM payments_payment p WHERE p.order_id = o.id AND p.amount_captured <> 0) k
  ) s
  CROSS JOIN LATERAL (
    SELECT coalesce(sum(greatest(0, g.kept - g.amount)), 0) AS beyond
    FROM (SELECT p.amount_captured AS amount,
                 sum(greatest(0, p.amount_captured - p.amount_refunded - p.refund_reserved - p.amount_charged_back))
                   AS kept
          FROM payments_payment p WHERE p.order_id = o.id AND p.amount_captured <> 0 GROUP BY 1) g
  ) a
  WHERE d.kind = 'overpaid' AND d.status <> 'resolved'
)
UPDATE payments_discrepancy d
SET key = CASE WHEN s.place = 1 AND s.over > 0 THEN 'overpaid:' || s.order_id ELSE d.key END,
    amount = CASE WHEN s.place = 1 AND s.over > 0 THEN s.over ELSE d.amount END,
    status = CASE WHEN s.place = 1 AND s.over > 0 THEN d.status ELSE 'resolved' END,
    resolved_at = CASE WHEN s.place = 1 AND s.over > 0 THEN NULL ELSE now() END,
    resolved_by = CASE WHEN s.place = 1 AND s.over > 0 THEN '' ELSE 'system:migration' END,
    resolution = CASE WHEN s.place = 1 AND s.over > 0 THEN NULL ELSE '{"action": "explained"}'::jsonb END
FROM stands s WHERE s.id = d.id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0016_work_failures"),
    ]

    operations = [
        migrations.RunSQL(CLOSE_AND_NAME, migrations.RunSQL.noop),
    ]

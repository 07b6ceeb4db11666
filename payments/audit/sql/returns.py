"""What was given back or paid too much, against the ledger and the discrepancies that say so."""

from typing import Final

# Returns beyond what was paid are recorded, not refused; each order with one has a discrepancy for finance.
OVER_RETURN: Final = """
SELECT o.id, 'gave back more than was paid, and no discrepancy over_returned is open for it'
FROM payments_order o
WHERE (o.excess > 0 OR o.refunded + o.refund_reserved + o.charged_back > o.captured)
  AND NOT EXISTS (SELECT FROM payments_discrepancy d
                  WHERE d.merchant_id = o.merchant_id AND d.key = 'over_returned:' || o.id
                    AND (d.status <> 'resolved' OR d.resolution ->> 'action' <> 'explained'))
"""

# What an order may still give back equals the balance of its takings in the ledger: what its sales credited, less its
# accepted refunds and the vouchers sold on it. A refund that waits for a second person reserves its amount and is not
# booked yet; one that failed is still booked (the debt stays) and reserves nothing.
REFUNDABLE: Final = """
WITH takings AS (
  SELECT coalesce(p.order_id, f.order_id, v.order_id) AS order_id, -sum(l.amount) AS amount
  FROM ledger_posting l
  JOIN ledger_account a ON a.number = l.account_id
  JOIN ledger_journalentry e ON e.id = l.entry_id
  LEFT JOIN payments_operation o
    ON split_part(e.key, ':', 1) IN ('sale', 'capture', 'reversal') AND o.id = split_part(e.key, ':', 2)
  LEFT JOIN payments_payment p ON p.id = o.payment_id
  LEFT JOIN payments_refundpart t
    ON split_part(e.key, ':', 1) IN ('refund_accepted', 'refund_abandoned') AND t.id = split_part(e.key, ':', 2)
  LEFT JOIN payments_refund f ON f.id = t.refund_id
  LEFT JOIN payments_voucher v
    ON split_part(e.key, ':', 1) IN ('voucher_sold', 'voucher_canceled') AND v.id = split_part(e.key, ':', 2)
  WHERE split_part(a.code, ':', 1) IN ('takings', 'tips', 'returns')
     OR (split_part(a.code, ':', 1) = 'till' AND p.cashback > 0)
  GROUP BY 1
), parts AS (
  SELECT f.order_id, sum(t.amount) FILTER (WHERE t.status = 'requires_approval') AS proposed,
         sum(t.amount) FILTER (WHERE t.status = 'failed') AS failed
  FROM payments_refundpart t JOIN payments_refund f ON f.id = t.refund_id
  WHERE t.status IN ('requires_approval', 'failed') GROUP BY 1
)
SELECT o.id, format('may give back %s by its own sums, and %s by its takings in the ledger', x.own, x.ledger)
FROM payments_order o
LEFT JOIN takings k ON k.order_id = o.id
LEFT JOIN parts s ON s.order_id = o.id
CROSS JOIN LATERAL (
  SELECT o.captured - o.refunded - o.refund_reserved - o.vouchers_sold AS own,
         coalesce(k.amount, 0) - coalesce(s.proposed, 0) + coalesce(s.failed, 0) AS ledger
) x
WHERE x.own <> x.ledger
"""

# Money that was given back twice in two ways has a discrepancy: more of one payment than was paid with it, though its
# order had more; or a refund without a known sale, which the sale's own order may give back again.
GIVEN_BACK_TWICE: Final = """
SELECT p.id, format('gave back %s of the %s that were paid with it, and has no discrepancy',
                    p.amount_refunded + p.refund_reserved + p.amount_charged_back, p.amount_captured)
FROM payments_payment p
WHERE p.amount_refunded + p.refund_reserved + p.amount_charged_back > p.amount_captured
  AND NOT EXISTS (SELECT FROM payments_discrepancy d
                  WHERE d.merchant_id = p.merchant_id
                    AND d.key IN ('over_returned:' || p.order_id, 'over_returned:' || p.id))
UNION ALL
SELECT t.id, 'was given back without a sale, and has no discrepancy'
FROM payments_refundpart t JOIN payments_refund f ON f.id = t.refund_id
WHERE t.payment_id IS NULL AND t.status = 'succeeded'
  AND NOT EXISTS (SELECT FROM payments_discrepancy d
                  WHERE d.merchant_id = f.merchant_id AND d.key = 'unlinked_refund:' || t.id)
"""

# An order's `vouchers_sold` is the sum of its vouchers; what was sold as vouchers and given back as well has a
# discrepancy.
VOUCHER_AND_REFUND: Final = """
WITH sold AS (
  SELECT order_id, sum(amount) AS amount FROM payments_voucher
  WHERE order_id IS NOT NULL AND status <> 'canceled' GROUP BY 1
), back AS (
  SELECT f.order_id, sum(t.amount) AS amount
  FROM payments_refundpart t JOIN payments_refund f ON f.id = t.refund_id
  WHERE t.status IN ('requires_approval', 'queued', 'pending', 'unknown', 'succeeded') GROUP BY 1
)
SELECT o.id, format('has %s sold as vouchers, and vouchers worth %s', o.vouchers_sold, coalesce(s.amount, 0))
FROM payments_order o LEFT JOIN sold s ON s.order_id = o.id
WHERE o.vouchers_sold <> coalesce(s.amount, 0)
UNION ALL
SELECT o.id, format('gave back %s and sold vouchers of %s, where %s was paid, and has no discrepancy',
                    coalesce(b.amount, 0), s.amount, o.captured)
FROM sold s
JOIN payments_order o ON o.id = s.order_id
LEFT JOIN back b ON b.order_id = o.id
WHERE coalesce(b.amount, 0) + o.charged_back + s.amount > o.captured
  AND NOT EXISTS (SELECT FROM payments_discrepancy d
                  WHERE d.merchant_id = o.merchant_id AND d.key = 'over_returned:' || o.id)
"""

# An order that was overpaid has one open discrepancy of that amount (or one that a person resolved), and no other order
# has one: see `payments.queries.due.overpaid`.
OVERPAID: Final = """
WITH kept AS (
  SELECT p.order_id, p.amount_captured AS amount, p.tip + p.cashback AS extra,
         greatest(0, p.amount_captured - p.amount_refunded - p.refund_reserved - p.amount_charged_back) AS kept
  FROM payments_payment p WHERE p.amount_captured <> 0
), sums AS (
  SELECT order_id, sum(kept) AS kept, sum(least(kept, extra)) AS extras FROM kept GROUP BY 1
), alike AS (
  SELECT order_id, sum(beyond) AS beyond
  FROM (SELECT order_id, greatest(0, sum(kept) - amount) AS beyond FROM kept GROUP BY order_id, amount) k GROUP BY 1
), expected AS (
  SELECT o.id, o.merchant_id, greatest(0, CASE
           WHEN o.total IS NOT NULL THEN x.kept - s.extras - o.total
           ELSE a.beyond - greatest(0, s.kept - greatest(0, x.kept)) END) AS over
  FROM payments_order o
  JOIN sums s ON s.order_id = o.id
  JOIN alike a ON a.order_id = o.id
  CROSS JOIN LATERAL (SELECT o.captured - o.refunded - o.refund_reserved - o.charged_back AS kept) x
), reported AS (
  SELECT id, merchant_id, split_part(key, ':', 2) AS order_id, amount, status,
         status <> 'resolved' OR resolution ->> 'action' IS DISTINCT FROM 'explained' AS counts
  FROM payments_discrepancy WHERE kind = 'overpaid' AND key LIKE 'overpaid:ord!_%' ESCAPE '!'
)
SELECT s.id, format('was paid %s too much, and has no discrepancy', s.over)
FROM expected s
WHERE s.over > 0
  AND NOT EXISTS (SELECT FROM reported t WHERE t.order_id = s.id AND t.merchant_id = s.merchant_id AND t.counts)
UNION ALL
SELECT t.id, format('reports %s paid too much on %s, and it was %s', t.amount, t.order_id, coalesce(s.over, 0))
FROM reported t LEFT JOIN expected s ON s.id = t.order_id
WHERE t.status <> 'resolved' AND t.amount IS DISTINCT FROM coalesce(s.over, 0)
"""

"""The sums that payments, orders and refund parts carry, against the rows they are sums of."""

from typing import Final

# A payment's sums are columns, so that a refund locks and reads one row; here they are summed again from its rows.
PAYMENT_SUMS: Final = """
SELECT p.id, format('has captured %s, refunded %s, reserved %s, charged back %s; its operations have %s, %s, %s, %s',
                    p.amount_captured, p.amount_refunded, p.refund_reserved, p.amount_charged_back,
                    d.captured, r.refunded, r.reserved, c.charged_back)
FROM payments_payment p
JOIN LATERAL (
  SELECT coalesce(sum(o.amount), 0) AS captured FROM payments_operation o
  WHERE o.payment_id = p.id AND o.verb IN ('sale', 'capture') AND o.outcome = 'succeeded' AND o.reversed_at IS NULL
) d ON true
JOIN LATERAL (
  SELECT coalesce(sum(t.amount) FILTER (WHERE t.status = 'succeeded'), 0) AS refunded,
         coalesce(sum(t.amount) FILTER (
           WHERE t.status IN ('requires_approval', 'queued', 'pending', 'unknown')), 0) AS reserved
  FROM payments_refundpart t WHERE t.payment_id = p.id
) r ON true
JOIN LATERAL (
  SELECT coalesce(sum(b.amount), 0) AS charged_back FROM payments_chargeback b
  WHERE b.payment_id = p.id AND b.status IN ('open', 'lost')
) c ON true
WHERE (p.amount_captured, p.amount_refunded, p.refund_reserved, p.amount_charged_back)
   <> (d.captured, r.refunded, r.reserved, c.charged_back)
"""

# What captures and cancellations without a final answer may still take; a last capture leaves nothing, nor does a
# cancellation.
UNDER_WAY: Final = """
SELECT p.id, format('has %s being captured or released; its operations have %s', p.amount_under_way, x.takes)
FROM payments_payment p
JOIN LATERAL (
  SELECT coalesce(sum(o.amount), 0) AS requested, coalesce(bool_or(o.final OR o.verb = 'cancel'), false) AS last
  FROM payments_operation o
  WHERE o.payment_id = p.id AND o.verb IN ('capture', 'cancel')
    AND (o.outcome IS NULL OR o.outcome NOT IN ('succeeded', 'declined'))
) w ON true
JOIN LATERAL (SELECT greatest(0, p.amount_authorized - p.amount_captured - p.amount_released) AS held) h ON true
JOIN LATERAL (SELECT CASE WHEN w.last THEN h.held ELSE least(w.requested, h.held) END AS takes) x ON true
WHERE p.manual_capture AND p.amount_under_way <> x.takes
"""

# An order's sums are those of its payments, and of refunds without a payment (`u`).
ORDER_SUMS: Final = """
SELECT o.id, format('has captured %s, refunded %s, reserved %s, charged back %s; its payments have %s, %s, %s, %s',
                    o.captured, o.refunded, o.refund_reserved, o.charged_back,
                    s.captured, s.refunded + u.refunded, s.reserved + u.reserved, s.charged_back)
FROM payments_order o
JOIN LATERAL (
  SELECT coalesce(sum(p.amount_captured), 0) AS captured, coalesce(sum(p.amount_refunded), 0) AS refunded,
         coalesce(sum(p.refund_reserved), 0) AS reserved, coalesce(sum(p.amount_charged_back), 0) AS charged_back
  FROM payments_payment p WHERE p.order_id = o.id
) s ON true
JOIN LATERAL (
  SELECT coalesce(sum(t.amount) FILTER (WHERE t.status = 'succeeded'), 0) AS refunded,
         coalesce(sum(t.amount) FILTER (
           WHERE t.status IN ('requires_approval', 'queued', 'pending', 'unknown')), 0) AS reserved
  FROM payments_refund f JOIN payments_refundpart t ON t.refund_id = f.id
  WHERE f.order_id = o.id AND t.payment_id IS NULL
) u ON true
WHERE (o.captured, o.refunded, o.refund_reserved, o.charged_back)
   <> (s.captured, s.refunded + u.refunded, s.reserved + u.reserved, s.charged_back)
"""

# Every succeeded refund part has a succeeded operation of its amount, and every such operation a succeeded part.
PART_DIFFERS: Final = """
SELECT t.id, format('succeeded with %s, and no succeeded refund moved that', t.amount)
FROM payments_refundpart t
WHERE t.status = 'succeeded' AND NOT EXISTS (
  SELECT FROM payments_operation o
  WHERE o.refund_part_id = t.id AND o.verb = 'refund' AND o.outcome = 'succeeded' AND o.amount = t.amount
)
UNION ALL
SELECT o.refund_part_id, format('is %s, and its refund %s succeeded', coalesce(t.status, 'gone'), o.id)
FROM payments_operation o LEFT JOIN payments_refundpart t ON t.id = o.refund_part_id
WHERE o.verb = 'refund' AND o.outcome = 'succeeded' AND o.reversed_at IS NULL AND o.refund_part_id IS NOT NULL
  AND t.status IS DISTINCT FROM 'succeeded'
"""

"""The audit's queries. Each row that one returns is a violation: (subject, what is wrong). Amounts in minor units."""

from typing import Final

# Each succeeded sale, capture and refund has its entry under `verb:op_…` (a bank refund is booked when released).
OPERATION_WITHOUT_ENTRY: Final = """
SELECT o.id, 'succeeded ' || o.verb || ' has no journal entry ' || o.verb || ':' || o.id
FROM payments_operation o
WHERE o.outcome = 'succeeded' AND o.verb IN ('sale', 'capture', 'refund')
  AND NOT EXISTS (SELECT FROM ledger_journalentry e WHERE e.key = o.verb || ':' || o.id)
"""

# And nothing is booked under such a key for an operation that did not succeed, or for none at all.
ENTRY_WITHOUT_OPERATION: Final = """
SELECT e.id, 'journal entry ' || e.key || ' has no such succeeded operation'
FROM ledger_journalentry e
LEFT JOIN payments_operation o ON o.id = split_part(e.key, ':', 2) AND o.verb = split_part(e.key, ':', 1)
WHERE split_part(e.key, ':', 1) IN ('sale', 'capture', 'refund', 'authorize', 'cancel')
  AND (o.id IS NULL OR o.verb IN ('authorize', 'cancel')
       OR (o.outcome IS DISTINCT FROM 'succeeded' AND o.reversed_at IS NULL))
"""

# What a sale's or capture's entry credits to takings, tips and till is the operation's amount; cash rounding aside,
# which the entry has on an account of its own.
OPERATION_AMOUNT: Final = """
SELECT o.id, 'entry ' || e.key || ' books ' || s.booked || ' where the operation moved ' || o.amount
FROM payments_operation o
JOIN ledger_journalentry e ON e.key = o.verb || ':' || o.id
JOIN LATERAL (
  SELECT sum(p.amount) FILTER (WHERE p.amount > 0 AND a.code <> 'rounding') AS booked,
         sum(p.amount) FILTER (WHERE a.code = 'rounding') AS rounding
  FROM ledger_posting p JOIN ledger_account a ON a.number = p.account_id WHERE p.entry_id = e.id
) s ON true
WHERE o.verb IN ('sale', 'capture') AND s.booked + coalesce(s.rounding, 0) <> o.amount
"""

# An operation is marked as reversed exactly if its entry has a reversal.
REVERSALS: Final = """
SELECT o.id, CASE WHEN e.id IS NULL THEN 'was reversed, but its journal reversal is missing'
                  ELSE 'was not reversed, but has a journal reversal' END
FROM payments_operation o
LEFT JOIN ledger_journalentry e ON e.key = 'reversal:' || o.id
WHERE o.verb IN ('sale', 'capture') AND (o.reversed_at IS NULL) <> (e.id IS NULL)
"""

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
  LEFT JOIN payments_voucher v ON split_part(e.key, ':', 1) = 'voucher_sold' AND v.id = split_part(e.key, ':', 2)
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
  SELECT order_id, sum(amount) AS amount FROM payments_voucher WHERE order_id IS NOT NULL GROUP BY 1
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

# The open items of the ledger, recomputed from the rows they are about.
OPEN_ITEMS: Final = """
WITH expected AS (
  SELECT t.item, 'refunds_payable' AS name, -t.amount AS amount, t.id AS subject
  FROM payments_refundpart t
  WHERE t.status IN ('queued', 'pending', 'unknown', 'failed')
  UNION ALL
  SELECT v.item, 'vouchers', -v.balance, v.id
  FROM payments_voucher v WHERE v.status IN ('active', 'spent') AND v.balance > 0
  UNION ALL
  SELECT p.item, 'provisional', p.amount_captured, p.id
  FROM payments_payment p WHERE p.provisional AND p.amount_captured > 0
  UNION ALL
  SELECT c.item, 'disputed', c.amount, c.id FROM payments_chargeback c WHERE c.status = 'open'
  UNION ALL
  SELECT c.item, 'chargebacks', c.amount, c.id FROM payments_chargeback c WHERE c.status = 'lost'
), booked AS (
  SELECT p.item, split_part(a.code, ':', 1) AS name, sum(p.amount) AS amount
  FROM ledger_posting p JOIN ledger_account a ON a.number = p.account_id
  WHERE split_part(a.code, ':', 1) IN ('refunds_payable', 'vouchers', 'provisional', 'disputed', 'chargebacks')
  GROUP BY 1, 2 HAVING sum(p.amount) <> 0
)
SELECT coalesce(x.subject, 'item ' || b.item),
       format('%s should be open with %s and is with %s', coalesce(x.name, b.name),
              coalesce(x.amount, 0), coalesce(b.amount, 0))
FROM expected x FULL JOIN booked b ON b.item = x.item AND b.name = x.name
WHERE coalesce(x.amount, 0) <> coalesce(b.amount, 0)
"""

# The statistics count what is captured, given back (from acceptance until it is abandoned) and disputed now.
STATISTICS: Final = """
WITH counted AS (
  SELECT merchant_id, currency, sum(sales_amount) AS sales, sum(refunds_amount) AS refunds,
         sum(chargebacks_amount) AS chargebacks
  FROM (
    SELECT merchant_id, currency, sales_amount, refunds_amount, chargebacks_amount FROM payments_statistictotal
    UNION ALL
    SELECT merchant_id, currency, sales_amount, refunds_amount, chargebacks_amount FROM payments_statisticdelta
  ) s GROUP BY 1, 2
), expected AS (
  SELECT merchant_id, currency, sum(sales) AS sales, sum(refunds) AS refunds, sum(chargebacks) AS chargebacks
  FROM (
    SELECT merchant_id, currency, amount_captured AS sales, 0 AS refunds, amount_charged_back AS chargebacks
    FROM payments_payment
    UNION ALL
    SELECT f.merchant_id, f.currency, 0, t.amount, 0
    FROM payments_refundpart t JOIN payments_refund f ON f.id = t.refund_id
    WHERE t.status NOT IN ('canceled', 'requires_approval')
  ) s GROUP BY 1, 2
)
SELECT coalesce(t.merchant_id, s.merchant_id),
       format('statistics count sales of %s, refunds of %s and chargebacks of %s %s; the rows have %s, %s and %s',
              coalesce(t.sales, 0), coalesce(t.refunds, 0), coalesce(t.chargebacks, 0),
              coalesce(t.currency, s.currency),
              coalesce(s.sales, 0), coalesce(s.refunds, 0), coalesce(s.chargebacks, 0))
FROM counted t FULL JOIN expected s USING (merchant_id, currency)
WHERE (coalesce(t.sales, 0), coalesce(t.refunds, 0), coalesce(t.chargebacks, 0))
   <> (coalesce(s.sales, 0), coalesce(s.refunds, 0), coalesce(s.chargebacks, 0))
"""

# The statistics equal what the books hold as sales, tips and refunds, by the channel of the accounts and the business
# day of the payment or refund behind the entry (never the day it was booked on).
STATISTICS_OF_LEDGER: Final = """
WITH happened AS (
  SELECT e.id, p.business_day, p.method = 'cash' AS in_cash, true AS sold
  FROM ledger_journalentry e
  JOIN payments_operation o ON o.id = split_part(e.key, ':', 2)
  JOIN payments_payment p ON p.id = o.payment_id
  WHERE split_part(e.key, ':', 1) IN ('sale', 'capture', 'reversal')
  UNION ALL
  SELECT e.id, f.business_day, false, false
  FROM ledger_journalentry e
  JOIN payments_refundpart t ON t.id = split_part(e.key, ':', 2)
  JOIN payments_refund f ON f.id = t.refund_id
  WHERE split_part(e.key, ':', 1) IN ('refund_accepted', 'refund_abandoned')
), books AS (
  SELECT a.merchant_id, split_part(a.code, ':', 2) AS channel_id, h.business_day, a.currency,
         coalesce(-sum(p.amount) FILTER (WHERE h.sold), 0) AS sales,
         coalesce(-sum(p.amount) FILTER (WHERE h.sold AND a.code LIKE 'tips:%'), 0) AS tips,
         coalesce(sum(p.amount) FILTER (WHERE NOT h.sold), 0) AS refunds
  FROM happened h
  JOIN ledger_posting p ON p.entry_id = h.id
  JOIN ledger_account a ON a.number = p.account_id
  WHERE split_part(a.code, ':', 1) IN ('takings', 'tips', 'returns')
     OR a.code LIKE 'till:%' AND h.sold AND NOT h.in_cash  -- cash that a card paid for
  GROUP BY 1, 2, 3, 4
), counted AS (
  SELECT merchant_id, channel_id, business_day, currency, sum(sales_amount) AS sales, sum(tips_amount) AS tips,
         sum(refunds_amount) AS refunds
  FROM (
    SELECT merchant_id, channel_id, business_day, currency, sales_amount, tips_amount, refunds_amount
    FROM payments_statistictotal
    UNION ALL
    SELECT merchant_id, channel_id, business_day, currency, sales_amount, tips_amount, refunds_amount
    FROM payments_statisticdelta
  ) s GROUP BY 1, 2, 3, 4
)
SELECT channel_id,
       format('%s in %s: statistics count sales %s, tips %s, refunds %s; the books have %s, %s, %s',
              business_day, currency, coalesce(t.sales, 0), coalesce(t.tips, 0), coalesce(t.refunds, 0),
              coalesce(b.sales, 0), coalesce(b.tips, 0), coalesce(b.refunds, 0))
FROM books b FULL JOIN counted t USING (merchant_id, channel_id, business_day, currency)
WHERE (coalesce(t.sales, 0), coalesce(t.tips, 0), coalesce(t.refunds, 0))
   <> (coalesce(b.sales, 0), coalesce(b.tips, 0), coalesce(b.refunds, 0))
"""

# No discrepancy about an outcome, a declined offline sale or an over-return is open after its reason has gone.
DISCREPANCIES_UNTRUE: Final = """
SELECT d.id, format('%s is open, and the outcome of %s is %s', d.kind, o.id, coalesce(o.outcome, 'not known yet'))
FROM payments_discrepancy d JOIN payments_operation o ON d.key = 'outcome_unknown:' || o.id
WHERE d.status <> 'resolved' AND d.kind = 'outcome_unknown' AND o.outcome IS DISTINCT FROM 'unknown'
UNION ALL
SELECT d.id, format('%s is open, and %s turned out to be %s', d.kind, e.id, e.settled)
FROM payments_discrepancy d
JOIN payments_cardevidence e
  ON d.key = 'outcome_unknown:' || e.terminal_id || '/' || e.series || '/' || e.sequence
WHERE d.status <> 'resolved' AND d.kind = 'outcome_unknown' AND e.settled IS NOT NULL
UNION ALL
SELECT d.id, d.kind || ' is open, and no issuer declined the sale'
FROM payments_discrepancy d JOIN payments_payment p ON p.id = d.payment_id
WHERE d.status <> 'resolved' AND d.kind = 'offline_declined' AND p.offline_declined_at IS NULL
UNION ALL
SELECT d.id, d.kind || ' is open, and the order gave back no more than was paid'
FROM payments_discrepancy d JOIN payments_order o ON d.key = 'over_returned:' || o.id
WHERE d.status <> 'resolved' AND d.kind = 'over_returned' AND o.excess = 0
"""

# Every unknown outcome has an open discrepancy, unless a person resolved it.
DISCREPANCIES_MISSING: Final = """
SELECT o.id, 'has an unknown outcome, and no discrepancy is open for it'
FROM payments_operation o
WHERE o.outcome = 'unknown' AND NOT EXISTS (
  SELECT FROM payments_discrepancy d
  WHERE d.merchant_id = o.merchant_id AND d.key = 'outcome_unknown:' || o.id
    AND (d.status <> 'resolved' OR d.resolution ->> 'action' <> 'explained')
)
"""

# Every second person's decision is in the audit log, too, which is append-only.
DECISION_DIFFERS: Final = """
SELECT v.id, 'is decided as ' || v.decision || ', and the audit log has no such decision'
FROM people_approval v
WHERE v.decision IS NOT NULL AND NOT EXISTS (
  SELECT FROM people_auditlog l
  WHERE l.object_id = v.id AND l.action = v.action || '.' || v.decision
    AND (v.decided_by_id IS NULL OR l.actor = v.decided_by_id)
)
"""

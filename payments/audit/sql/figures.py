"""Open items and statistics, against the rows and the books."""

from typing import Final

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

"""Which operations and payments each staged settlement line could be about, by rank: parts of one statement."""

from typing import Final

from reconciliation.sql.open_items import UNSETTLED

# What an operation must have been for a line to be about it.
_FITS: Final = """
(line.type = 'sale' AND operation.verb IN ('sale', 'capture')
 OR line.type = 'refund' AND operation.verb = 'refund'
 OR line.type NOT IN ('sale', 'refund'))
"""
# Lines that name a payment by the provider's reference for it, and the payment's operations that no line settled yet.
NAMING: Final = f"""
naming AS (
    SELECT line.position, line.type, line.gross, payment.id AS payment_id,
           row_number() OVER (PARTITION BY payment.id, line.type, line.gross ORDER BY line.position) AS nth,
           count(*) OVER (PARTITION BY payment.id, line.type) AS lines,
           sum(line.gross) OVER (PARTITION BY payment.id, line.type) AS together
    FROM staged_settlement_line line
    JOIN payments_payment payment
      ON payment.provider_account_id = %(account)s AND payment.provider_reference = line.payment_reference
    WHERE line.payment_reference <> ''
),
unsettled AS (
    SELECT operation.id, operation.payment_id, operation.verb, operation.amount,
           row_number() OVER (
               PARTITION BY operation.payment_id, operation.verb = 'refund', operation.amount ORDER BY operation.id
           ) AS nth,
           count(*) OVER (PARTITION BY operation.payment_id, operation.verb = 'refund') AS operations
    FROM payments_operation operation
    WHERE operation.provider_account_id = %(account)s AND operation.outcome = 'succeeded'
      AND operation.payment_id IN (SELECT payment_id FROM naming)
      AND operation.verb IN ('sale', 'capture', 'refund')
      AND {UNSETTLED}
),
exact AS (
    -- The n-th line of one amount about a payment is the n-th operation of that amount which no line settled yet.
    SELECT line.position, operation.id, line.payment_id
    FROM naming line
    JOIN unsettled operation
      ON operation.payment_id = line.payment_id AND operation.amount = abs(line.gross) AND operation.nth = line.nth
     AND line.type IN ('sale', 'refund') AND (line.type = 'refund') = (operation.verb = 'refund')
)"""
# The lower the rank the surer: 1 is our own id, which nobody else can have written. One scan for each rank, however
# many lines there are.
CANDIDATES: Final = f"""
SELECT line.position, 1 AS rank, operation.id AS operation_id, operation.payment_id, NULL::varchar AS evidence_id,
       true AS proven
FROM staged_settlement_line line
JOIN payments_operation operation
  ON operation.id = line.reported_operation AND operation.provider_account_id = %(account)s AND {_FITS}
UNION ALL
SELECT line.position, 2, operation.id, operation.payment_id, NULL, true
FROM staged_settlement_line line
JOIN payments_operation operation
  ON operation.provider_account_id = %(account)s AND operation.provider_reference = line.reference AND {_FITS}
WHERE line.reference <> ''
UNION ALL
SELECT position, 3, operation_id, payment_id, evidence_id, proven FROM likeliest WHERE place = 1 AND alike = 1
UNION ALL
SELECT position, 4, id, payment_id, NULL, false FROM exact
UNION ALL
-- The merchant's own name for the order, where one unsettled operation of this amount alone can be meant and nothing
-- that the provider calls its payment by contradicts.
SELECT line.position, 5, min(operation.id), min(operation.payment_id), NULL, false
FROM staged_settlement_line line
JOIN payments_order sold ON sold.merchant_id = %(merchant)s AND sold.reference = line.order_reference
JOIN payments_payment payment ON payment.order_id = sold.id AND payment.provider_account_id = %(account)s
JOIN payments_operation operation
  ON operation.payment_id = payment.id AND operation.outcome = 'succeeded' AND operation.amount = abs(line.gross)
 AND operation.currency = line.currency AND (payment.provider_reference IS NULL OR operation.executor = 'reported')
WHERE line.order_reference <> '' AND line.type IN ('sale', 'refund') AND {_FITS}
  AND {UNSETTLED}
  AND NOT EXISTS (
      SELECT FROM payments_cardevidence evidence
      WHERE evidence.operation_id = operation.id
        AND (line.rrn <> '' AND evidence.rrn <> line.rrn OR line.tid <> '' AND evidence.acquirer_tid <> line.tid
             OR line.authorization_code <> '' AND evidence.authorization_code <> line.authorization_code)
  )
GROUP BY line.position HAVING count(*) = 1
UNION ALL
-- A sale of another amount, or in several parts, that can only be the payment's one sale which no line settled. A
-- refund of another amount may be one that the books do not know yet.
SELECT line.position, 6, operation.id, line.payment_id, NULL, false
FROM naming line
JOIN unsettled operation
  ON operation.payment_id = line.payment_id AND operation.verb <> 'refund' AND operation.operations = 1
 AND (line.lines = 1 OR line.together = operation.amount)
WHERE line.type = 'sale' AND operation.id NOT IN (SELECT id FROM exact)
UNION ALL
-- The rest of a sale that an earlier settlement paid in part.
SELECT line.position, 6, operation.id, line.payment_id, NULL, false
FROM naming line
JOIN payments_operation operation
  ON operation.payment_id = line.payment_id AND operation.verb IN ('sale', 'capture')
 AND operation.outcome = 'succeeded'
JOIN reconciliation_settlementline earlier
  ON earlier.operation_id = operation.id AND earlier.state = 'matched' AND earlier.type = 'sale'
 AND earlier.gross + line.gross = operation.amount
WHERE line.type = 'sale'
UNION ALL
SELECT position, 7, NULL, payment_id, NULL, false FROM naming
"""
# Rules by rank, as they are stored with a line.
RULES: Final = "('{operation,reference,card_present,payment,order,payment_only,payment_only}'::text[])"

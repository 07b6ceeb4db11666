"""Which operations and payments each staged settlement line could be about, by rule: parts of one statement.

Every rule looks at every line, also one that is off: what it finds may contradict the others. Which of them may match,
and which comes first, a `Ruleset` says.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciliation.sql.open_items import UNSETTLED

# What the statement knows each rule by; 7 is what only a payment's reference is left to say.
CODES: Final[Mapping[str, int]] = {
    "operation": 1,
    "reference": 2,
    "card_present": 3,
    "payment": 4,
    "order": 5,
    "payment_only": 6,
    "amount_day_card": 8,
}
_NAMES_PAYMENT: Final = 7
LAST: Final = 1_000  # the place of what names a payment and no operation of it


class Ruleset(NamedTuple):
    """What may match the lines of one provider account.

    `order` has the rules that are on, the first to count first. Windows are in days: `card_present_days` around a
    line's time, `amount_days` around its day. `parts`: several lines may be one sale.
    """

    order: tuple[str, ...]
    card_present_days: int
    amount_days: int
    parts: bool

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the statement that matches."""
        places: list[int | None] = [None] * max(CODES.values())
        for place, rule in enumerate(self.order):
            places[CODES[rule] - 1] = place
        if "payment_only" in self.order:
            places[_NAMES_PAYMENT - 1] = LAST
        return {
            "places": places,
            "card_present_days": self.card_present_days,
            "amount_days": self.amount_days,
            "parts": self.parts,
        }


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
),
-- Unsettled operations of a line's amount, day and card. Of several that a line fits, or that several lines fit, none
-- is taken. Where the rule is off, nothing is read for it.
alike AS MATERIALIZED (
    SELECT line.position, operation.id, operation.payment_id,
           count(*) OVER (PARTITION BY line.position) AS operations,
           count(*) OVER (PARTITION BY operation.id) AS lines
    FROM staged_settlement_line line
    JOIN payments_payment payment
      ON payment.merchant_id = %(merchant)s AND payment.card_last4 = line.card_last4
     AND payment.provider_account_id = %(account)s
    JOIN payments_operation operation
      ON operation.payment_id = payment.id AND operation.provider_account_id = %(account)s
     AND operation.outcome = 'succeeded' AND operation.amount = abs(line.gross)
     AND operation.currency = line.currency AND {_FITS}
     AND abs((operation.occurred_at AT TIME ZONE %(zone)s)::date - (line.occurred_at AT TIME ZONE %(zone)s)::date)
         <= %(amount_days)s::int
    WHERE (%(places)s::int[])[8] IS NOT NULL AND line.card_last4 <> '' AND line.type IN ('sale', 'refund')
      AND {UNSETTLED}
)"""
# By default in this order, the surest first: 1 is our own id, which nobody else can have written. One scan for each
# rule, however many lines there are.
CANDIDATES: Final = f"""
SELECT line.position, 1 AS rule, operation.id AS operation_id, operation.payment_id, NULL::varchar AS evidence_id,
       true AS proven
FROM staged_settlement_line line
JOIN payments_operation operation
  ON operation.id = line.reported_operation AND operation.provider_account_id = %(account)s AND {_FITS}
WHERE line.reported_operation <> ''
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
WHERE (%(places)s::int[])[5] IS NOT NULL AND line.order_reference <> '' AND line.type IN ('sale', 'refund') AND {_FITS}
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
 AND (line.lines = 1 OR %(parts)s::boolean AND line.together = operation.amount)
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
WHERE line.type = 'sale' AND %(parts)s::boolean
UNION ALL
SELECT position, 7, NULL, payment_id, NULL, false FROM naming
UNION ALL
SELECT position, 8, id, payment_id, NULL, false FROM alike WHERE operations = 1 AND lines = 1
"""
# What only fits a line, where the others name something. It is passed over for whatever surer rule comes before it.
FITTING: Final = "rule IN (5, 8)"
# Rules by their code, as they are stored with a line.
RULES: Final = "('{operation,reference,card_present,payment,order,payment_only,payment_only,amount_day_card}'::text[])"

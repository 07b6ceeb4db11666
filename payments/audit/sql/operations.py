"""Operations against the entries that book them."""

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

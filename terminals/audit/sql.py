"""The questions of the audit, each a query whose every row is a violation: (subject, what is wrong)."""

from typing import Final

_NAME: Final = "t.terminal_id || '/' || t.series || '/' || t.sequence"

WITHOUT_EVIDENCE: Final = f"""
SELECT {_NAME}, 'was recorded, but its evidence is missing'
FROM terminals_terminaltransaction t
WHERE NOT EXISTS (SELECT FROM payments_cardevidence e
                  WHERE e.terminal_id = t.terminal_id AND e.series = t.series AND e.sequence = t.sequence)
"""

# Evidence under a terminal's name that the terminal's own list of numbers does not have.
EVIDENCE_ALONE: Final = """
SELECT e.id, 'is evidence of ' || e.terminal_id || '/' || e.series || '/' || e.sequence || ', which was never recorded'
FROM payments_cardevidence e
WHERE EXISTS (SELECT FROM terminals_terminal d WHERE d.id = e.terminal_id)
  AND NOT EXISTS (SELECT FROM terminals_terminaltransaction t
                  WHERE t.terminal_id = e.terminal_id AND t.series = e.series AND t.sequence = e.sequence)
"""

# A sale made a payment, whatever came of it; what was approved and does not resolve an earlier one moved money.
WITHOUT_OPERATION: Final = f"""
SELECT {_NAME}, format('says %s %s, but has payment %s, refund %s and a %s that %s', e.posted ->> 'outcome', t.type,
                       coalesce(p.id, 'none'), coalesce(r.id, 'none'), coalesce(o.verb, 'operation'),
                       coalesce(o.outcome, 'is missing'))
FROM terminals_terminaltransaction t
JOIN payments_cardevidence e ON e.terminal_id = t.terminal_id AND e.series = t.series AND e.sequence = t.sequence
LEFT JOIN payments_operation o ON o.id = e.operation_id
LEFT JOIN payments_payment p ON p.id = t.payment_id
LEFT JOIN payments_refund r ON r.id = t.refund_id
WHERE t.status = 'recorded' AND NOT e.posted ? 'resolves'
  AND (   (t.type = 'sale' AND (p.id IS NULL OR o.verb IS DISTINCT FROM 'sale'
                                OR (e.posted ->> 'outcome' = 'approved' AND o.outcome IS DISTINCT FROM 'succeeded')))
       OR (t.type = 'refund' AND e.posted ->> 'outcome' = 'approved'
           AND (r.id IS NULL OR o.verb IS DISTINCT FROM 'refund'
                OR (o.outcome IS DISTINCT FROM 'succeeded' AND o.reversed_at IS NULL))))
"""

WITHOUT_OBJECT: Final = f"""
SELECT {_NAME}, format('led to payment %s and refund %s, of which one is not there',
                       coalesce(t.payment_id, 'none'), coalesce(t.refund_id, 'none'))
FROM terminals_terminaltransaction t
WHERE (t.payment_id IS NOT NULL AND NOT EXISTS (SELECT FROM payments_payment p WHERE p.id = t.payment_id))
   OR (t.refund_id IS NOT NULL AND NOT EXISTS (SELECT FROM payments_refund r WHERE r.id = t.refund_id))
"""

AMOUNT: Final = f"""
SELECT {_NAME}, 'is evidence of ' || e.amount || ', and its ' || o.verb || ' is of ' || o.amount
FROM terminals_terminaltransaction t
JOIN payments_cardevidence e ON e.terminal_id = t.terminal_id AND e.series = t.series AND e.sequence = t.sequence
JOIN payments_operation o ON o.id = e.operation_id
WHERE e.posted ->> 'outcome' = 'approved' AND NOT e.posted ? 'resolves' AND t.type IN ('sale', 'refund')
  AND (e.amount <> o.amount OR e.currency <> o.currency)
"""

# Every number up to the last is either recorded or known to be missing.
GAPS: Final = """
SELECT d.id, format('has seen %s numbers in series %s: %s recorded and %s missing', d.last_sequence, d.series,
                    n.recorded, m.missing)
FROM terminals_terminal d
JOIN LATERAL (SELECT count(*) AS recorded FROM terminals_terminaltransaction t
              WHERE t.terminal_id = d.id AND t.series = d.series) n ON true
JOIN LATERAL (SELECT coalesce(sum((x -> 1)::bigint - (x -> 0)::bigint + 1), 0) AS missing
              FROM jsonb_array_elements(d.missing) x) m ON true
WHERE d.last_sequence <> n.recorded + m.missing
"""

# A gap that stands open is the series' own; of series before the last pairing nobody keeps what is missing.
GAPS_UNTRUE: Final = """
SELECT d.id, format('names gaps %s in the sequence of %s, which misses %s', d.sequences, t.id, t.missing)
FROM terminals_terminal t
JOIN payments_discrepancy d
  ON d.merchant_id = t.merchant_id AND d.key = 'sequence_gap:' || t.id || '/' || t.series
WHERE d.status <> 'resolved' AND d.sequences IS DISTINCT FROM t.missing
"""
GAPS_UNREPORTED: Final = """
SELECT t.id, format('misses %s of its sequence, and no discrepancy stands open for it', t.missing)
FROM terminals_terminal t
WHERE t.missing <> '[]'::jsonb AND NOT EXISTS (
  SELECT FROM payments_discrepancy d
  WHERE d.merchant_id = t.merchant_id AND d.key = 'sequence_gap:' || t.id || '/' || t.series
    AND (d.status <> 'resolved' OR d.resolution ->> 'action' <> 'explained')
)
"""
# A refund or reversal in doubt has no operation: until it is settled, by a later number or otherwise, finance sees it.
DOUBTS_UNREPORTED: Final = """
SELECT e.id, 'is evidence of an unknown ' || e.type || ', and no discrepancy stands open for it'
FROM payments_cardevidence e
JOIN terminals_terminaltransaction t
  ON t.terminal_id = e.terminal_id AND t.series = e.series AND t.sequence = e.sequence
WHERE t.status = 'recorded' AND e.posted ->> 'outcome' = 'unknown' AND e.operation_id IS NULL AND e.settled IS NULL
  AND NOT e.posted ? 'resolves'
  AND NOT EXISTS (
    SELECT FROM payments_cardevidence l
    WHERE l.terminal_id = e.terminal_id AND l.series = e.series AND l.posted ->> 'outcome' <> 'unknown'
      AND (l.posted ->> 'resolves')::bigint = e.sequence
  )
  AND NOT EXISTS (
    SELECT FROM payments_discrepancy d
    WHERE d.merchant_id = e.merchant_id
      AND d.key = 'outcome_unknown:' || e.terminal_id || '/' || e.series || '/' || e.sequence
      AND (d.status <> 'resolved' OR d.resolution ->> 'action' <> 'explained')
  )
"""

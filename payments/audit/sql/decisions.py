"""Discrepancies and second persons' decisions, against what they are about."""

from typing import Final

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

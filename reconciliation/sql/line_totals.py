"""Settlement lines that are several sales together: a terminal's day in one line, or a batch as a whole.

Lines that nothing explains, of one settlement, terminal and day, against what was sold and given back on that terminal
in so many days up to it and that no line has settled. Only where both come to the same (within the tolerance), and
nothing of it fits another group, are they taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from reconciliation.sql.open_items import UNSETTLED

MOST: Final = 1_000  # payments of one group: each is named in what resolved it
# `open`: what nothing stands open of was settled in another way, as by a person. `found`: of several stretches of days
# that fit, the shortest.
_FIND: Final = f"""
WITH setting (rule, place, days, tolerance, share) AS (
    SELECT * FROM unnest(%(rules)s::text[], %(places)s::int[], %(days)s::int[], %(tolerances)s::bigint[],
                         %(shares)s::bigint[])
),
line AS (
    SELECT line.settlement_id, line.tid, (line.occurred_at AT TIME ZONE %(zone)s)::date AS day, line.currency,
           sum(line.gross)::bigint AS amount, count(*) AS lines,
           array_agg(discrepancy.id ORDER BY line.number) AS discrepancies
    FROM reconciliation_settlementline line
    JOIN reconciliation_settlement settlement ON settlement.id = line.settlement_id
    JOIN payments_discrepancy discrepancy
      ON discrepancy.merchant_id = settlement.merchant_id AND discrepancy.status = 'open'
     AND discrepancy.key = 'unknown_line:' || line.settlement_id || ':' || line.number
    WHERE settlement.provider_account_id = %(account)s AND line.state = 'unknown' AND line.rule = ''
      AND line.undone = 0 AND line.type IN ('sale', 'refund') AND line.gross <> 0 AND line.payment_id IS NULL
      AND NOT EXISTS (SELECT FROM reconciliation_resolutionstep step WHERE step.discrepancy_id = discrepancy.id)
    GROUP BY 1, 2, 3, 4
),
made AS (
    SELECT operation.payment_id, operation.currency, (operation.occurred_at AT TIME ZONE %(zone)s)::date AS day,
           operation.amount * CASE operation.verb WHEN 'refund' THEN -1 ELSE 1 END AS amount, posted.tid
    FROM payments_operation operation
    LEFT JOIN LATERAL (
        SELECT evidence.acquirer_tid AS tid FROM payments_cardevidence evidence
        WHERE evidence.operation_id = operation.id ORDER BY evidence.id DESC LIMIT 1
    ) posted ON true
    WHERE operation.provider_account_id = %(account)s AND operation.outcome = 'succeeded'
      AND operation.reversed_at IS NULL AND operation.verb IN ('sale', 'capture', 'refund')
      AND operation.payment_id IS NOT NULL
      AND operation.occurred_at >= (SELECT min(day) - 1 - (SELECT max(days) FROM setting) FROM line)
      AND operation.occurred_at < (SELECT max(day) + 2 FROM line)
      AND {UNSETTLED}
),
open AS (
    SELECT payment.id FROM payments_payment payment
    WHERE payment.id IN (SELECT payment_id FROM made) AND (
        SELECT sum(posting.amount) FROM ledger_posting posting
        JOIN ledger_account account ON account.number = posting.account_id
        WHERE posting.item = payment.item AND account.code = 'receivable:' || %(account)s
    ) <> 0
),
fitting AS (
    SELECT setting.rule, setting.place, days.back, line.discrepancies, line.amount, sum(made.amount)::bigint AS sold,
           array_agg(DISTINCT made.payment_id) AS payments
    FROM line
    JOIN setting ON (setting.rule = 'batch') = (line.lines > 1)
    CROSS JOIN LATERAL generate_series(0, setting.days) days (back)
    JOIN made ON made.currency = line.currency AND made.day BETWEEN line.day - days.back AND line.day
             AND (line.tid = '' OR made.tid = line.tid) AND made.payment_id IN (SELECT id FROM open)
    GROUP BY setting.rule, setting.place, setting.tolerance, setting.share, days.back, line.discrepancies, line.amount
    HAVING count(DISTINCT made.payment_id) BETWEEN 2 AND {MOST}
       AND abs(line.amount - sum(made.amount)) <= setting.tolerance
       AND abs(line.amount - sum(made.amount)) * 10000 <= abs(sum(made.amount)) * setting.share
),
found AS (
    SELECT DISTINCT ON (discrepancies) * FROM fitting ORDER BY discrepancies, abs(amount - sold), back
)
SELECT rule, discrepancies, payments, (amount - sold)::bigint FROM found
WHERE NOT EXISTS (
    SELECT FROM found other WHERE other.discrepancies <> found.discrepancies AND other.payments && found.payments
)
ORDER BY place, discrepancies
"""


@dataclass(frozen=True, slots=True)
class TotalRule:
    """How one of these rules is set: `tolerance` in minor units, `share` of it at most in basis points."""

    rule: str
    place: int
    days: int
    tolerance: int
    share: int


@dataclass(frozen=True, slots=True)
class Total:
    """Discrepancies of lines and payments that are the same money; `difference`: what the lines have more of."""

    rule: str
    discrepancies: Sequence[str]
    payments: Sequence[str]
    difference: int


def totals(*, account_id: str, zone: str, rules: Sequence[TotalRule]) -> list[Total]:
    """Return the groups of unexplained lines of a provider account that these rules find."""
    names: dict[str, Any] = {
        "account": account_id,
        "zone": zone,
        "rules": [one.rule for one in rules],
        "places": [one.place for one in rules],
        "days": [one.days for one in rules],
        "tolerances": [one.tolerance for one in rules],
        "shares": [one.share for one in rules],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIND, names)
        return [Total(*row) for row in cursor.fetchall()]

"""Stored bank lines that can be matched by now: the statement came before what explains it."""

from typing import Final

from django.db import connection

from reconciliation.sql.payout_names import (
    BEFORE,
    LETTERED,
    PROVIDERS,
    RULE_DAYS,
    RULE_OFF,
    TELLING,
    TEXTS,
    WITHIN,
    WORD,
)
from reconciliation.sql.statements import CREDITED

_PARTS: Final = {"rule": "payout_parts", "account": "reconciliation_payout.provider_account_id"}
# Whichever of the two comes first: what names a payout is (a part of) it, as if it came after it. Of what only may be
# some payout by its amount, the amount says that it is. A line in full is taken before parts.
_LATE: Final = rf"""
WITH waiting AS (
    SELECT id, provider_account_id, reference, amount, currency, amount_received,
           COALESCE(expected_on, created_at::date) - {BEFORE} AS since,
           COALESCE(expected_on, created_at::date) + {RULE_DAYS.format(**_PARTS)} AS until,
           {RULE_OFF.format(**_PARTS)} AS whole_only
    FROM reconciliation_payout WHERE merchant_id = %(merchant)s AND status = 'announced'
),
line AS (
    SELECT stored.id AS position, stored.amount, stored.currency, stored.counterparty_name, stored.counterparty_iban,
           stored.booked_on, {TEXTS.format("stored")} AS texts
    FROM reconciliation_bankstatementline stored
    JOIN reconciliation_bankstatement statement ON statement.id = stored.statement_id
    WHERE statement.merchant_id = %(merchant)s AND statement.kind = 'statement'
      AND stored.state IN ('suspense', 'other') AND stored.undone = 0
      AND ((stored.amount, stored.currency) IN (SELECT amount, currency FROM waiting)
           OR stored.booked_on >= (SELECT min(since) FROM waiting))
),
provider AS ({PROVIDERS}),
pair AS (
    SELECT line.position, payout.id, length(payout.reference) AS longest, payout.amount = line.amount AS whole
    FROM line
    JOIN waiting payout
      ON payout.currency = line.currency AND {WITHIN} AND {WORD}
     AND (payout.amount = line.amount AND payout.amount_received = 0
          OR NOT payout.whole_only
             AND sign(payout.amount) = sign(line.amount) AND line.booked_on BETWEEN payout.since AND payout.until
             -- More than all of it may be several, of which the others are not known yet.
             AND abs(line.amount) < abs(payout.amount - payout.amount_received))
    WHERE {TELLING} OR payout.amount = line.amount AND payout.amount_received = 0 AND ({LETTERED} OR EXISTS (
        SELECT FROM provider WHERE provider.position = line.position AND provider.id = payout.provider_account_id
    ))
),
of_line AS (
    SELECT DISTINCT ON (position) position, id, whole FROM pair
    WHERE whole OR position NOT IN (
        -- What names several by themselves may be all of them.
        SELECT position FROM staged_payout_name WHERE word AND telling AND alone GROUP BY position HAVING count(*) > 1
    )
    ORDER BY position, longest DESC, whole DESC, id
),
ranked AS (
    SELECT of_line.*, row_number() OVER (PARTITION BY id ORDER BY whole DESC, position) AS place,
           bool_or(whole) OVER (PARTITION BY id) AS in_full
    FROM of_line
)
SELECT position, id FROM ranked WHERE place = 1 OR NOT in_full ORDER BY id, position
"""


def late_payouts(merchant_id: str) -> list[tuple[int, str]]:
    """(bank line, payout) where a payout announced by now was at the bank before, in full or in parts.

    Needs the names that stored lines have (`payout_names.find_names`).
    """
    with connection.cursor() as cursor:
        cursor.execute(_LATE, {"merchant": merchant_id})
        return [tuple(row) for row in cursor.fetchall()]


_LATE_CREDITS: Final = f"""
WITH line AS (
    SELECT stored.id AS position, stored.amount, stored.currency, stored.end_to_end_id, stored.remittance
    FROM reconciliation_bankstatementline stored
    JOIN reconciliation_bankstatement statement ON statement.id = stored.statement_id
    WHERE statement.merchant_id = %(merchant)s AND statement.kind = 'statement' AND stored.state = 'suspense'
      AND stored.undone = 0 AND stored.amount > 0
)
SELECT position, id FROM ({CREDITED}) credited WHERE fits AND nth = 1 ORDER BY position
"""


def late_credits(merchant_id: str) -> list[tuple[int, str]]:
    """(bank line, operation) where what was credited by itself is known by now."""
    with connection.cursor() as cursor:
        cursor.execute(_LATE_CREDITS, {"merchant": merchant_id})
        return [tuple(row) for row in cursor.fetchall()]

"""Which staged bank lines an earlier statement has shown already.

Exports overlap, and one day comes as MT940 and as CAMT.053. Two statements tell the same day of an account if they
begin and end it with the same balance, or have the same amounts where one has no balances: then all of it is known.
Where they share only its beginning or its end (fetched at noon, and again at night) the n-th line of an amount and text
is the n-th of before. Within one statement every line is its own, and of two that follow each other on one day too.
"""

from typing import Final

# CTEs that end in `repeated` (position, was_booked); they need `line`: the staged lines with account and opening.
REPEATED: Final = r"""
kept AS (
    SELECT id, account, opening FROM reconciliation_bankstatement
    WHERE merchant_id = %(merchant)s AND kind = 'statement' AND account IN (SELECT iban FROM line)
      AND closed_on >= (SELECT min(booked_on) FROM line)
      AND (opened_on IS NULL OR opened_on <= (SELECT max(booked_on) FROM line))
),
moved AS (
    SELECT -1 - line.statement AS statement, line.position, line.iban AS account, line.opening, line.currency,
           line.booked_on, line.amount, line.remittance, false AS was_booked
    FROM line WHERE line.booked AND line.amount <> 0
    UNION ALL
    SELECT kept.id, earlier.position, kept.account, kept.opening, earlier.currency,
           earlier.booked_on, earlier.amount, earlier.remittance, earlier.state <> 'other'
    FROM kept JOIN reconciliation_bankstatementline earlier ON earlier.statement_id = kept.id AND earlier.amount <> 0
),
placed AS (
    SELECT moved.*, regexp_replace(upper(remittance), '[^[:alnum:]]', '', 'g') AS plain,
           opening + coalesce(sum(amount) OVER (
               PARTITION BY statement ORDER BY booked_on RANGE BETWEEN UNBOUNDED PRECEDING AND '1 day' PRECEDING
           ), 0) AS at_dawn
    FROM moved
),
counted AS (
    SELECT placed.*,
           row_number() OVER (PARTITION BY statement, booked_on, amount ORDER BY position) AS nth,
           row_number() OVER (PARTITION BY statement, booked_on, amount, plain ORDER BY position) AS nth_of_text
    FROM placed
),
day AS (
    SELECT statement, account, currency, booked_on, min(at_dawn) AS at_dawn, min(at_dawn) + sum(amount) AS at_dusk,
           array_agg(amount ORDER BY amount) AS amounts, bool_or(was_booked) AS was_booked
    FROM counted GROUP BY statement, account, currency, booked_on
),
shared AS (
    SELECT ours.statement, theirs.statement AS other, ours.booked_on, theirs.was_booked,
           ours.amounts = theirs.amounts AND coalesce(ours.at_dawn = theirs.at_dawn, true) AS equal,
           coalesce(ours.at_dawn = theirs.at_dawn AND ours.at_dusk = theirs.at_dusk, false)
               AND ours.at_dawn <> ours.at_dusk AS proven
    FROM day ours
    JOIN day theirs USING (account, currency, booked_on)
    -- Those of this file have negative numbers: -1 is the first.
    WHERE ours.statement < 0 AND (theirs.statement > 0 OR theirs.statement > ours.statement)
      AND (ours.at_dawn = theirs.at_dawn OR ours.at_dusk = theirs.at_dusk
           OR ours.at_dawn IS NULL OR theirs.at_dawn IS NULL)
),
again AS (
    SELECT ours.position, shared.was_booked
    FROM shared JOIN counted ours USING (statement, booked_on)
    WHERE shared.proven AND NOT shared.equal
    UNION ALL
    SELECT ours.position, theirs.was_booked
    FROM shared
    JOIN counted ours USING (statement, booked_on)
    JOIN counted theirs ON theirs.statement = shared.other AND theirs.booked_on = ours.booked_on
                       AND theirs.amount = ours.amount AND theirs.currency = ours.currency
    WHERE shared.equal AND theirs.nth = ours.nth
       OR NOT shared.equal AND theirs.plain = ours.plain AND theirs.nth_of_text = ours.nth_of_text
    UNION ALL
    SELECT line.position, earlier.state <> 'other' FROM line
    JOIN reconciliation_bankstatementline earlier
      ON earlier.bank_reference = line.bank_reference AND line.bank_reference <> '' AND earlier.amount = line.amount
     AND earlier.booked_on = line.booked_on AND earlier.end_to_end_id = line.end_to_end_id
     AND earlier.remittance = line.remittance
    JOIN reconciliation_bankstatement statement
      ON statement.id = earlier.statement_id AND statement.merchant_id = %(merchant)s
     AND statement.account = line.iban AND statement.kind = 'statement'
),
repeated AS (
    SELECT position, bool_or(was_booked) AS was_booked FROM again GROUP BY position
)
"""
NOT_REPEATED: Final = "repeated AS (SELECT NULL::int AS position, NULL::boolean AS was_booked WHERE false)"

"""Where an account's statements do not follow one another: a gap between two of them."""

from typing import Final

from django.db import connection

# A statement is linked by another that closes where it opens, on the same day or the last one before it: several of
# one day come in any order, and banks number them or not. Where exports overlap it is linked by one that has, at the
# end of a day, the balance it opens with; of two that open alike, the later one by the earlier. One without such a link
# begins the account's chain; the others have a gap before them.
_GAPS: Final = """
WITH statement AS (
    SELECT id, currency, opening, closing, opened_on, closed_on,
           row_number() OVER chain AS place, lag(closing) OVER chain AS before,
           max(closed_on) OVER (
               PARTITION BY currency ORDER BY closed_on RANGE BETWEEN UNBOUNDED PRECEDING AND '1 day' PRECEDING
           ) AS day_before
    FROM reconciliation_bankstatement
    WHERE merchant_id = %(merchant)s AND account = %(account)s AND kind = 'statement' AND opening IS NOT NULL
    WINDOW chain AS (PARTITION BY currency ORDER BY closed_on, opened_on, length(sequence), sequence, id)
),
loose AS (
    SELECT statement.*, row_number() OVER (PARTITION BY currency ORDER BY place) AS nth
    FROM statement
    WHERE NOT EXISTS (
        SELECT FROM statement link
        WHERE link.id <> statement.id AND link.currency = statement.currency AND link.closing = statement.opening
          AND link.closed_on IN (statement.closed_on, statement.day_before)
    ) AND NOT EXISTS (
        SELECT FROM statement link
        WHERE link.id <> statement.id AND link.currency = statement.currency
          AND statement.opened_on BETWEEN link.opened_on AND link.closed_on
          AND (link.opened_on < statement.opened_on OR link.id < statement.id)
          AND statement.opening IN (
              SELECT link.opening + coalesce(sum(line.amount), 0)
              FROM (VALUES (statement.opened_on), (statement.opened_on - 1)) until(day)
              LEFT JOIN reconciliation_bankstatementline line
                ON line.statement_id = link.id AND line.booked_on <= until.day
              GROUP BY until.day
          )
    )
)
SELECT id, opening, before FROM loose WHERE nth > 1 AND before IS NOT NULL
"""


def gaps(*, merchant_id: str, account: str) -> list[tuple[int, int, int]]:
    """(statement, its opening, the closing before it) wherever a statement does not open where another closed."""
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, {"merchant": merchant_id, "account": account})
        return [tuple(row) for row in cursor.fetchall()]

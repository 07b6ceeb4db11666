"""The parts of a batch that a statement states as one total, as the bank's notification (CAMT.054) tells them.

They are the notification's lines of one entry: under the reference of the statement's line, or its batch, in the same
account, and together exactly its amount. The parts take the total's place, each with its own names and references:
before anything is matched where the notification came first, and of a stored total that nothing explains yet where it
came later.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

WITHIN_DAYS: Final = 10  # between the notification and the statement that books it
# Ends in `notified` (position, notification, entry); needs `stated`: the totals, with iban and position. A part may be
# known by its batch and by the entry's reference. Of several that are alike each takes a notification of its own.
_NOTIFIED: Final = """
part AS (
    SELECT line.*, notification.account, name.entry
    FROM reconciliation_bankstatement notification
    JOIN reconciliation_bankstatementline line ON line.statement_id = notification.id
    CROSS JOIN LATERAL (SELECT line.batch AS entry UNION SELECT line.bank_reference) name
    WHERE notification.merchant_id = %(merchant)s AND notification.kind = 'notification'
      AND notification.account IN (SELECT iban FROM stated) AND line.amount <> 0 AND name.entry <> ''
      AND line.booked_on BETWEEN (SELECT min(booked_on) FROM stated) - %(days)s::int
                             AND (SELECT max(booked_on) FROM stated) + %(days)s::int
),
total AS (
    SELECT statement_id, account, currency, entry, sum(amount) AS amount,
           row_number() OVER (PARTITION BY account, currency, entry, sum(amount) ORDER BY statement_id) AS nth
    FROM part GROUP BY statement_id, account, currency, entry HAVING count(*) > 1
),
named AS (
    SELECT stated.position, stated.iban, stated.currency, stated.amount, name.entry,
           row_number() OVER (
               PARTITION BY stated.iban, stated.currency, name.entry, stated.amount ORDER BY stated.position
           ) AS nth
    FROM stated CROSS JOIN LATERAL (SELECT stated.batch AS entry UNION SELECT stated.bank_reference) name
    WHERE name.entry <> ''
),
notified AS (
    SELECT DISTINCT ON (named.position) named.position, total.statement_id AS notification, total.entry
    FROM named
    JOIN total ON total.account = named.iban AND total.currency = named.currency AND total.amount = named.amount
              AND total.entry = named.entry AND total.nth = named.nth
    ORDER BY named.position, total.statement_id, total.entry
)
"""
_INSERT: Final = """
INSERT INTO staged_statement_line (
    position, statement, number, amount, currency, booked_on, valued_on, reversal, bank_reference, end_to_end_id, batch,
    counterparty_name, counterparty_iban, remittance, code
)
"""
_PART: Final = """
part.amount, total.currency, total.booked_on, total.valued_on, total.reversal, part.bank_reference, part.end_to_end_id,
coalesce(nullif(part.batch, ''), part.bank_reference), part.counterparty_name, part.counterparty_iban, part.remittance,
part.code
"""
# A total that an earlier statement has as such (matched before its parts were told) is compared with that, whole.
_REPLACE: Final = f"""
WITH stated AS (
    SELECT staged.*, account.iban
    FROM staged_statement_line staged
    JOIN unnest(%(accounts)s::text[]) WITH ORDINALITY account(iban, place) ON account.place = staged.statement + 1
    WHERE staged.amount <> 0 AND concat(staged.batch, staged.bank_reference) <> '' AND NOT EXISTS (
        SELECT FROM reconciliation_bankstatementline earlier
        JOIN reconciliation_bankstatement statement ON statement.id = earlier.statement_id
        WHERE statement.merchant_id = %(merchant)s AND statement.kind = 'statement'
          AND statement.account = account.iban AND earlier.booked_on = staged.booked_on
          AND (earlier.amount, earlier.currency, earlier.bank_reference, earlier.batch)
              = (staged.amount, staged.currency, staged.bank_reference, staged.batch)
    )
),
{_NOTIFIED},
removed AS (
    DELETE FROM staged_statement_line staged USING notified WHERE staged.position = notified.position
    RETURNING staged.*, notified.notification, notified.entry
)
{_INSERT}
SELECT (SELECT max(position) FROM staged_statement_line) + row_number() OVER (ORDER BY total.position, part.position),
       total.statement, total.number, {_PART}
FROM removed total
JOIN part ON part.statement_id = total.notification AND part.entry = total.entry AND part.currency = total.currency
"""


def put_parts_in_place(*, merchant_id: str, accounts: Sequence[str]) -> int:
    """Replace staged totals by the parts that a notification listed. Return how many more lines there are now.

    `accounts` are those of the staged statements, in their order.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM staged_statement_line")
        before = cursor.fetchone()
        cursor.execute(_REPLACE, {"merchant": merchant_id, "accounts": list(accounts), "days": WITHIN_DAYS})
        cursor.execute("SELECT count(*) FROM staged_statement_line")
        after = cursor.fetchone()
    return int(after[0] - before[0]) if before and after else 0


@dataclass(frozen=True, slots=True)
class Notified:
    """A stored total, and the notification's entry that tells its parts."""

    line_id: int
    notification: int
    entry: str


_STORED: Final = f"""
WITH stated AS (
    SELECT line.id AS position, line.amount, line.currency, line.booked_on, line.batch, line.bank_reference,
           statement.account AS iban
    FROM reconciliation_bankstatementline line
    JOIN reconciliation_bankstatement statement ON statement.id = line.statement_id
    WHERE statement.merchant_id = %(merchant)s AND statement.kind = 'statement'
      AND statement.account IN (SELECT account FROM reconciliation_bankstatement WHERE id = ANY(%(notifications)s))
      AND line.state IN ('suspense', 'other') AND line.undone = 0 AND line.amount <> 0
      AND line.booked_on >= %(days)s * -1 + (
          SELECT min(booked_on) FROM reconciliation_bankstatementline WHERE statement_id = ANY(%(notifications)s)
      )
),
{_NOTIFIED}
SELECT position, notification, entry FROM notified WHERE notification = ANY(%(notifications)s) ORDER BY position
"""


def stored_totals(*, merchant_id: str, notifications: Sequence[int]) -> list[Notified]:
    """Return the stored lines that nothing explains, and that one of these notifications tells the parts of."""
    with connection.cursor() as cursor:
        values: dict[str, Any] = {"merchant": merchant_id, "days": WITHIN_DAYS, "notifications": list(notifications)}
        cursor.execute(_STORED, values)
        return [Notified(*row) for row in cursor.fetchall()]


# The place of a total among them is its parts' statement.
_STAGE: Final = f"""
{_INSERT}
SELECT %(first)s + row_number() OVER (ORDER BY chosen.place, part.position) - 1, chosen.place - 1, total.number, {_PART}
FROM unnest(%(lines)s::bigint[], %(notifications)s::bigint[], %(entries)s::text[])
     WITH ORDINALITY chosen(line_id, notification, entry, place)
JOIN reconciliation_bankstatementline total ON total.id = chosen.line_id
JOIN reconciliation_bankstatementline part
  ON part.statement_id = chosen.notification AND chosen.entry IN (part.batch, part.bank_reference)
 AND part.currency = total.currency AND part.amount <> 0
"""
_NEXT: Final = """
SELECT max(line.position) + 1
FROM reconciliation_bankstatementline total
JOIN reconciliation_bankstatementline line ON line.statement_id = total.statement_id
WHERE total.id = ANY(%s)
"""


def stage_parts(totals: Sequence[Notified]) -> int:
    """Stage the parts of stored totals in place of what was staged. Return the first of their positions."""
    lines = [total.line_id for total in totals]
    values: dict[str, Any] = {
        "lines": lines,
        "notifications": [total.notification for total in totals],
        "entries": [total.entry for total in totals],
    }
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE staged_statement_line, staged_statement_match")
        cursor.execute(_NEXT, [lines])
        row = cursor.fetchone()
        first = int(row[0]) if row and row[0] is not None else 0
        cursor.execute(_STAGE, values | {"first": first})
    return first

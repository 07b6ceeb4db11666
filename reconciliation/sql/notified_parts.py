"""The parts of a batch that a statement states as one total, as the bank's notification (CAMT.054) tells them.

They are the notification's lines of one entry: under the reference of the staged line, or its batch, in the same
account, and together exactly its amount. The parts take the total's place before anything is matched, each with its own
names and references.
"""

from collections.abc import Sequence
from typing import Final

from django.db import connection

WITHIN_DAYS: Final = 10  # between the notification and the statement that books it
_REPLACE: Final = """
WITH stated AS (
    SELECT staged.*, account.iban
    FROM staged_statement_line staged
    JOIN unnest(%(accounts)s::text[]) WITH ORDINALITY account(iban, place) ON account.place = staged.statement + 1
    WHERE staged.amount <> 0 AND concat(staged.batch, staged.bank_reference) <> ''
),
part AS (
    SELECT line.*, notification.account, coalesce(nullif(line.batch, ''), line.bank_reference) AS entry
    FROM reconciliation_bankstatement notification
    JOIN reconciliation_bankstatementline line ON line.statement_id = notification.id
    WHERE notification.merchant_id = %(merchant)s AND notification.kind = 'notification'
      AND notification.account IN (SELECT iban FROM stated) AND line.amount <> 0
      AND line.booked_on BETWEEN (SELECT min(booked_on) FROM stated) - %(days)s::int
                             AND (SELECT max(booked_on) FROM stated) + %(days)s::int
),
total AS (
    SELECT statement_id, account, currency, entry, sum(amount) AS amount
    FROM part WHERE entry <> '' GROUP BY statement_id, account, currency, entry HAVING count(*) > 1
),
notified AS (
    SELECT DISTINCT ON (stated.position) stated.position, total.statement_id, total.entry
    FROM stated
    JOIN total ON total.account = stated.iban AND total.currency = stated.currency AND total.amount = stated.amount
              AND total.entry IN (stated.batch, stated.bank_reference)
    ORDER BY stated.position, total.statement_id
),
removed AS (
    DELETE FROM staged_statement_line staged USING notified WHERE staged.position = notified.position
    RETURNING staged.*, notified.statement_id AS notification, notified.entry
)
INSERT INTO staged_statement_line (
    position, statement, number, amount, currency, booked_on, valued_on, reversal, bank_reference, end_to_end_id, batch,
    counterparty_name, counterparty_iban, remittance, code
)
SELECT (SELECT max(position) FROM stated) + row_number() OVER (ORDER BY removed.position, part.position),
       removed.statement, removed.number, part.amount, removed.currency, removed.booked_on, removed.valued_on,
       removed.reversal, part.bank_reference, part.end_to_end_id, part.entry, part.counterparty_name,
       part.counterparty_iban, part.remittance, part.code
FROM removed
JOIN part ON part.statement_id = removed.notification AND part.entry = removed.entry
         AND part.currency = removed.currency
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

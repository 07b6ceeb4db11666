"""Bank lines matched and stored as sets.

A payout is recognized by its reference anywhere in what the bank passes on, spaces aside (banks break long texts
anywhere); with another amount only where the reference stands by itself. A refund by bank transfer carries its
operation's id as end-to-end id, or in its text where the bank passes on no such id; banks write it in capitals, and
put another character (or none) in place of its underscore.
"""

from collections.abc import Sequence
from typing import Final

from django.db import connection

_MATCH: Final = r"""
INSERT INTO staged_statement_match (position, state, payout_id, operation_id, provider_account_id)
WITH line AS (
    SELECT staged.*, account.iban, account.booked,
           concat_ws('|', remittance, end_to_end_id, batch, bank_reference) AS texts,
           regexp_replace(concat_ws('|', remittance, end_to_end_id, batch, bank_reference), '\s', '', 'g') AS unspaced
    FROM staged_statement_line staged
    JOIN unnest(%(accounts)s::text[], %(booked)s::boolean[]) WITH ORDINALITY account(iban, booked, place)
      ON account.place = staged.statement + 1
),
repeated AS (
    SELECT DISTINCT line.position FROM line
    JOIN reconciliation_bankstatementline earlier
      ON earlier.bank_reference = line.bank_reference AND line.bank_reference <> '' AND earlier.amount = line.amount
     AND earlier.booked_on = line.booked_on AND earlier.end_to_end_id = line.end_to_end_id
     AND earlier.remittance = line.remittance
    JOIN reconciliation_bankstatement statement
      ON statement.id = earlier.statement_id AND statement.merchant_id = %(merchant)s
     AND statement.account = line.iban AND statement.kind = 'statement'
),
payout AS (
    SELECT DISTINCT ON (line.position) line.position, payout.id
    FROM line
    JOIN reconciliation_payout payout
      ON payout.merchant_id = %(merchant)s AND payout.status = 'announced' AND payout.currency = line.currency
     AND sign(payout.amount) = sign(line.amount)
     AND (position(upper(regexp_replace(payout.reference, '\s', '', 'g')) IN upper(line.unspaced)) > 0
              AND payout.amount = line.amount
          OR line.texts ~* ('(^|[^[:alnum:]])' || regexp_replace(payout.reference, '([^[:alnum:]])', '\\\1', 'g')
                           || '($|[^[:alnum:]])'))
    ORDER BY line.position, payout.amount = line.amount DESC, length(payout.reference) DESC, payout.id
),
refund AS (
    SELECT line.position, operation.id
    FROM line
    JOIN payments_operation operation
      ON operation.id = 'op_' || substring(
             lower(concat_ws('|', line.end_to_end_id, line.remittance) COLLATE "C")
             FROM '(?:^|[^0-9a-z])op[^0-9a-z]?([0-9a-z]{26})(?![0-9a-z])')
     AND operation.merchant_id = %(merchant)s
     AND operation.executor = 'bank' AND operation.currency = line.currency
     AND operation.amount = abs(line.amount)
),
provider AS (
    SELECT DISTINCT ON (line.position) line.position, account.id
    FROM line
    JOIN payments_provideraccount account
      ON account.merchant_id = %(merchant)s AND account.provider <> 'recorded' AND length(account.provider) > 3
     AND (position(lower(account.provider) IN lower(line.counterparty_name)) > 0
          OR position(lower(account.name) IN lower(line.counterparty_name)) > 0 AND length(account.name) > 3
          OR length(account.external_id) > 3 AND position(account.external_id IN line.texts) > 0)
    ORDER BY line.position, account.id
)
SELECT line.position,
       CASE
           WHEN NOT line.booked OR line.amount = 0 THEN 'other'  -- for information: no money
           WHEN repeated.position IS NOT NULL THEN 'repeated'
           WHEN payout.id IS NOT NULL THEN 'payout'
           WHEN refund.id IS NOT NULL THEN 'refund'
           WHEN provider.id IS NOT NULL THEN 'suspense'
           ELSE 'other'
       END,
       payout.id, refund.id, provider.id
FROM line
LEFT JOIN repeated ON repeated.position = line.position
LEFT JOIN payout ON payout.position = line.position
LEFT JOIN refund ON refund.position = line.position
LEFT JOIN provider ON provider.position = line.position
"""


def match_statement_lines(*, merchant_id: str, accounts: Sequence[str], booked: Sequence[bool]) -> None:
    """Say of each staged line what explains it; `accounts` and `booked` are in the order of the staged statements."""
    with connection.cursor() as cursor:
        cursor.execute(_MATCH, {"merchant": merchant_id, "accounts": list(accounts), "booked": list(booked)})


_STORE: Final = """
INSERT INTO reconciliation_bankstatementline (
    statement_id, position, number, amount, currency, booked_on, valued_on, reversal, bank_reference, end_to_end_id,
    batch, counterparty_name, counterparty_iban, remittance, code, state, payout_id, operation_id,
    provider_account_id, item
)
SELECT statement.id, line.position, line.number, line.amount, line.currency, line.booked_on, line.valued_on,
       line.reversal, line.bank_reference, line.end_to_end_id, line.batch, line.counterparty_name,
       line.counterparty_iban, line.remittance, line.code, match.state,
       CASE WHEN match.state = 'payout' THEN match.payout_id END,
       CASE WHEN match.state = 'refund' THEN match.operation_id END,
       match.provider_account_id,
       CASE WHEN match.state = 'suspense' THEN nextval('ledger_item') END
FROM staged_statement_line line
JOIN staged_statement_match match ON match.position = line.position
JOIN unnest(%(statements)s::bigint[]) WITH ORDINALITY statement(id, place) ON statement.place = line.statement + 1
ORDER BY line.position
"""


def store_statement_lines(statement_ids: Sequence[int]) -> None:
    """Keep the staged lines with what explains them; ids are in the order of the staged statements."""
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"statements": list(statement_ids)})


# A statement is linked by another that closes where it opens, on the same day or the last one before it: several of
# one day come in any order, and banks number them or not. One without such a link begins the account's chain; the
# others have a gap before them.
_GAPS: Final = """
WITH statement AS (
    SELECT id, currency, opening, closing, closed_on,
           row_number() OVER chain AS place, lag(closing) OVER chain AS before,
           max(closed_on) OVER (
               PARTITION BY currency ORDER BY closed_on RANGE BETWEEN UNBOUNDED PRECEDING AND '1 day' PRECEDING
           ) AS day_before
    FROM reconciliation_bankstatement
    WHERE merchant_id = %(merchant)s AND account = %(account)s AND kind = 'statement'
    WINDOW chain AS (PARTITION BY currency ORDER BY closed_on, opened_on, length(sequence), sequence, id)
),
loose AS (
    SELECT statement.*, row_number() OVER (PARTITION BY currency ORDER BY place) AS nth
    FROM statement
    WHERE NOT EXISTS (
        SELECT FROM statement link
        WHERE link.id <> statement.id AND link.currency = statement.currency AND link.closing = statement.opening
          AND link.closed_on IN (statement.closed_on, statement.day_before)
    )
)
SELECT id, opening, before FROM loose WHERE nth > 1 AND before IS NOT NULL
"""


def gaps(*, merchant_id: str, account: str) -> list[tuple[int, int, int]]:
    """(statement, its opening, the closing before it) wherever a statement does not open where another closed."""
    with connection.cursor() as cursor:
        cursor.execute(_GAPS, {"merchant": merchant_id, "account": account})
        return [tuple(row) for row in cursor.fetchall()]


def late_payouts(merchant_id: str) -> list[tuple[int, str]]:
    """(bank line, payout) where a payout announced by now was at the bank before, in full and under its reference."""
    with connection.cursor() as cursor:
        cursor.execute(
            r"""
            SELECT DISTINCT ON (payout.id) line.id, payout.id
            FROM reconciliation_payout payout
            JOIN reconciliation_bankstatement statement
              ON statement.merchant_id = payout.merchant_id AND statement.kind = 'statement'
            JOIN reconciliation_bankstatementline line
              ON line.statement_id = statement.id AND line.state IN ('suspense', 'other')
             AND line.amount = payout.amount AND line.currency = payout.currency
             AND position(
                     upper(regexp_replace(payout.reference, '\s', '', 'g')) IN upper(regexp_replace(
                         concat_ws('|', line.remittance, line.end_to_end_id, line.batch, line.bank_reference),
                         '\s', '', 'g'))
                 ) > 0
            WHERE payout.merchant_id = %s AND payout.status = 'announced' AND payout.amount_received = 0
            ORDER BY payout.id, line.id
            """,
            [merchant_id],
        )
        return [tuple(row) for row in cursor.fetchall()]

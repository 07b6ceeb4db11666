"""What documents for the accountant's software say; and the lease by which one process at a time sends."""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from django.db import connection

# What each entry of a statement changed on its account, in the order of the books.
_CHANGED: Final = """
SELECT entry.id, entry.key, entry.event, entry.book_date, sum(posting.amount)::bigint,
       ARRAY(SELECT line.item FROM ledger_posting line WHERE line.entry_id = entry.id AND line.item IS NOT NULL
             ORDER BY line.line LIMIT 5)
FROM reconciliation_connectorentry part
JOIN ledger_journalentry entry ON entry.id = part.entry_id
JOIN ledger_posting posting ON posting.entry_id = entry.id
JOIN ledger_account account ON account.number = posting.account_id
 AND account.code = part.account AND account.currency = part.currency
WHERE part.document_id = %s
GROUP BY entry.id
ORDER BY entry.book_date, entry.id
"""
# What stood on the account before the first day that is sent, and what the statements before this one changed.
_OPENING: Final = """
SELECT COALESCE((
    SELECT sum(posting.amount)
    FROM ledger_account account
    JOIN ledger_posting posting ON posting.account_id = account.number
    JOIN ledger_journalentry entry ON entry.id = posting.entry_id
    WHERE account.merchant_id = connector.merchant_id AND account.code = document.account
      AND account.currency = document.currency AND entry.book_date < connector.starts_on
), 0)::bigint + COALESCE((
    SELECT sum(posting.amount)
    FROM reconciliation_connectordocument before
    JOIN reconciliation_connectorentry part ON part.document_id = before.id
    JOIN ledger_posting posting ON posting.entry_id = part.entry_id
    JOIN ledger_account account ON account.number = posting.account_id
     AND account.code = before.account AND account.currency = before.currency
    WHERE before.connector_id = document.connector_id AND before.kind = 'statement'
      AND before.account = document.account AND before.currency = document.currency
      AND (before.book_date, before.number) < (document.book_date, document.number)
), 0)::bigint
FROM reconciliation_connectordocument document
JOIN reconciliation_connector connector ON connector.id = document.connector_id
WHERE document.id = %s
"""
# A day's postings per account and side: what is debited and what is credited stay apart, as turnover and returns do.
_SUMMED: Final = """
SELECT account.code, sum(posting.amount)::bigint, count(DISTINCT posting.entry_id)
FROM reconciliation_connectorentry part
JOIN ledger_posting posting ON posting.entry_id = part.entry_id
JOIN ledger_account account ON account.number = posting.account_id AND account.currency = part.currency
WHERE part.document_id = %s
GROUP BY account.code, sign(posting.amount)
ORDER BY account.code, sign(posting.amount) DESC
"""
_TAKE: Final = """
UPDATE reconciliation_connector
SET holder = %(holder)s, held_until = clock_timestamp() + %(seconds)s::float8 * interval '1 second', due_at = NULL
WHERE id = %(connector)s AND removed_at IS NULL AND status IN ('connected', 'failing')
  AND (held_until IS NULL OR held_until < clock_timestamp())
"""
_HOLD: Final = """
UPDATE reconciliation_connector SET held_until = clock_timestamp() + %(seconds)s::float8 * interval '1 second'
WHERE id = %(connector)s AND holder = %(holder)s AND held_until > clock_timestamp()
  AND removed_at IS NULL AND status <> 'off'
"""
_RELEASE: Final = """
UPDATE reconciliation_connector SET holder = '', held_until = NULL WHERE id = %(connector)s AND holder = %(holder)s
"""
# Who may send, whose outbox holds something that is due, or who was never tried.
_DUE: Final = """
SELECT connector.id, connector.merchant_id
FROM reconciliation_connector connector
WHERE connector.removed_at IS NULL AND connector.status IN ('connected', 'failing')
  AND (connector.due_at IS NULL OR connector.due_at <= clock_timestamp())
  AND (connector.held_until IS NULL OR connector.held_until < clock_timestamp())
  AND NOT connector.id = ANY(%(resting)s::text[])
  AND (connector.last_run_at IS NULL OR connector.due_at IS NOT NULL
       OR EXISTS (SELECT FROM reconciliation_connectordocument document
                  WHERE document.connector_id = connector.id AND document.status = 'pending'
                    AND document.due_at <= clock_timestamp()))
ORDER BY connector.last_run_at NULLS FIRST, connector.id
LIMIT %(most)s
"""


class Summed(NamedTuple):
    """One side of one account on a day: `amount` in minor units, a debit positive, of `entries` entries."""

    code: str
    amount: int
    entries: int


class Changed(NamedTuple):
    """What one entry changed on an account; `items` are what it is about."""

    id: str
    key: str
    event: str
    book_date: date
    amount: int
    items: list[int]


def summed(document: str) -> list[Summed]:
    """The lines of a journal."""
    with connection.cursor() as cursor:
        cursor.execute(_SUMMED, [document])
        return [Summed(*row) for row in cursor.fetchall()]


def changed(document: str) -> list[Changed]:
    """The lines of a statement."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED, [document])
        return [Changed(*row) for row in cursor.fetchall()]


def opening(document: str) -> int:
    """The balance that a statement begins with, in minor units."""
    with connection.cursor() as cursor:
        cursor.execute(_OPENING, [document])
        return int(cursor.fetchone()[0])


def take(connector: str, holder: str, seconds: float) -> bool:
    """Take the lease of a connector; False while another process has it, or where nothing may be sent."""
    return _changed(_TAKE, connector, holder, seconds)


def hold(connector: str, holder: str, seconds: float) -> bool:
    """Have the lease for longer; False where it is another's by now, or nothing may be sent any more."""
    return _changed(_HOLD, connector, holder, seconds)


def release(connector: str, holder: str) -> None:
    """Give the lease back."""
    _changed(_RELEASE, connector, holder, 0)


def due(*, resting: Sequence[str], most: int) -> list[tuple[str, str]]:
    """The ids of connectors that have something to do, and of their merchants."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, {"resting": list(resting), "most": most})
        return list(cursor.fetchall())


def _changed(statement: str, connector: str, holder: str, seconds: float) -> bool:
    parameters: dict[str, Any] = {"connector": connector, "holder": holder, "seconds": seconds}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return bool(cursor.rowcount)

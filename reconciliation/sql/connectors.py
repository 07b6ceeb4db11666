"""The outboxes of the accountant's software, filled as sets; and the lease by which one process at a time sends."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from django.db import connection

# Entries whose day may be sent and that stand in no document yet. `since` narrows it down to what can have become so
# after the last time: what was booked since, and days that ended or were closed since.
_MAY_BE_SENT: Final = """
SELECT entry.id, entry.book_date, account.currency
FROM ledger_journalentry entry
JOIN ledger_posting posting ON posting.entry_id = entry.id
JOIN ledger_account account ON account.number = posting.account_id
WHERE entry.merchant_id = %(merchant)s AND entry.book_date BETWEEN %(starts_on)s AND %(through)s
  AND (%(since)s::timestamptz IS NULL OR entry.booked_at >= %(since)s::timestamptz
       OR entry.book_date >= (%(since)s::timestamptz)::date - 1
       OR entry.book_date IN (SELECT day FROM ledger_bookday
                              WHERE merchant_id = %(merchant)s AND closed_at >= %(since)s::timestamptz))
  AND NOT EXISTS (SELECT FROM reconciliation_connectorentry known
                  WHERE known.connector_id = %(connector)s AND known.entry_id = entry.id
                    AND known.currency = account.currency AND known.account = '')
GROUP BY entry.id, entry.book_date, account.currency
-- Its day is closed for the merchant as a whole, or for one of the channels that it is about.
HAVING NOT %(closed)s::boolean
    OR ledger_day_closed(%(merchant)s::text, entry.book_date, array_agg(split_part(account.code, ':', 2)))
"""
# Ids that sort by the time of the entries, as all ids do, with the rest from a hash of what they stand for.
_FILL_JOURNALS: Final = f"""
WITH fresh AS MATERIALIZED ({_MAY_BE_SENT}),
day AS (
    SELECT fresh.book_date, fresh.currency, count(*) AS entries, min(fresh.id) AS first,
           1 + (SELECT COALESCE(max(number), 0) FROM reconciliation_connectordocument document
                WHERE document.connector_id = %(connector)s AND document.kind = 'journal'
                  AND document.book_date = fresh.book_date AND document.currency = fresh.currency) AS number
    FROM fresh GROUP BY fresh.book_date, fresh.currency
),
document AS (
    INSERT INTO reconciliation_connectordocument
        (id, created_at, connector_id, kind, account, book_date, currency, number, key, entries, status, remote_id,
         attempts, error_code, error_detail, due_at)
    SELECT 'cdo_' || substr(first, 5, 10)
               || substr(md5(%(connector)s::text || book_date::text || currency || number::text), 1, 16),
           clock_timestamp(), %(connector)s::text, 'journal', '', book_date, currency, number,
           'OT' || to_char(book_date, 'YYMMDD') || '-' || currency || '-' || number::text || '-' || %(mark)s::text,
           entries, 'pending', '', 0, '', '', clock_timestamp()
    FROM day
    RETURNING id, book_date, currency
)
INSERT INTO reconciliation_connectorentry (id, connector_id, document_id, entry_id, currency, account)
SELECT 'cne_' || substr(fresh.id, 5, 10) || substr(md5(%(connector)s::text || fresh.id || fresh.currency), 1, 16),
       %(connector)s::text, document.id, fresh.id, fresh.currency, ''
FROM fresh JOIN document USING (book_date, currency)
"""
# A statement holds what was booked on an account since the last one, with its own dates: so each begins with the
# balance with which the one before it ended, and what comes late stands on the next one.
_FILL_STATEMENTS: Final = """
WITH fresh AS MATERIALIZED (
    SELECT entry.id, account.code, account.currency
    FROM ledger_journalentry entry
    JOIN ledger_posting posting ON posting.entry_id = entry.id
    JOIN ledger_account account ON account.number = posting.account_id
    WHERE entry.merchant_id = %(merchant)s AND entry.book_date BETWEEN %(starts_on)s AND %(through)s
      AND account.code LIKE 'receivable:%%' AND account.currency = %(currency)s
      AND (%(since)s::timestamptz IS NULL OR entry.booked_at >= %(since)s::timestamptz
           OR entry.book_date >= (%(since)s::timestamptz)::date - 1
           OR entry.book_date IN (SELECT day FROM ledger_bookday
                                  WHERE merchant_id = %(merchant)s AND closed_at >= %(since)s::timestamptz))
      AND (NOT %(closed)s::boolean OR ledger_day_closed(%(merchant)s::text, entry.book_date, ARRAY(
               SELECT split_part(other.code, ':', 2) FROM ledger_posting line
               JOIN ledger_account other ON other.number = line.account_id WHERE line.entry_id = entry.id)))
      AND NOT EXISTS (SELECT FROM reconciliation_connectorentry known
                      WHERE known.connector_id = %(connector)s AND known.entry_id = entry.id
                        AND known.currency = account.currency AND known.account = account.code)
    GROUP BY entry.id, account.code, account.currency
    HAVING sum(posting.amount) <> 0
),
account AS (
    SELECT fresh.code, fresh.currency, count(*) AS entries, min(fresh.id) AS first,
           1 + (SELECT COALESCE(max(number), 0) FROM reconciliation_connectordocument document
                WHERE document.connector_id = %(connector)s AND document.kind = 'statement'
                  AND document.account = fresh.code AND document.book_date = %(through)s
                  AND document.currency = fresh.currency) AS number
    FROM fresh GROUP BY fresh.code, fresh.currency
),
document AS (
    INSERT INTO reconciliation_connectordocument
        (id, created_at, connector_id, kind, account, book_date, currency, number, key, entries, status, remote_id,
         attempts, error_code, error_detail, due_at)
    SELECT 'cdo_' || substr(first, 5, 10)
               || substr(md5(%(connector)s::text || code || %(through)s::date::text || number::text), 1, 16),
           clock_timestamp(), %(connector)s::text, 'statement', code, %(through)s, currency, number,
           'OS' || to_char(%(through)s::date, 'YYMMDD') || '-' || upper(substr(md5(code), 1, 6)) || '-'
               || number::text || '-' || %(mark)s::text,
           entries, 'pending', '', 0, '', '', clock_timestamp()
    FROM account
    RETURNING id, account, currency
)
INSERT INTO reconciliation_connectorentry (id, connector_id, document_id, entry_id, currency, account)
SELECT 'cne_' || substr(fresh.id, 5, 10)
           || substr(md5(%(connector)s::text || fresh.id || fresh.currency || fresh.code), 1, 16),
       %(connector)s::text, document.id, fresh.id, fresh.currency, fresh.code
FROM fresh JOIN document ON document.account = fresh.code AND document.currency = fresh.currency
"""
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


def fill(
    *,
    statements: bool,
    connector: str,
    merchant: str,
    currency: str,
    mark: str,
    starts_on: date,
    through: date,
    since: datetime | None,
    closed: bool,
) -> int:
    """Put every entry that may be sent by now into a document. Return how many entries those were.

    A journal is of a book date and currency; a statement of a receivable, up to `through`.
    """
    parameters: dict[str, Any] = {
        "connector": connector,
        "merchant": merchant,
        "mark": mark,
        **({"currency": currency} if statements else {}),
        "starts_on": starts_on,
        "through": through,
        "since": since,
        "closed": closed,
    }
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(_FILL_STATEMENTS if statements else _FILL_JOURNALS, parameters)
        return int(cursor.rowcount)


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

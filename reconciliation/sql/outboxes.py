"""The outboxes of the accountant's software, filled as sets: journals, statements, and sales that pay invoices."""

from datetime import date, datetime
from typing import Any, Final

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
# Sales that pay an invoice: made, not taken back, and of those approved offline what an acquirer has confirmed. The
# invoice is paid from the account on which journals put what was sold.
_FILL_PAYMENTS: Final = """
WITH fresh AS MATERIALIZED (
    SELECT entry.id, entry.book_date, account.code, account.currency, paid.invoice_reference AS invoice,
           row_number() OVER (PARTITION BY entry.book_date ORDER BY entry.id) AS place
    FROM ledger_journalentry entry
    JOIN payments_operation operation ON operation.id = split_part(entry.key, ':', 2)
    JOIN payments_payment payment ON payment.id = operation.payment_id
    JOIN payments_order paid ON paid.id = payment.order_id
    JOIN ledger_posting posting ON posting.entry_id = entry.id
    JOIN ledger_account account ON account.number = posting.account_id AND account.code LIKE 'takings:%%'
    WHERE entry.merchant_id = %(merchant)s AND entry.book_date BETWEEN %(starts_on)s AND %(through)s
      AND entry.event = 'captured' AND operation.reversed_at IS NULL AND paid.invoice_reference <> ''
      AND (%(since)s::timestamptz IS NULL OR entry.booked_at >= %(since)s::timestamptz
           OR entry.book_date >= (%(since)s::timestamptz)::date - 1 OR payment.confirmed_at >= %(since)s::timestamptz
           OR entry.book_date IN (SELECT day FROM ledger_bookday
                                  WHERE merchant_id = %(merchant)s AND closed_at >= %(since)s::timestamptz))
      AND (payment.confirmed_at IS NOT NULL OR NOT payment.provisional AND payment.offline_declined_at IS NULL)
      AND (NOT %(closed)s::boolean
           OR ledger_day_closed(%(merchant)s::text, entry.book_date, ARRAY[split_part(account.code, ':', 2)]))
      AND NOT EXISTS (SELECT FROM reconciliation_connectorentry known
                      WHERE known.connector_id = %(connector)s AND known.entry_id = entry.id
                        AND known.currency = account.currency AND known.account = account.code)
    GROUP BY entry.id, entry.book_date, account.code, account.currency, paid.invoice_reference
    HAVING sum(posting.amount) < 0
),
numbered AS (
    SELECT fresh.*, fresh.place + COALESCE((
        SELECT max(number) FROM reconciliation_connectordocument document
        WHERE document.connector_id = %(connector)s AND document.kind = 'payment'
          AND document.book_date = fresh.book_date
    ), 0) AS number
    FROM fresh
),
document AS (
    INSERT INTO reconciliation_connectordocument
        (id, created_at, connector_id, kind, account, invoice, book_date, currency, number, key, entries, status,
         remote_id, attempts, error_code, error_detail, due_at)
    SELECT 'cdo_' || substr(id, 5, 10) || substr(md5(%(connector)s::text || id || 'payment'), 1, 16),
           clock_timestamp(), %(connector)s::text, 'payment', code, invoice, book_date, currency, number,
           'OI' || to_char(book_date, 'YYMMDD') || '-' || number::text || '-' || %(mark)s::text,
           1, 'pending', '', 0, '', '', clock_timestamp()
    FROM numbered
    RETURNING id, book_date, number
)
INSERT INTO reconciliation_connectorentry (id, connector_id, document_id, entry_id, currency, account)
SELECT 'cne_' || substr(numbered.id, 5, 10) || substr(md5(%(connector)s::text || numbered.id || 'payment'), 1, 16),
       %(connector)s::text, document.id, numbered.id, numbered.currency, numbered.code
FROM numbered JOIN document USING (book_date, number)
"""


def fill(
    *,
    statements: bool,
    payments: bool,
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

    A journal is of a book date and currency; a statement of a receivable, up to `through`. With `payments` each sale
    that pays an invoice is a document beside its day's journal.
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
        filled = int(cursor.rowcount)
        if payments:
            cursor.execute(_FILL_PAYMENTS, parameters)
            filled += int(cursor.rowcount)
        return filled

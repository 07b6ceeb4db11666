"""The audit's questions: each row that a query returns is a violation, as (what it is about, what is wrong with it).

Every answer is recomputed from the rows themselves and trusts no trigger, constraint or foreign key: tampering has
already got past those.
"""

from typing import Final

ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

COUNTS: Final = "SELECT (SELECT count(*) FROM ledger_journalentry), (SELECT count(*) FROM ledger_posting)"

POSTINGS_WITHOUT_ENTRY: Final = """
    SELECT p.entry_id || ' line ' || p.line, 'is a posting of no journal entry'
    FROM ledger_posting p LEFT JOIN ledger_journalentry e ON e.id = p.entry_id
    WHERE e.id IS NULL
"""
POSTINGS_ON_STRANGE_ACCOUNTS: Final = """
    SELECT p.entry_id || ' line ' || p.line, CASE WHEN a.number IS NULL
        THEN format('is on account number %s, which does not exist', p.account_id)
        ELSE format('is on account %s of %s, the entry is of %s', a.code, a.merchant_id, e.merchant_id) END
    FROM ledger_posting p
    JOIN ledger_journalentry e ON e.id = p.entry_id
    LEFT JOIN ledger_account a ON a.number = p.account_id
    WHERE a.number IS NULL OR a.merchant_id <> e.merchant_id
"""
POSTINGS_WITHOUT_ITEM: Final = """
    SELECT p.entry_id || ' line ' || p.line, format('is on %s without saying about which item', a.code)
    FROM ledger_posting p JOIN ledger_account a ON a.number = p.account_id
    WHERE a.item_required AND p.item IS NULL
"""
ENTRIES_INCOMPLETE: Final = """
    SELECT e.id, format('%s should have lines 1 to %s and has %s, from %s to %s, of %s transaction(s)', e.key, e.lines,
        COALESCE(p.postings, 0), p.first, p.last, CASE WHEN p.first_xid = p.last_xid THEN 'one' ELSE 'several' END)
    FROM ledger_journalentry e
    LEFT JOIN (
        SELECT entry_id, count(*) AS postings, min(line) AS first, max(line) AS last,
            min(xid) AS first_xid, max(xid) AS last_xid
        FROM ledger_posting GROUP BY entry_id
    ) p ON p.entry_id = e.id
    WHERE p.entry_id IS NULL OR p.postings <> e.lines OR p.first <> 1 OR p.last <> e.lines OR p.first_xid <> p.last_xid
"""
# By the account's currency, and LEFT: postings on an account that is gone are summed, too.
ENTRIES_UNBALANCED: Final = """
    SELECT p.entry_id, format('is off by %s %s', sum(p.amount), a.currency)
    FROM ledger_posting p LEFT JOIN ledger_account a ON a.number = p.account_id
    GROUP BY p.entry_id, a.currency
    HAVING sum(p.amount) <> 0
"""
# The same text as posting.py wrote, from what is stored now.
ENTRIES_SEAL_BROKEN: Final = r"""
    SELECT e.id, e.key || ' or one of its postings is not what was booked'
    FROM ledger_journalentry e
    LEFT JOIN ledger_journalentry r ON r.id = e.reverses_id
    LEFT JOIN (
        SELECT entry_id, min(xid) AS xid,
            string_agg(account_id || ':' || COALESCE(item::text, '') || ':' || amount, E'\n' ORDER BY line) AS text
        FROM ledger_posting GROUP BY entry_id
    ) p ON p.entry_id = e.id
    WHERE e.seal IS DISTINCT FROM ledger_entry_seal(
        encode(sha256(convert_to(concat_ws(E'\n', e.key, e.event, e.merchant_id,
            (extract(epoch FROM e.occurred_at) * 1000000)::bigint, COALESCE(r.key, ''), p.text), 'UTF8')), 'hex'),
        e.id, e.book_date, e.booked_at, p.xid
    )
"""
# An account that changed its kind or merchant would move balances without a posting.
ACCOUNTS_SEAL_BROKEN: Final = """
    SELECT a.id, a.code || ' is not the account that was made'
    FROM ledger_account a
    WHERE a.seal IS DISTINCT FROM
        ledger_account_seal(a.id, a.number, a.merchant_id, a.code, a.currency, a.kind, a.item_required, a.created_at)
"""
DAYS_SEAL_BROKEN: Final = """
    SELECT format('book day %s of %s', d.day, d.merchant_id), 'is not as it was closed'
    FROM ledger_bookday d
    WHERE d.seal IS DISTINCT FROM ledger_day_seal(
        d.merchant_id, d.day, d.branch, d.number, d.closed, d.approval, d.closed_at, d.actor)
"""
# Both entries together net to nothing on every account and item, or one is no mirror of the other.
REVERSALS_WRONG: Final = """
    SELECT e.id, CASE WHEN min(r.id) IS NULL THEN e.key || ' reverses an entry that does not exist'
        ELSE format('%s is not the mirror image of %s', e.key, min(r.key)) END
    FROM ledger_journalentry e
    LEFT JOIN ledger_journalentry r ON r.id = e.reverses_id
    LEFT JOIN LATERAL (
        SELECT p.account_id, p.item, sum(p.amount) AS amount
        FROM ledger_posting p WHERE p.entry_id IN (e.id, r.id)
        GROUP BY p.account_id, p.item
    ) s ON s.amount <> 0
    WHERE e.reverses_id IS NOT NULL AND (r.id IS NULL OR s.account_id IS NOT NULL)
    GROUP BY e.id
"""
# What the unique indexes refuse, asked of the rows: an index may have been dropped and made again.
ENTRIES_DOUBLE: Final = """
    SELECT min(e.id), format('%s is booked %s times', e.key, count(*))
    FROM ledger_journalentry e GROUP BY e.key HAVING count(*) > 1
    UNION ALL
    SELECT e.reverses_id, format('is reversed %s times', count(*))
    FROM ledger_journalentry e WHERE e.reverses_id IS NOT NULL GROUP BY e.reverses_id HAVING count(*) > 1
"""
# By two moments of the same clock, the database's.
ENTRIES_ON_CLOSED_DAYS: Final = """
    SELECT DISTINCT e.id, format('%s was booked on %s after that day was closed', e.key, e.book_date)
    FROM (
        SELECT b.*,
            lead(b.closed_at) OVER (PARTITION BY b.merchant_id, b.day, b.branch ORDER BY b.number) AS reopened_at
        FROM ledger_bookday b
    ) d
    JOIN ledger_journalentry e ON e.merchant_id = d.merchant_id AND e.book_date = d.day
    WHERE d.closed AND e.booked_at > d.closed_at AND e.booked_at < COALESCE(d.reopened_at, 'infinity')
        AND (d.branch = '' OR EXISTS (
            SELECT FROM ledger_posting p JOIN ledger_account a ON a.number = p.account_id
            WHERE p.entry_id = e.id AND split_part(a.code, ':', 2) = d.branch
        ))
"""
# FULL JOIN: a checkpoint without postings is as wrong as postings without one. Up to the cursor, which is as far as
# they speak.
CHECKPOINTS_WRONG: Final = """
    SELECT format('checkpoint %s %s', COALESCE(a.code, 'of account number ' || COALESCE(c.account_id, p.account_id)),
            COALESCE(c.book_date, p.book_date)),
        format('of %s says %s over %s postings, the postings say %s over %s', a.merchant_id,
            COALESCE(c.amount, 0), COALESCE(c.postings, 0), COALESCE(p.amount, 0), COALESCE(p.postings, 0))
    FROM ledger_balancecheckpoint c
    FULL JOIN (
        SELECT p.account_id, e.book_date, sum(p.amount) AS amount, count(*) AS postings
        FROM ledger_posting p JOIN ledger_journalentry e ON e.id = p.entry_id
        WHERE p.xid <= (SELECT f.xid FROM ledger_foldcursor f WHERE f.id = 1)
        GROUP BY p.account_id, e.book_date
    ) p ON (p.account_id, p.book_date) = (c.account_id, c.book_date)
    LEFT JOIN ledger_account a ON a.number = COALESCE(c.account_id, p.account_id)
    WHERE (c.amount, c.postings) IS DISTINCT FROM (p.amount, p.postings)
"""
OPEN_ITEMS_WRONG: Final = """
    SELECT format('open item %s on %s', COALESCE(o.item, p.item),
            COALESCE(a.code, 'account number ' || COALESCE(o.account_id, p.account_id))),
        format('of %s says %s, the postings say %s', a.merchant_id, COALESCE(o.amount, 0), COALESCE(p.amount, 0))
    FROM ledger_openitem o
    FULL JOIN (
        SELECT p.account_id, p.item, sum(p.amount) AS amount
        FROM ledger_posting p JOIN ledger_account a ON a.number = p.account_id AND a.item_required
        WHERE p.item IS NOT NULL AND p.xid <= (SELECT f.xid FROM ledger_foldcursor f WHERE f.id = 1)
        GROUP BY p.account_id, p.item
        HAVING sum(p.amount) <> 0
    ) p ON (p.account_id, p.item) = (o.account_id, o.item)
    LEFT JOIN ledger_account a ON a.number = COALESCE(o.account_id, p.account_id)
    WHERE o.amount IS DISTINCT FROM p.amount
"""
# Only on the server it was made on: elsewhere the next fold begins a new epoch first.
CURSOR_AHEAD: Final = """
    SELECT 'fold cursor', format('stands at transaction %s, which has not ended', c.xid)
    FROM ledger_foldcursor c JOIN pg_control_system() s ON s.system_identifier::text = c.cluster
    WHERE c.xid >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint + c.shift
"""
GUARDS_MISSING: Final = """
    SELECT g.name, 'this guard on ' || g.owner || ' is gone or switched off'
    FROM (VALUES
        ('ledger_check_postings', 'ledger_posting'), ('ledger_check_entries', 'ledger_journalentry'),
        ('ledger_posting_refuses_change', 'ledger_posting'),
        ('ledger_journalentry_refuses_change', 'ledger_journalentry'),
        ('ledger_account_refuses_change', 'ledger_account'), ('ledger_bookday_refuses_change', 'ledger_bookday'),
        ('people_reopening_by_two', 'ledger_bookday')
    ) g (name, owner)
    LEFT JOIN pg_trigger t ON t.tgname = g.name AND t.tgrelid = g.owner::regclass AND t.tgenabled IN ('O', 'A')
    WHERE t.oid IS NULL
    UNION ALL
    SELECT g.name, 'this key is gone'
    FROM (VALUES ('ledger_entry_key'), ('ledger_entry_reversed_once'), ('ledger_posting_pkey')) g (name)
    LEFT JOIN pg_index i ON i.indexrelid = to_regclass(g.name) AND i.indisunique AND i.indisvalid
    WHERE i.indexrelid IS NULL
"""

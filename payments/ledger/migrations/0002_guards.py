"""What PostgreSQL itself refuses: half an entry, an unbalanced one, more lines for an old one, a closed day, any change.

All postings of an entry arrive in one statement, together with the entry. So at that statement's end the rows it
inserted tell the whole truth about each entry they touch, and whatever comes later is an intruder.

Functions keep their plans. One made while the books are empty would read whole tables, and would still be in use when
they are full; so the checks are held to their indexes, by subqueries instead of joins here, and by `ledger_post()`, in
whose scope they are planned, switching sequential scans off.
"""

from django.db import migrations

NUMBERS = """
CREATE SEQUENCE ledger_account_number AS integer OWNED BY ledger_account.number;
CREATE SEQUENCE ledger_item;
"""

IMMUTABLE = """
CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'what is booked stays as it is: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', CONSTRAINT = 'ledger_immutable', HINT = 'Post a journal reversal.';
END $$;
"""

# The first query is the usual entry's whole way: one currency, nothing wrong. What it does not let pass is looked at
# closely, per currency, to find whether anything is wrong, and what.
POSTINGS = """
CREATE FUNCTION ledger_check_postings() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    IF NOT EXISTS (
        SELECT FROM (
            SELECT p.entry_id, count(*) AS postings, count(a.number) AS known, sum(p.amount) AS total,
                min(p.line) AS first, max(p.line) AS last, min(a.merchant_id) AS merchant_id,
                min(a.currency) <> max(a.currency) OR min(a.merchant_id) <> max(a.merchant_id)
                    OR bool_or(a.item_required AND p.item IS NULL) AS doubtful
            FROM added p
            LEFT JOIN LATERAL (SELECT * FROM ledger_account WHERE number = p.account_id LIMIT 1) a ON true
            GROUP BY p.entry_id
        ) s
        WHERE s.total <> 0 OR s.first <> 1 OR s.last <> s.postings OR s.known <> s.postings OR s.doubtful
            OR s.postings IS DISTINCT FROM (
                SELECT e.lines FROM ledger_journalentry e WHERE e.id = s.entry_id AND e.merchant_id = s.merchant_id
            )
    ) THEN
        RETURN NULL;
    END IF;

    SELECT s.entry_id, CASE
            WHEN s.lines IS NULL THEN 'ledger_posting_entry'
            WHEN NOT bool_and(s.known) THEN 'ledger_posting_account'
            WHEN sum(s.postings) <> s.lines OR min(s.first) <> 1 OR max(s.last) <> s.lines THEN 'ledger_entry_complete'
            WHEN bool_or(s.bare) THEN 'ledger_posting_needs_item'
            ELSE 'ledger_entry_balances'
        END AS rule
    INTO wrong
    FROM (
        SELECT p.entry_id, e.lines, a.currency IS NOT NULL AS known, sum(p.amount) AS total, count(*) AS postings,
            min(p.line) AS first, max(p.line) AS last, bool_or(a.item_required AND p.item IS NULL) AS bare
        FROM added p
        LEFT JOIN LATERAL (SELECT * FROM ledger_journalentry WHERE id = p.entry_id LIMIT 1) e ON true
        LEFT JOIN LATERAL (
            SELECT * FROM ledger_account WHERE number = p.account_id AND merchant_id = e.merchant_id LIMIT 1
        ) a ON true
        GROUP BY p.entry_id, e.lines, a.currency
    ) s
    GROUP BY s.entry_id, s.lines
    HAVING s.lines IS NULL OR NOT bool_and(s.known) OR bool_or(s.bare) OR bool_or(s.total <> 0)
        OR sum(s.postings) <> s.lines OR min(s.first) <> 1 OR max(s.last) <> s.lines
    ORDER BY s.entry_id
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'journal entry % is refused: %', wrong.entry_id, wrong.rule
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong.rule;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_check_postings AFTER INSERT ON ledger_posting
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_postings();
"""

ENTRIES = """
CREATE FUNCTION ledger_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT e.id, e.book_date, e.reverses_id,
        (SELECT d.day FROM ledger_bookday d WHERE d.merchant_id = e.merchant_id AND d.day = e.book_date) AS closed
    INTO wrong
    FROM added e
    WHERE e.reverses_id = e.id
        OR (SELECT d.day FROM ledger_bookday d WHERE d.merchant_id = e.merchant_id AND d.day = e.book_date) IS NOT NULL
        OR (SELECT p.line FROM ledger_posting p WHERE p.entry_id = e.id AND p.line = 1) IS NULL
    LIMIT 1;
    IF FOUND AND wrong.reverses_id = wrong.id THEN
        RAISE EXCEPTION 'journal entry % is refused: what it reverses is not booked', wrong.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_reverses';
    ELSIF FOUND AND wrong.closed IS NOT NULL THEN
        RAISE EXCEPTION 'journal entry % is refused: the books of % are closed', wrong.id, wrong.book_date
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_day_open';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'journal entry % is refused: it came without its postings', wrong.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_complete';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER ledger_check_entries AFTER INSERT ON ledger_journalentry
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION ledger_check_entries();
"""

UNGUARD = """
DROP TRIGGER ledger_check_entries ON ledger_journalentry;
DROP FUNCTION ledger_check_entries();
DROP TRIGGER ledger_check_postings ON ledger_posting;
DROP FUNCTION ledger_check_postings();
"""


def _refuse_change(table: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_refuses_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION ledger_refuse_change()",
        f"DROP TRIGGER {table}_refuses_change ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_tables")]
    operations = [
        migrations.RunSQL(NUMBERS, "DROP SEQUENCE ledger_item; DROP SEQUENCE ledger_account_number;"),
        migrations.RunSQL(POSTINGS + ENTRIES, UNGUARD),
        migrations.RunSQL(IMMUTABLE, "DROP FUNCTION ledger_refuse_change()"),
        _refuse_change("ledger_account"),
        _refuse_change("ledger_journalentry"),
        _refuse_change("ledger_posting"),
        _refuse_change("ledger_bookday"),
    ]

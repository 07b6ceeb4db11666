"""Days are closed per branch, too, and reopened by two persons: the closed days become a log of both.

The primary key changes under a version that runs, which is safe as that version has no way to close a day: neither
its API nor its admin nor a command calls what wrote here.
"""

from importlib import import_module
from typing import Any

from django.db import migrations, models

GUARDS = import_module("payments.ledger.migrations.0002_guards")
FIRST = import_module("payments.ledger.migrations.0003_post")
BEFORE = import_module("payments.ledger.migrations.0005_post_faster")

KEY = (
    "ALTER TABLE ledger_bookday DROP CONSTRAINT ledger_bookday_pkey, ADD PRIMARY KEY (merchant_id, day, branch, number)"
)
OLD_KEY = "ALTER TABLE ledger_bookday DROP CONSTRAINT ledger_bookday_pkey, ADD PRIMARY KEY (merchant_id, day)"

# The newest row of the merchant and of each branch counts. Of a closing of the merchant as a whole, the seal is what it
# was before there were branches: concat_ws leaves out what is NULL.
STATUS = """
CREATE FUNCTION ledger_day_closed(merchant text, book_day date, branches text[]) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT COALESCE(bool_or(newest.closed), false) FROM (
        SELECT DISTINCT ON (d.branch) d.closed FROM ledger_bookday d
        WHERE d.merchant_id = merchant AND d.day = book_day AND (d.branch = '' OR d.branch = ANY(branches))
        ORDER BY d.branch, d.number DESC
    ) newest
$$;

CREATE FUNCTION ledger_day_seal(
    merchant text, day date, branch text, number int, closed boolean, approval text, moment timestamptz, actor text
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(
        convert_to(concat_ws(E'\\n', merchant, actor, NULLIF(branch, ''), NULLIF(number, 1),
            CASE WHEN NOT closed THEN 'reopened' END, NULLIF(approval, '')), 'UTF8')
        || date_send(day) || timestamptz_send(moment))
$$;

CREATE FUNCTION ledger_book_date(merchant text, business_day date, branches text[]) RETURNS date LANGUAGE plpgsql AS $$
DECLARE
    found_day date := business_day;
    nothing text;
BEGIN
    LOOP
        nothing := pg_advisory_xact_lock_shared(ledger_day_lock(merchant, found_day));
        EXIT WHEN NOT EXISTS (SELECT FROM ledger_bookday d WHERE d.merchant_id = merchant AND d.day = found_day);
        EXIT WHEN NOT (SELECT ledger_day_closed(merchant, found_day, branches));
        found_day := found_day + 1;
    END LOOP;
    RETURN found_day;
END $$;
"""
DROP_STATUS = """
DROP FUNCTION ledger_book_date(text, date, text[]);
DROP FUNCTION ledger_day_closed(text, date, text[]);
DROP FUNCTION ledger_day_seal(text, date, text, int, boolean, text, timestamptz, text);
"""
# The rows are moments of a clock that is read when the day's lock is held: before it, an entry that waited for a
# reopening would look as if it had been booked while the day was closed. Entries name their branches beside their day.
# The arguments are the former ones with one that may be left out, so that the version that still runs can book.
POST = """
CREATE FUNCTION ledger_post(
    days_merchant text[], days_day date[],
    ids text[], keys text[], events text[], merchants text[], day_numbers int[], moments timestamptz[],
    reversed_keys text[], contents text[], line_counts int[],
    line_ids text[], line_numbers int[], line_accounts int[], line_items bigint[], line_amounts bigint[],
    days_branches text[] DEFAULT NULL,
    OUT booked_at timestamptz, OUT book_dates date[],
    OUT old_keys text[], OUT old_ids text[], OUT old_dates date[], OUT old_moments timestamptz[]
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    this_xid bigint;
    now_booked timestamptz;
    booked_count int;
    other_key text;
    nothing text;
BEGIN
    nothing := pg_advisory_xact_lock_shared(7401, 0);
    FOR n IN 1 .. cardinality(days_day) LOOP
        book_dates[n] := ledger_book_date(days_merchant[n], days_day[n], string_to_array(days_branches[n], ' '));
    END LOOP;
    now_booked := clock_timestamp();
    this_xid := pg_current_xact_id()::text::bigint + COALESCE((SELECT c.shift FROM ledger_foldcursor c WHERE c.id = 1), 0);
    booked_at := now_booked;

    WITH booked AS (
        INSERT INTO ledger_journalentry AS j
            (id, key, event, merchant_id, book_date, occurred_at, booked_at, lines, reverses_id, seal)
        SELECT g.id, g.key, g.event, g.merchant, book_dates[g.day], g.moment, now_booked, g.lines,
            CASE WHEN g.reversed_key IS NOT NULL THEN COALESCE(
                (SELECT r.id FROM ledger_journalentry r WHERE r.key = g.reversed_key),
                ids[array_position(keys, g.reversed_key)],
                g.id  -- nothing is booked under that key: ledger_entry_reverses refuses an entry that names itself
            ) END,
            ledger_entry_seal(g.content, g.id, book_dates[g.day], now_booked, this_xid)
        FROM unnest(ids, keys, events, merchants, day_numbers, moments, reversed_keys, contents, line_counts)
            g (id, key, event, merchant, day, moment, reversed_key, content, lines)
        ON CONFLICT (key) DO NOTHING
        RETURNING j.id
    ), posted AS (
        INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id)
        SELECT this_xid, l.item, l.amount, l.line, l.account, l.id
        FROM unnest(line_ids, line_numbers, line_accounts, line_items, line_amounts) l (id, line, account, item, amount)
        WHERE l.id IN (SELECT b.id FROM booked b)
    )
    SELECT count(*) INTO booked_count FROM booked;

    IF booked_count < cardinality(ids) THEN
        SELECT array_agg(o.key), array_agg(o.id), array_agg(o.book_date), array_agg(o.booked_at),
            min(o.key) FILTER (WHERE o.differs)
        INTO old_keys, old_ids, old_dates, old_moments, other_key
        FROM (
            SELECT j.key, j.id, j.book_date, j.booked_at, j.seal <> ledger_entry_seal(
                g.content, j.id, j.book_date, j.booked_at,
                (SELECT p.xid FROM ledger_posting p WHERE p.entry_id = j.id AND p.line = 1)
            ) AS differs
            FROM unnest(ids, keys, contents) g (id, key, content)
            CROSS JOIN LATERAL (SELECT * FROM ledger_journalentry WHERE key = g.key LIMIT 1) j
            WHERE j.id <> g.id
        ) o;
        IF other_key IS NOT NULL THEN
            RAISE EXCEPTION 'journal entry % is booked with other content', other_key
                USING ERRCODE = 'unique_violation', CONSTRAINT = 'ledger_entry_key', DETAIL = other_key;
        END IF;
    END IF;
END $$;
"""
# As before; where anything was ever decided about the day, `ledger_post` looks closely.
POST_ONE = """
CREATE FUNCTION ledger_post_one(
    id text, key text, event text, merchant text, day date, moment timestamptz, reversed_key text, content text,
    accounts int[], items bigint[], amounts bigint[]
) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    now_booked timestamptz;
    this_xid bigint;
    nothing text;
BEGIN
    nothing := pg_advisory_xact_lock_shared(7401, 0);
    nothing := pg_advisory_xact_lock_shared(ledger_day_lock(merchant, ledger_post_one.day));
    this_xid := CASE
        WHEN NOT EXISTS (SELECT FROM ledger_bookday d WHERE d.merchant_id = merchant AND d.day = ledger_post_one.day)
        THEN pg_current_xact_id()::text::bigint + COALESCE((SELECT c.shift FROM ledger_foldcursor c WHERE c.id = 1), 0)
    END;
    IF this_xid IS NULL THEN
        RETURN NULL;
    END IF;
    now_booked := clock_timestamp();
    WITH booked AS (
        INSERT INTO ledger_journalentry AS j
            (id, key, event, merchant_id, book_date, occurred_at, booked_at, lines, reverses_id, seal)
        VALUES (
            ledger_post_one.id, ledger_post_one.key, ledger_post_one.event, merchant, ledger_post_one.day, moment,
            now_booked, cardinality(accounts),
            CASE WHEN reversed_key IS NOT NULL THEN COALESCE(
                (SELECT r.id FROM ledger_journalentry r WHERE r.key = reversed_key), ledger_post_one.id
            ) END,
            ledger_entry_seal(content, ledger_post_one.id, ledger_post_one.day, now_booked, this_xid)
        )
        ON CONFLICT (key) DO NOTHING
        RETURNING j.id
    )
    INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id)
    SELECT this_xid, l.item, l.amount, l.line, l.account, b.id
    FROM booked b, unnest(accounts, items, amounts) WITH ORDINALITY l (account, item, amount, line);
    RETURN CASE WHEN FOUND THEN (extract(epoch FROM now_booked) * 1000000)::bigint END;
END $$;
"""
# An ordinary entry is asked one question, as before. Of a day about which something was decided, the branches are those
# that own the entry's accounts: the part of a code after its colon.
ENTRIES = """
CREATE OR REPLACE FUNCTION ledger_check_entries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    SELECT e.id, e.book_date, e.reverses_id, e.shut
    INTO wrong
    FROM (
        SELECT e.*, CASE WHEN EXISTS (
            SELECT FROM ledger_bookday d WHERE d.merchant_id = e.merchant_id AND d.day = e.book_date
        ) THEN ledger_day_closed(e.merchant_id, e.book_date, ARRAY(
            SELECT split_part((SELECT a.code FROM ledger_account a WHERE a.number = p.account_id), ':', 2)
            FROM ledger_posting p WHERE p.entry_id = e.id
        )) ELSE false END AS shut
        FROM added e
    ) e
    WHERE e.reverses_id = e.id OR e.shut
        OR (SELECT p.line FROM ledger_posting p WHERE p.entry_id = e.id AND p.line = 1) IS NULL
    LIMIT 1;
    IF FOUND AND wrong.reverses_id = wrong.id THEN
        RAISE EXCEPTION 'journal entry % is refused: what it reverses is not booked', wrong.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_reverses';
    ELSIF FOUND AND wrong.shut THEN
        RAISE EXCEPTION 'journal entry % is refused: the books of % are closed', wrong.id, wrong.book_date
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_day_open';
    ELSIF FOUND THEN
        RAISE EXCEPTION 'journal entry % is refused: it came without its postings', wrong.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_complete';
    END IF;
    RETURN NULL;
END $$;
"""
OLD_ENTRIES = GUARDS.ENTRIES.split("CREATE TRIGGER")[0].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
OLD_BOOK_DATE = FIRST.BOOK_DATE[FIRST.BOOK_DATE.index("CREATE FUNCTION ledger_book_date") :]
DROP_POST = """
DROP FUNCTION ledger_post_one(text, text, text, text, date, timestamptz, text, text, int[], bigint[], bigint[]);
DROP FUNCTION ledger_post(
    text[], date[], text[], text[], text[], text[], int[], timestamptz[], text[], text[], int[],
    text[], int[], int[], bigint[], bigint[], text[]
);
"""


def _column(name: str, field: "models.Field[Any, Any]") -> migrations.AddField:
    return migrations.AddField("bookday", name, field)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0007_chain")]
    operations = [
        _column("branch", models.CharField(db_collation="C", db_default="", default="", max_length=60)),
        _column("number", models.IntegerField(db_default=1, default=1)),
        _column("closed", models.BooleanField(db_default=True, default=True)),
        _column("approval", models.CharField(blank=True, db_collation="C", db_default="", default="", max_length=30)),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RenameField("bookday", "closed_at", "at"),
                migrations.AlterField("bookday", "at", models.DateTimeField(db_column="closed_at", verbose_name="at")),
            ]
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(KEY, OLD_KEY)],
            state_operations=[
                migrations.AlterField(
                    "bookday",
                    "pk",
                    models.CompositePrimaryKey(
                        "merchant_id",
                        "day",
                        "branch",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
            ],
        ),
        migrations.AlterModelOptions(
            "bookday",
            {
                "verbose_name": "closing or reopening of a book day",
                "verbose_name_plural": "closings and reopenings of book days",
            },
        ),
        migrations.AddConstraint(
            "bookday",
            models.CheckConstraint(
                condition=models.Q(closed=True) | ~models.Q(approval=""), name="ledger_bookday_reopened_by_two"
            ),
        ),
        migrations.RunSQL(STATUS + ENTRIES, OLD_ENTRIES + DROP_STATUS),
        migrations.RunSQL(
            BEFORE.DROP + "DROP FUNCTION ledger_book_date(text, date);" + POST + POST_ONE,
            DROP_POST + OLD_BOOK_DATE + BEFORE.POST + BEFORE.POST_ONE,
        ),
    ]

"""Booking in one round trip: `ledger_post()` finds each entry's book date, then inserts entries and postings at once.

Under READ COMMITTED every statement of a function sees what was committed before that statement. That is why a day's
status is read by a statement after the one that took its lock, and why all this is a function and not one query.
"""

from django.db import migrations

# An assignment costs no query, which PERFORM would.
#
# Locks: (7401, 0) is the epoch's: posting shares it, a new epoch of the fold waits for it. A book day's lock is a hash
# of merchant and day: posting shares it, closing takes it alone.
BOOK_DATE = """
CREATE FUNCTION ledger_day_lock(merchant text, day date) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended(merchant, day - DATE '2000-01-01')
$$;

CREATE FUNCTION ledger_book_date(merchant text, business_day date) RETURNS date LANGUAGE plpgsql AS $$
DECLARE
    found_day date := business_day;
    nothing text;
BEGIN
    LOOP
        nothing := pg_advisory_xact_lock_shared(ledger_day_lock(merchant, found_day));
        EXIT WHEN NOT EXISTS (SELECT FROM ledger_bookday d WHERE d.merchant_id = merchant AND d.day = found_day);
        found_day := found_day + 1;
    END LOOP;
    RETURN found_day;
END $$;
"""

# What makes a row's seal: its content as post() was given it (a digest made in Python), and what was decided here.
# STABLE, like what they call: as IMMUTABLE they would not be inlined.
SEAL = """
CREATE FUNCTION ledger_entry_seal(content text, id text, book_date date, booked_at timestamptz, xid bigint) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(content || id, 'UTF8') || date_send(book_date) || timestamptz_send(booked_at) || int8send(xid))
$$;

CREATE FUNCTION ledger_account_seal(
    id text, number int, merchant text, code text, currency text, kind text, item_required boolean, made timestamptz
) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(concat_ws(E'\\n', id, number, merchant, code, currency, kind, item_required), 'UTF8')
        || timestamptz_send(made))
$$;

CREATE FUNCTION ledger_day_seal(merchant text, day date, closed_at timestamptz, actor text) RETURNS bytea
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT sha256(convert_to(concat_ws(E'\\n', merchant, actor), 'UTF8') || date_send(day) || timestamptz_send(closed_at))
$$;
"""

# Arrays of entries, of the (merchant, business day) pairs they name by number, and of lines. Keys that are booked are
# left out by ON CONFLICT, which waits for whoever is booking the same key just now; the last query finds them.
POST = """
CREATE FUNCTION ledger_post(
    days_merchant text[], days_day date[],
    ids text[], keys text[], events text[], merchants text[], day_numbers int[], moments timestamptz[],
    reversed_keys text[], contents text[], line_counts int[],
    line_ids text[], line_numbers int[], line_accounts int[], line_items bigint[], line_amounts bigint[]
) RETURNS TABLE (entry_key text, entry_id text, book_date date, booked_at timestamptz, is_new boolean)
LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    book_dates date[];
    this_xid bigint;
    now_booked timestamptz := clock_timestamp();
    booked_count int;
    is_same boolean;
    nothing text;
BEGIN
    nothing := pg_advisory_xact_lock_shared(7401, 0);
    FOR n IN 1 .. cardinality(days_day) LOOP
        book_dates[n] := ledger_book_date(days_merchant[n], days_day[n]);
    END LOOP;
    this_xid := pg_current_xact_id()::text::bigint + COALESCE((SELECT c.shift FROM ledger_foldcursor c WHERE c.id = 1), 0);

    RETURN QUERY
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
        RETURNING j.id, j.key, j.book_date
    ), posted AS (
        INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id)
        SELECT this_xid, l.item, l.amount, l.line, l.account, l.id
        FROM unnest(line_ids, line_numbers, line_accounts, line_items, line_amounts) l (id, line, account, item, amount)
        WHERE l.id IN (SELECT b.id FROM booked b)
    )
    SELECT b.key::text, b.id::text, b.book_date, now_booked, true FROM booked b;

    GET DIAGNOSTICS booked_count = ROW_COUNT;
    IF booked_count < cardinality(ids) THEN
        FOR entry_key, entry_id, book_date, booked_at, is_new, is_same IN
            SELECT g.key, j.id, j.book_date, j.booked_at, false, j.seal = ledger_entry_seal(
                g.content, j.id, j.book_date, j.booked_at,
                (SELECT p.xid FROM ledger_posting p WHERE p.entry_id = j.id AND p.line = 1)
            )
            FROM unnest(ids, keys, contents) g (id, key, content)
            CROSS JOIN LATERAL (SELECT * FROM ledger_journalentry WHERE key = g.key LIMIT 1) j
            WHERE j.id <> g.id
        LOOP
            IF NOT is_same THEN
                RAISE EXCEPTION 'journal entry % is booked with other content', entry_key
                    USING ERRCODE = 'unique_violation', CONSTRAINT = 'ledger_entry_key', DETAIL = entry_key;
            END IF;
            RETURN NEXT;
        END LOOP;
    END IF;
END $$;
"""

# The same for one entry, which is what is asked for most, without what only many need. Gives the book date, in days after
# 1 January 2000, and booked_at, in microseconds since 1970; NULL where the key is booked: ledger_post() tells as what.
POST_ONE = """
CREATE FUNCTION ledger_post_one(
    id text, key text, event text, merchant text, business_day date, moment timestamptz, reversed_key text, content text,
    accounts int[], items bigint[], amounts bigint[]
) RETURNS bigint[] LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    day date;
    this_xid bigint;
    now_booked timestamptz := clock_timestamp();
    nothing text;
BEGIN
    nothing := pg_advisory_xact_lock_shared(7401, 0);
    day := ledger_book_date(merchant, business_day);
    this_xid := pg_current_xact_id()::text::bigint + COALESCE((SELECT c.shift FROM ledger_foldcursor c WHERE c.id = 1), 0);
    WITH booked AS (
        INSERT INTO ledger_journalentry AS j
            (id, key, event, merchant_id, book_date, occurred_at, booked_at, lines, reverses_id, seal)
        VALUES (
            ledger_post_one.id, ledger_post_one.key, ledger_post_one.event, merchant, day, moment, now_booked,
            cardinality(accounts),
            CASE WHEN reversed_key IS NOT NULL THEN COALESCE(
                (SELECT r.id FROM ledger_journalentry r WHERE r.key = reversed_key), ledger_post_one.id
            ) END,
            ledger_entry_seal(content, ledger_post_one.id, day, now_booked, this_xid)
        )
        ON CONFLICT (key) DO NOTHING
        RETURNING j.id
    )
    INSERT INTO ledger_posting (xid, item, amount, line, account_id, entry_id)
    SELECT this_xid, l.item, l.amount, l.line, l.account, b.id
    FROM booked b, unnest(accounts, items, amounts) WITH ORDINALITY l (account, item, amount, line);
    RETURN CASE WHEN FOUND THEN ARRAY[day - DATE '2000-01-01', (extract(epoch FROM now_booked) * 1000000)::bigint] END;
END $$;
"""

UNPOST = """
DROP FUNCTION ledger_post_one(text, text, text, text, date, timestamptz, text, text, int[], bigint[], bigint[]);
DROP FUNCTION ledger_post(
    text[], date[], text[], text[], text[], text[], int[], timestamptz[], text[], text[], int[],
    text[], int[], int[], bigint[], bigint[]
);
DROP FUNCTION ledger_day_seal(text, date, timestamptz, text);
DROP FUNCTION ledger_account_seal(text, int, text, text, text, text, boolean, timestamptz);
DROP FUNCTION ledger_entry_seal(text, text, date, timestamptz, bigint);
DROP FUNCTION ledger_book_date(text, date);
DROP FUNCTION ledger_day_lock(text, date);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0002_guards")]
    operations = [migrations.RunSQL(BOOK_DATE + SEAL + POST + POST_ONE, UNPOST)]

"""Booking with less asked: one question instead of two for one entry, and answers without what the caller knows."""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("payments.ledger.migrations.0003_post")

# As before, but that the answer names only what was not booked just now; new entries are all others. Book dates are told
# once a day.
POST = """
CREATE FUNCTION ledger_post(
    days_merchant text[], days_day date[],
    ids text[], keys text[], events text[], merchants text[], day_numbers int[], moments timestamptz[],
    reversed_keys text[], contents text[], line_counts int[],
    line_ids text[], line_numbers int[], line_accounts int[], line_items bigint[], line_amounts bigint[],
    OUT booked_at timestamptz, OUT book_dates date[],
    OUT old_keys text[], OUT old_ids text[], OUT old_dates date[], OUT old_moments timestamptz[]
) LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    this_xid bigint;
    now_booked timestamptz := clock_timestamp();
    booked_count int;
    other_key text;
    nothing text;
BEGIN
    nothing := pg_advisory_xact_lock_shared(7401, 0);
    FOR n IN 1 .. cardinality(days_day) LOOP
        book_dates[n] := ledger_book_date(days_merchant[n], days_day[n]);
    END LOOP;
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

# The same for one entry of an open day, which is what is asked for most. Gives booked_at in microseconds since 1970; NULL
# where nothing was booked, because the key is booked already or the day is closed: ledger_post() knows what to do then.
POST_ONE = """
CREATE FUNCTION ledger_post_one(
    id text, key text, event text, merchant text, day date, moment timestamptz, reversed_key text, content text,
    accounts int[], items bigint[], amounts bigint[]
) RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off AS $$
#variable_conflict use_column
DECLARE
    now_booked timestamptz := clock_timestamp();
    this_xid bigint;
    nothing text;
BEGIN
    nothing := pg_advisory_xact_lock_shared(7401, 0);
    nothing := pg_advisory_xact_lock_shared(ledger_day_lock(merchant, ledger_post_one.day));
    this_xid := CASE
        WHEN (SELECT d.day FROM ledger_bookday d WHERE d.merchant_id = merchant AND d.day = ledger_post_one.day) IS NULL
        THEN pg_current_xact_id()::text::bigint + COALESCE((SELECT c.shift FROM ledger_foldcursor c WHERE c.id = 1), 0)
    END;
    IF this_xid IS NULL THEN
        RETURN NULL;
    END IF;
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

DROP = """
DROP FUNCTION ledger_post_one(text, text, text, text, date, timestamptz, text, text, int[], bigint[], bigint[]);
DROP FUNCTION ledger_post(
    text[], date[], text[], text[], text[], text[], int[], timestamptz[], text[], text[], int[],
    text[], int[], int[], bigint[], bigint[]
);
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0004_rights")]
    operations = [migrations.RunSQL(DROP + POST + POST_ONE, DROP + BEFORE.POST + BEFORE.POST_ONE)]

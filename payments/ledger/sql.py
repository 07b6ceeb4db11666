"""The ledger's statements, beside those that its migrations installed (`ledger_post` and the guards)."""

from typing import Final

POST: Final = """
    SELECT booked_at, book_dates, old_keys, old_ids, old_dates, old_moments FROM ledger_post(
        %s::text[], %s::date[],
        %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::timestamptz[],
        %s::text[], %s::text[], %s::int[],
        %s::text[], %s::int[], %s::int[], %s::bigint[], %s::bigint[],
        %s::text[]
    )
"""

# $1 and not %s: the driver's own raw cursor sends it, see `posting._value`.
POST_ONE: Final = """
    SELECT ledger_post_one(
        $1::text, $2::text, $3::text, $4::text, $5::date, $6::timestamptz, $7::text, $8::text,
        $9::int[], $10::bigint[], $11::bigint[]
    )
"""
# A sequence has gaps and never repeats: a number that a rolled-back transaction drew is nobody's.
NEXT_ITEMS: Final = "SELECT nextval('ledger_item') FROM generate_series(1, %s::int)"

# Joined to the places asked for, so that one statement finds any number of accounts by the unique index.
FIND_ACCOUNTS: Final = """
    SELECT a.merchant_id, a.code, a.currency, a.kind, a.item_required, a.number
    FROM unnest(%s::text[], %s::text[], %s::text[]) w (merchant_id, code, currency)
    JOIN ledger_account a ON (a.merchant_id, a.code, a.currency) = (w.merchant_id, w.code, w.currency)
"""

# In the order given: two transactions that make the same accounts wait for one another, never in a circle.
MAKE_ACCOUNTS: Final = """
    INSERT INTO ledger_account (id, number, merchant_id, code, currency, kind, item_required, created_at, seal)
    SELECT n.id, n.number, n.merchant_id, n.code, n.currency, n.kind, n.item_required, n.made,
        ledger_account_seal(n.id, n.number, n.merchant_id, n.code, n.currency, n.kind, n.item_required, n.made)
    FROM (
        SELECT w.*, nextval('ledger_account_number')::int AS number, clock_timestamp() AS made
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bool[])
            w (merchant_id, code, currency, id, kind, item_required)
    ) n
    ON CONFLICT (merchant_id, code, currency) DO NOTHING
"""

# By line: a reversal books the lines in the order of what it takes back.
ENTRY_LINES: Final = """
    SELECT a.code, a.kind, a.currency, a.item_required, p.amount, p.item, e.merchant_id
    FROM ledger_journalentry e
    JOIN ledger_posting p ON p.entry_id = e.id
    JOIN ledger_account a ON a.number = p.account_id
    WHERE e.key = %s
    ORDER BY p.line
"""

# Closing and reopening take the day's lock alone: they wait for everyone who is posting to the day, and they for them.
LOCK_DAYS: Final = """
    SELECT pg_advisory_xact_lock(ledger_day_lock(%(merchant)s::text, d::date))
    FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') d
"""
# After LOCK_DAYS in the same transaction: a transaction that waited for the day's lock finds it as it is left here.
MARK_DAYS: Final = """
    INSERT INTO ledger_bookday (merchant_id, day, branch, number, closed, approval, closed_at, actor, seal)
    SELECT d.merchant, d.day, d.branch, d.number, d.closed, d.approval, d.moment, d.actor,
        ledger_day_seal(d.merchant, d.day, d.branch, d.number, d.closed, d.approval, d.moment, d.actor)
    FROM (
        SELECT %(merchant)s::text AS merchant, asked.day::date AS day, %(branch)s::text AS branch,
            COALESCE(newest.number, 0) + 1 AS number, %(closed)s::boolean AS closed, %(approval)s::text AS approval,
            clock_timestamp() AS moment, %(actor)s::text AS actor
        FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') asked (day)
        LEFT JOIN LATERAL (
            SELECT b.number, b.closed FROM ledger_bookday b
            WHERE b.merchant_id = %(merchant)s::text AND b.day = asked.day::date AND b.branch = %(branch)s::text
            ORDER BY b.number DESC LIMIT 1
        ) newest ON true
        WHERE COALESCE(newest.closed, false) <> %(closed)s::boolean
    ) d
    RETURNING day
"""
# Of the day itself and the days that follow closed ones, the first that is open: no calendar is walked day by day.
FIRST_OPEN_DAY: Final = """
    SELECT d.day FROM (
        SELECT %(day)s::date AS day
        UNION
        SELECT b.day + 1 FROM ledger_bookday b WHERE b.merchant_id = %(merchant)s::text AND b.day >= %(day)s::date
    ) d
    WHERE NOT ledger_day_closed(%(merchant)s::text, d.day, ARRAY[%(branch)s::text])
    ORDER BY d.day LIMIT 1
"""
# On which days something was booked on the accounts of branches: by the checkpoints, and the tail that is not folded.
ACTIVE_DAYS: Final = """
    WITH account AS (
        SELECT a.number, split_part(a.code, ':', 2) AS branch
        FROM ledger_account a
        WHERE a.merchant_id = %(merchant)s::text AND split_part(a.code, ':', 2) = ANY(%(branches)s::text[])
    )
    SELECT a.branch, c.book_date
    FROM account a JOIN ledger_balancecheckpoint c ON c.account_id = a.number
    WHERE c.book_date BETWEEN %(first)s::date AND %(last)s::date
    UNION
    SELECT a.branch, e.book_date
    FROM account a
    CROSS JOIN LATERAL (
        SELECT p.entry_id FROM ledger_posting p
        WHERE p.account_id = a.number AND p.xid > COALESCE((SELECT f.xid FROM ledger_foldcursor f WHERE f.id = 1), 0)
        OFFSET 0
    ) p
    CROSS JOIN LATERAL (SELECT * FROM ledger_journalentry WHERE id = p.entry_id LIMIT 1) e
    WHERE e.book_date BETWEEN %(first)s::date AND %(last)s::date
"""

# The first day of each branch, by the same two.
FIRST_ACTIVE_DAYS: Final = """
    SELECT branch, min(day) FROM (
        SELECT split_part(a.code, ':', 2) AS branch,
            LEAST((SELECT min(c.book_date) FROM ledger_balancecheckpoint c WHERE c.account_id = a.number), (
                SELECT min((SELECT e.book_date FROM ledger_journalentry e WHERE e.id = p.entry_id))
                FROM ledger_posting p
                WHERE p.account_id = a.number
                    AND p.xid > COALESCE((SELECT f.xid FROM ledger_foldcursor f WHERE f.id = 1), 0)
            )) AS day
        FROM ledger_account a
        WHERE a.merchant_id = %(merchant)s::text AND split_part(a.code, ':', 2) = ANY(%(branches)s::text[])
    ) account
    WHERE day IS NOT NULL
    GROUP BY branch
"""

# The fold, in statements that follow one another: locking and moving the cursor in one WITH would move it and fold
# nothing. Only one fold runs at a time.
NO_TIMEOUT: Final = "SET LOCAL statement_timeout = 0"
# Tried, not waited for: a second fold has nothing to do.
TRY_FOLD_LOCK: Final = "SELECT pg_try_advisory_xact_lock(7401, 1)"
# The cluster's identifier tells that a logical restore has begun to count transactions anew: see NEW_EPOCH.
FOLD_STATE: Final = """
    SELECT s.system_identifier::text, c.cluster, c.shift, c.xid
    FROM pg_control_system() s LEFT JOIN ledger_foldcursor c ON c.id = 1
"""
# How far: whole transactions, all of which ended before this statement began.
FOLD_UP_TO: Final = """
    SELECT max(n.xid), count(*) FROM (
        SELECT p.xid FROM ledger_posting p
        WHERE p.xid > %(xid)s::bigint
            AND p.xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint + %(shift)s::bigint
        ORDER BY p.xid LIMIT %(limit)s::int
    ) n
"""
# Added to what stands, never set: a checkpoint is a sum of many folds.
FOLD_CHECKPOINTS: Final = """
    INSERT INTO ledger_balancecheckpoint AS c (account_id, book_date, amount, postings)
    SELECT p.account_id, e.book_date, sum(p.amount), count(*)
    FROM ledger_posting p JOIN ledger_journalentry e ON e.id = p.entry_id
    WHERE p.xid > %(xid)s::bigint AND p.xid <= %(up_to)s::bigint
    GROUP BY p.account_id, e.book_date
    ON CONFLICT (account_id, book_date) DO UPDATE
    SET amount = c.amount + excluded.amount, postings = c.postings + excluded.postings
"""
# An item that nets to zero is deleted, so that the table holds what is open, however many were ever opened.
FOLD_OPEN_ITEMS: Final = """
    MERGE INTO ledger_openitem o
    USING (
        SELECT p.account_id, p.item, sum(p.amount)::bigint AS amount, min(e.occurred_at) AS since
        FROM ledger_posting p
        JOIN ledger_journalentry e ON e.id = p.entry_id
        JOIN ledger_account a ON a.number = p.account_id AND a.item_required
        WHERE p.xid > %(xid)s::bigint AND p.xid <= %(up_to)s::bigint AND p.item IS NOT NULL
        GROUP BY p.account_id, p.item
        HAVING sum(p.amount) <> 0
    ) d ON (o.account_id, o.item) = (d.account_id, d.item)
    WHEN MATCHED AND o.amount + d.amount = 0 THEN DELETE
    WHEN MATCHED THEN UPDATE SET amount = o.amount + d.amount
    WHEN NOT MATCHED THEN INSERT (account_id, item, amount, since) VALUES (d.account_id, d.item, d.amount, d.since)
"""
# Last of the fold's statements, in the same transaction: what is folded and how far is committed together.
FOLD_CURSOR: Final = """
    UPDATE ledger_foldcursor SET xid = %(up_to)s::bigint, folded_at = clock_timestamp() WHERE id = 1
"""

# A new epoch waits for every post that is under way and holds back new ones: nobody books with the old shift after it.
EPOCH_LOCK: Final = "SELECT pg_advisory_xact_lock(7401, 0)"
# DELETE, since the application's role may not truncate.
FORGET_CHECKPOINTS: Final = "DELETE FROM ledger_balancecheckpoint"
FORGET_OPEN_ITEMS: Final = "DELETE FROM ledger_openitem"
# `shift` is added to every xid written from now on, so that they stay above those of before the restore.
NEW_EPOCH: Final = """
    INSERT INTO ledger_foldcursor AS c (id, epoch, cluster, shift, xid, folded_at)
    SELECT 1, 1, %(cluster)s::text, s.shift, 0, clock_timestamp()
    FROM (
        SELECT greatest(0, COALESCE(max(xid), 0) - pg_current_xact_id()::text::bigint) AS shift FROM ledger_posting
    ) s
    ON CONFLICT (id) DO UPDATE
    SET epoch = c.epoch + 1, cluster = excluded.cluster, shift = excluded.shift, xid = 0, folded_at = excluded.folded_at
"""
# How long the oldest posting waits: a transaction that stays open holds the fold back, and this shows it.
FOLD_AGE: Final = """
    SELECT COALESCE((
        SELECT greatest(0, extract(epoch FROM clock_timestamp() - e.booked_at))
        FROM ledger_posting p JOIN ledger_journalentry e ON e.id = p.entry_id
        WHERE p.xid > COALESCE((SELECT c.xid FROM ledger_foldcursor c WHERE c.id = 1), 0)
        ORDER BY p.xid LIMIT 1
    ), 0)::float
"""

# What is folded, and the tail that is not yet: in one statement, so that no fold comes between. The tail is short. The
# planner cannot know that; LATERAL with LIMIT or OFFSET keeps it from reading whole tables for it.
BALANCES: Final = """
    SELECT n.number,
        COALESCE((SELECT sum(c.amount) FROM ledger_balancecheckpoint c WHERE c.account_id = n.number), 0)
        + COALESCE((
            SELECT sum(p.amount) FROM ledger_posting p
            WHERE p.account_id = n.number
                AND p.xid > COALESCE((SELECT f.xid FROM ledger_foldcursor f WHERE f.id = 1), 0)
        ), 0)
    FROM unnest(%s::int[]) n (number)
"""
# Little, by the index on when entries were booked: nothing is booked more than a day (a wrong clock) before it happens.
BALANCE_SINCE: Final = """
    SELECT COALESCE(sum(p.amount), 0)
    FROM ledger_journalentry e
    JOIN ledger_posting p ON p.entry_id = e.id
    WHERE e.booked_at > %(moment)s::timestamptz - interval '1 day' AND e.occurred_at > %(moment)s::timestamptz
        AND p.account_id = %(number)s
"""
# Checkpoints know no moment of booking: what was booked after `known_at` is subtracted again, which is little.
TRIAL_BALANCE: Final = """
    SELECT a.id, a.number, a.code, a.kind, a.currency, sum(m.amount)::bigint
    FROM (
        SELECT c.account_id, c.amount
        FROM ledger_balancecheckpoint c
        WHERE c.book_date <= COALESCE(%(date)s::date, 'infinity')
            AND c.account_id IN (SELECT number FROM ledger_account WHERE merchant_id = %(merchant)s::text)
        UNION ALL
        SELECT p.account_id, p.amount
        FROM ledger_posting p
        CROSS JOIN LATERAL (SELECT * FROM ledger_journalentry WHERE id = p.entry_id LIMIT 1) e
        WHERE p.xid > COALESCE((SELECT f.xid FROM ledger_foldcursor f WHERE f.id = 1), 0)
            AND e.merchant_id = %(merchant)s::text AND e.book_date <= COALESCE(%(date)s::date, 'infinity')
        UNION ALL  -- less what was not known then
        SELECT p.account_id, -p.amount
        FROM ledger_journalentry e JOIN ledger_posting p ON p.entry_id = e.id
        WHERE %(known_at)s::timestamptz IS NOT NULL AND e.booked_at > %(known_at)s::timestamptz
            AND e.merchant_id = %(merchant)s::text AND e.book_date <= COALESCE(%(date)s::date, 'infinity')
    ) m
    JOIN ledger_account a ON a.number = m.account_id
    GROUP BY a.id
    HAVING sum(m.amount) <> 0
    ORDER BY a.currency, a.code
"""
# Of each account the newest that the page may need, by the index; what the tail touches is computed again.
OPEN_ITEMS: Final = """
    WITH tail AS (
        SELECT p.account_id, p.item, sum(p.amount) AS amount, min(e.occurred_at) AS since
        FROM unnest(%(numbers)s::int[]) n (number)
        CROSS JOIN LATERAL (
            SELECT * FROM ledger_posting
            WHERE account_id = n.number AND item IS NOT NULL
                AND xid > COALESCE((SELECT f.xid FROM ledger_foldcursor f WHERE f.id = 1), 0)
            OFFSET 0
        ) p
        CROSS JOIN LATERAL (SELECT * FROM ledger_journalentry WHERE id = p.entry_id LIMIT 1) e
        GROUP BY p.account_id, p.item
    )
    SELECT a.id, a.number, a.code, a.currency, s.item, s.amount, s.since
    FROM (
        SELECT o.account_id, o.item, o.amount, o.since
        FROM unnest(%(numbers)s::int[]) n (number)
        CROSS JOIN LATERAL (
            SELECT i.account_id, i.item, i.amount, i.since FROM ledger_openitem i
            WHERE i.account_id = n.number AND i.item <= COALESCE(%(item)s::bigint, 9223372036854775807)
                AND (i.account_id, i.item) NOT IN (SELECT t.account_id, t.item FROM tail t)
            ORDER BY i.item DESC LIMIT %(limit)s::int + 1
        ) o
        UNION ALL
        SELECT t.account_id, t.item, (t.amount + COALESCE(o.amount, 0))::bigint, least(t.since, o.since)
        FROM tail t LEFT JOIN ledger_openitem o ON o.account_id = t.account_id AND o.item = t.item
        WHERE t.amount + COALESCE(o.amount, 0) <> 0
    ) s
    JOIN ledger_account a ON a.number = s.account_id
    WHERE %(item)s::bigint IS NULL OR (s.item, s.account_id) < (%(item)s::bigint, %(number)s::int)
    ORDER BY s.item DESC, s.account_id DESC
    LIMIT %(limit)s::int
"""

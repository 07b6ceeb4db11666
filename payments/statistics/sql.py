"""The statements of the statistics: folding changes into totals, and summing both."""

from collections.abc import Sequence
from typing import Final

from psycopg.sql import SQL, Composed, Identifier

GROUPS: Final = ("business_day", "channel_id", "currency", "method", "origin", "brand", "hour")
MEASURES: Final = (
    "sales_count",
    "sales_amount",
    "refunds_count",
    "refunds_amount",
    "chargebacks_amount",
    "tips_amount",
)


def _columns(names: Sequence[str]) -> Composed:
    return SQL(", ").join(Identifier(name) for name in names)


TRY_LOCK: Final = "SELECT pg_try_advisory_xact_lock(7402, 1)"
NEXT: Final = """
    SELECT id FROM payments_statisticdelta WHERE id <> ALL(%(resting)s::bigint[]) ORDER BY id LIMIT %(limit)s
"""
# Changes are moved, not counted up to a number: what a slow transaction has yet to commit cannot be seen here, so it
# cannot be skipped, and nothing can be moved twice.
FOLD: Final = SQL("""
    WITH moved AS (
        DELETE FROM payments_statisticdelta
        WHERE id = ANY(%(ids)s)
        RETURNING *
    ), added AS (
        INSERT INTO payments_statistictotal AS t (merchant_id, {groups}, {measures})
        SELECT merchant_id, {groups}, {sums} FROM moved GROUP BY merchant_id, {groups}
        ON CONFLICT (merchant_id, {groups}) DO UPDATE SET {raises}
    )
    SELECT count(*) FROM moved
""").format(
    groups=_columns(GROUPS),
    measures=_columns(MEASURES),
    sums=SQL(", ").join(SQL("sum({})").format(Identifier(name)) for name in MEASURES),
    raises=SQL(", ").join(SQL("{0} = t.{0} + excluded.{0}").format(Identifier(name)) for name in MEASURES),
)


def figures(groups: Sequence[str]) -> Composed:
    """Sums by these groups and the currency, over totals and what is not folded yet: one statement, one moment."""
    named = ("currency", *groups)
    return SQL("""
        SELECT {groups}, {sums}
        FROM (
            SELECT {read} FROM payments_statistictotal WHERE {ours}
            UNION ALL
            SELECT {read} FROM payments_statisticdelta WHERE {ours}
        ) f
        GROUP BY {groups}
        HAVING {moved}
        ORDER BY {groups}
    """).format(
        groups=_columns(named),
        sums=SQL(", ").join(SQL("sum({0})::bigint AS {0}").format(Identifier(name)) for name in MEASURES),
        read=_columns((*named, *MEASURES)),
        ours=SQL("""
            merchant_id = %(merchant)s AND business_day BETWEEN %(first)s AND %(last)s
            AND channel_id = COALESCE(%(channel)s, channel_id)
            AND (%(channels)s::text[] IS NULL OR channel_id = ANY(%(channels)s::text[]))
            AND currency = COALESCE(%(currency)s, currency)
        """),
        moved=SQL(" OR ").join(SQL("sum({}) <> 0").format(Identifier(name)) for name in MEASURES),
    )

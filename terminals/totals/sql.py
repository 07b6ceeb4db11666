"""The queries behind totals: each reads one range of the index by (terminal, series, sequence)."""

from typing import Final

# What each number counts as: '' where it counts as nothing. A later report of what was known already is no second one.
_COUNTED: Final = """
    SELECT
        e.sequence,
        lower(coalesce(e.posted #>> '{card,brand}', '')) AS brand,
        e.currency,
        e.amount,
        e.type AS posted_as,
        CASE
            WHEN e.posted ->> 'outcome' = 'declined' THEN 'declined'
            WHEN e.posted ->> 'outcome' <> 'approved' OR t.status <> 'recorded' THEN ''
            WHEN e.type <> 'reversal' AND o.outcome IS DISTINCT FROM 'succeeded' AND o.reversed_at IS NULL THEN ''
            WHEN e.posted ? 'resolves' AND EXISTS (
                SELECT FROM payments_cardevidence f
                WHERE f.terminal_id = e.terminal_id AND f.series = e.series
                  AND f.sequence = (e.posted ->> 'resolves')::bigint AND f.posted ->> 'outcome' = 'approved'
            ) THEN ''
            ELSE e.type
        END AS counts_as,
        t.status <> 'recorded' OR e.posted ->> 'outcome' = 'unknown' OR EXISTS (
            SELECT FROM terminals_sequenceconflict c
            WHERE c.terminal_id = e.terminal_id AND c.series = e.series AND c.sequence = e.sequence
        ) AS doubtful
    FROM terminals_terminaltransaction t
    JOIN payments_cardevidence e
      ON e.terminal_id = t.terminal_id AND e.series = t.series AND e.sequence = t.sequence
    LEFT JOIN payments_operation o ON o.id = e.operation_id
    WHERE t.terminal_id = %(terminal)s AND t.series = %(series)s AND t.sequence BETWEEN %(first)s AND %(last)s
"""

TOTALS: Final = f"""
    SELECT brand, counts_as, currency, count(*), sum(amount)
    FROM ({_COUNTED}) counted
    WHERE counts_as <> ''
    GROUP BY brand, counts_as, currency
"""

EXPLAINING: Final = f"""
    SELECT sequence, brand, counts_as, currency, amount, posted_as, doubtful
    FROM ({_COUNTED}) counted
    WHERE doubtful OR (brand, counts_as, currency) IN (
        SELECT * FROM unnest(%(brands)s::text[], %(types)s::text[], %(currencies)s::bpchar[])
    )
    ORDER BY sequence
"""

# Between each recorded number and the next one; the range's own ends stand in as if they were recorded.
MISSING: Final = """
    SELECT sequence + 1, next - 1
    FROM (
        SELECT sequence, lead(sequence) OVER (ORDER BY sequence) AS next
        FROM (
            SELECT sequence FROM terminals_terminaltransaction
            WHERE terminal_id = %(terminal)s AND series = %(series)s AND sequence BETWEEN %(first)s AND %(last)s
            UNION ALL
            SELECT unnest(ARRAY[%(first)s::bigint - 1, %(last)s::bigint + 1])
        ) known
    ) neighbors
    WHERE next > sequence + 1
    ORDER BY sequence
"""

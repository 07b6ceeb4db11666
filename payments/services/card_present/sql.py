"""What is asked of the evidence that is known already, for a whole batch in one round trip."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from django.db import connection

WINDOW: Final = timedelta(hours=1)  # in which no acquirer gives a terminal the same number twice

# By the index on RRNs; by that on codes only where no RRN says more, since a code alone has many namesakes.
_TWINS: Final = """
    SELECT n.sequence, e.terminal_id, e.series, e.sequence, e.payment_id, p.receipt_number
    FROM unnest(
        %(sequences)s::bigint[], %(types)s::text[], %(amounts)s::bigint[], %(currencies)s::text[],
        %(moments)s::timestamptz[], %(rrns)s::text[], %(stans)s::text[], %(codes)s::text[], %(tids)s::text[],
        %(last4s)s::text[], %(fingerprints)s::text[]
    ) n (sequence, type, amount, currency, occurred_at, rrn, stan, code, tid, last4, fingerprint)
    CROSS JOIN LATERAL (
        SELECT * FROM payments_cardevidence WHERE merchant_id = %(merchant)s AND rrn = n.rrn
        UNION ALL
        SELECT * FROM payments_cardevidence
        WHERE n.rrn IS NULL AND merchant_id = %(merchant)s AND authorization_code = n.code AND stan = n.stan
    ) e
    LEFT JOIN payments_payment p ON p.id = e.payment_id
    WHERE e.type = n.type AND e.amount = n.amount AND e.currency = n.currency
      AND e.posted ->> 'outcome' = 'approved'
      AND abs(extract(epoch FROM e.occurred_at - n.occurred_at)) <= %(window)s
      AND CASE WHEN e.acquirer_tid IS NOT NULL AND n.tid IS NOT NULL THEN e.acquirer_tid = n.tid
               ELSE e.terminal_id = %(terminal)s END
      AND (n.last4 IS NULL OR coalesce(e.posted #>> '{card,last4}', n.last4) = n.last4)
      AND (n.fingerprint IS NULL OR coalesce(e.posted #>> '{card,fingerprint}', n.fingerprint) = n.fingerprint)
      AND NOT (e.terminal_id = %(terminal)s AND e.series = %(series)s AND e.sequence = n.sequence)
    ORDER BY n.sequence, e.created_at, e.id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """What names one tap of a card."""

    sequence: int
    type: str
    amount: int
    currency: str
    occurred_at: datetime
    rrn: str | None
    stan: str | None
    code: str | None
    tid: str | None
    last4: str | None
    fingerprint: str | None


class Twin(NamedTuple):
    """Evidence that is known already and can only be of the same tap as that of `of`."""

    of: int
    terminal_id: str
    series: int
    sequence: int
    payment_id: str | None
    receipt: str | None


def twins(*, merchant_id: str, terminal_id: str, series: int, taps: Sequence[Tap]) -> list[Twin]:
    """Return the evidence known already of these taps, in one round trip."""
    columns: dict[str, list[Any]] = {
        "sequences": [tap.sequence for tap in taps],
        "types": [tap.type for tap in taps],
        "amounts": [tap.amount for tap in taps],
        "currencies": [tap.currency for tap in taps],
        "moments": [tap.occurred_at for tap in taps],
        "rrns": [tap.rrn for tap in taps],
        "stans": [tap.stan for tap in taps],
        "codes": [tap.code for tap in taps],
        "tids": [tap.tid for tap in taps],
        "last4s": [tap.last4 for tap in taps],
        "fingerprints": [tap.fingerprint for tap in taps],
    }
    about: dict[str, Any] = {
        "merchant": merchant_id,
        "terminal": terminal_id,
        "series": series,
        "window": WINDOW.total_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_TWINS, {**columns, **about})
        return [Twin(*row) for row in cursor.fetchall()]

"""SQL that the ORM cannot express: the transaction that wrote a row, and the fair claim of due deliveries."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from django.db import connection
from django.db.models import BigIntegerField, DateTimeField, Func

from payments.db.bulk import Part, together


class CurrentTransaction(Func):
    """The id of the transaction that writes the row; it never wraps around."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field = BigIntegerField()
    arity = 0


class ClockTime(Func):
    """The time of day, also within a transaction."""

    template = "clock_timestamp()"
    output_field = DateTimeField()
    arity = 0


def settled_before() -> int:
    """Return the id of the oldest open transaction: every one with a smaller id has ended, and can add no row."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return int(cursor.fetchone()[0])


@dataclass(frozen=True, slots=True)
class Listener:
    """What `emit` needs to know of an enabled endpoint."""

    id: str
    merchant_id: str
    channel_id: str | None
    events: list[str]


_LISTENERS: Final = """
    SELECT id, merchant_id, channel_id, events FROM notify_webhookendpoint
    WHERE merchant_id = ANY (%s) AND status = 'enabled'
"""


def write_events(parts: Sequence[Part], merchant_ids: Sequence[str]) -> list[Listener]:
    """Write events and the other `parts` in one statement; return the enabled endpoints of these merchants."""
    with connection.cursor() as cursor:
        text = together((*(part.text for part in parts), _LISTENERS))
        cursor.execute(text, [*(part.rows for part in parts), list(merchant_ids)])
        return [Listener(*row) for row in cursor.fetchall()]


# Endpoints with something pending are found by a loose index scan, so that one endpoint's long queue costs the others
# nothing. Each then gives as many deliveries as it has room for, and the first of each queue goes before any second.
# `statement_timestamp()` because it is constant within the statement: with `clock_timestamp()` no index could find
# what is due, and everything that waits for a dead endpoint would be read each time.
_CLAIM: Final = """
WITH RECURSIVE line AS (
    (SELECT endpoint_id FROM notify_webhookdelivery WHERE status = 'pending' ORDER BY endpoint_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT endpoint_id FROM notify_webhookdelivery
        WHERE status = 'pending' AND endpoint_id > line.endpoint_id ORDER BY endpoint_id LIMIT 1
    )
    FROM line WHERE line.endpoint_id IS NOT NULL
), endpoint AS (
    SELECT id, failures >= %(failing_after)s AS failing, (
        SELECT count(*) FROM notify_webhookdelivery
        WHERE endpoint_id = notify_webhookendpoint.id AND lease_until > statement_timestamp()
    ) AS under_way
    FROM notify_webhookendpoint
    WHERE status = 'enabled' AND id IN (SELECT endpoint_id FROM line)
), due AS (
    SELECT first.id, failing, row_number() OVER (PARTITION BY endpoint.id ORDER BY first.next_attempt_at) AS place
    FROM endpoint CROSS JOIN LATERAL (
        SELECT id, next_attempt_at FROM notify_webhookdelivery
        WHERE endpoint_id = endpoint.id AND status = 'pending' AND next_attempt_at <= statement_timestamp()
            AND (lease_until IS NULL OR lease_until <= statement_timestamp())
        ORDER BY next_attempt_at
        LIMIT greatest(CASE WHEN failing THEN 1 ELSE %(per_endpoint)s END - under_way, 0)
        FOR UPDATE SKIP LOCKED
    ) first
)
UPDATE notify_webhookdelivery
SET lease_until = statement_timestamp() + make_interval(secs => %(lease)s), attempts = attempts + 1
WHERE id IN (
    (SELECT id FROM due WHERE NOT failing ORDER BY place, id LIMIT %(healthy)s)
    UNION ALL
    (SELECT id FROM due WHERE failing ORDER BY place, id LIMIT %(failing)s)
)
RETURNING id
"""


def claim(*, healthy: int, failing: int, per_endpoint: int, failing_after: int, lease: timedelta) -> list[str]:
    """Lease due deliveries, fairly over endpoints; return their ids.

    At most `healthy` of them are for endpoints that answer, each of which has at most `per_endpoint` under way, and at
    most `failing` for endpoints whose last `failing_after` attempts failed, each of which has one.
    """
    values: dict[str, int | float] = {
        "healthy": healthy,
        "failing": failing,
        "per_endpoint": per_endpoint,
        "failing_after": failing_after,
        "lease": lease.total_seconds(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, values)
        return [row[0] for row in cursor.fetchall()]

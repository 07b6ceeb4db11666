"""Statements on the path of every payment, as constant texts: the ORM would compile each of them every time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.db import connection

# One row, unless another made the order first.
MAKE_ORDER: Final = """
    INSERT INTO payments_order (id, merchant_id, channel_id, namespace, reference, customer_id, currency, created_at,
        authorized, captured, refunded, refund_reserved, charged_back, excess)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 0, 0, 0, 0)
    ON CONFLICT DO NOTHING
"""

# Commits without waiting for the disk: if a crash loses the update, the operation is sent again under the same key,
# which the provider recognizes. A subquery in FROM sets it for this transaction without another round trip.
_HURRIED: Final = "(SELECT set_config('synchronous_commit', 'off', true)) hurried"

# One row, unless the operation is answered or another process holds its lease. Leases go by the database's clock: those
# of two processes may be minutes apart.
CLAIM_OPERATION: Final = f"""
    UPDATE payments_operation
    SET outcome = NULL, submitted_at = clock_timestamp(), attempts = attempts + 1,
        due_at = clock_timestamp() + make_interval(secs => %(lease)s)
    FROM {_HURRIED}
    WHERE id = %(id)s AND executor = %(executor)s AND due_at IS NOT NULL
        AND (outcome IS NULL AND submitted_at IS NULL OR outcome = %(not_sent)s)
        AND (submitted_at IS NULL OR due_at <= clock_timestamp())
"""

# One row, unless the provider has sent this event before.
STORE_EVENT: Final = """
    INSERT INTO payments_providerevent (id, merchant_id, provider_account_id, event_id, body, announces, status,
        detail, deliveries, attempts, due_at, applied_at, created_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, '', 1, 0, %s, %s, %s)
    ON CONFLICT DO NOTHING
"""

# Serializes one person's requests, so that both count towards the daily limit. Lock order: taken after the order's.
ONE_PERSON_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(7403, hashtext(%s))"

# No ON CONFLICT: the unique index makes a second request of the same key wait for the first one's transaction.
BEGIN_KEY: Final = """
    INSERT INTO payments_idempotencykey (merchant_id, key, fingerprint, object_id, lease_until, created_at)
    VALUES (%s, %s, %s, %s, %s, %s)
"""
ANSWER_KEY: Final = f"""
    UPDATE payments_idempotencykey SET status = %s, body = %s, lease_until = NULL
    FROM {_HURRIED}
    WHERE merchant_id = %s AND key = %s AND fingerprint = %s AND status IS NULL
"""


def done(statement: str, values: Sequence[Any] | Mapping[str, Any]) -> bool:
    """Run a statement about one row; return whether it found or changed that row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount == 1)

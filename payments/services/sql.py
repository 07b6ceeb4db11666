"""The statements that every payment passes one by one; their texts stand, so that nothing is compiled for them."""

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

# Without a wait for the disk: should the server lose these last moments in a crash, the next one to come does the
# same again, under the same key. `UPDATE … FROM` one row that sets it for this very transaction.
_HURRIED: Final = "(SELECT set_config('synchronous_commit', 'off', true)) hurried"

# One row, unless the operation is answered, or somebody asks just now. Leases go by the database's clock: that of the
# process which asks and that of the one which sweeps may be minutes apart.
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

# What one person decides in a day is counted; two of their requests at once take turns. After the order's lock.
ONE_PERSON_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(7403, hashtext(%s))"

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
    """Run a statement about one row, and tell whether it changed that row."""
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return bool(cursor.rowcount == 1)

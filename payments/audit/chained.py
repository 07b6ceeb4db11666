"""The columns of payments' rows that the hash chain covers: those that never change after the insert."""

from typing import Final

from payments.ledger.chain import Chained

TRANSITIONS: Final = Chained(
    "payments_transition",
    "at",
    ("id", "object_id", "from_status", "to_status", "actor", "operation_id", "at"),
    id_type="bigint",
)
EVIDENCE: Final = Chained(
    "payments_cardevidence",
    "created_at",
    ("id", "merchant_id", "terminal_id", "series", "sequence", "posted", "created_at"),
)
PROVIDER_EVENTS: Final = Chained(
    "payments_providerevent", "created_at", ("id", "provider_account_id", "event_id", "body", "created_at")
)

"""The columns of events that the hash chain covers: all but the transaction's id, which a restore resets."""

from typing import Final

from payments.ledger.chain import Chained

EVENTS: Final = Chained(
    "notify_event",
    "created_at",
    ("id", "merchant_id", "channel_id", "type", "object_type", "object_id", "data", "test_mode", "created_at"),
)

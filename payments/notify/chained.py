"""What of events stays, for the chain: all but the transaction's number, which a restore counts anew."""

from typing import Final

from payments.ledger.chain import Chained

EVENTS: Final = Chained(
    "notify_event",
    "created_at",
    ("id", "merchant_id", "channel_id", "type", "object_type", "object_id", "data", "test_mode", "created_at"),
)

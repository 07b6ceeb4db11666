"""What of people's rows stays, for the chain: every deed, and what was asked of a second person."""

from typing import Final

from payments.ledger.chain import Chained

AUDIT_LOG: Final = Chained(
    "people_auditlog",
    "at",
    ("id", "at", "actor", "action", "object_type", "object_id", "merchant_id", "before", "after"),
    id_type="bigint",
)
# What was decided is compared with the audit log (`payments.audit`).
APPROVALS: Final = Chained(
    "people_approval",
    "requested_at",
    ("id", "merchant_id", "channel_id", "subject_type", "subject_id", "action", "requested_by", "requested_at"),
)

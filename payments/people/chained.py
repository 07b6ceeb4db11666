"""The rows of this app that the hash chain covers: the audit log, and requests for approval."""

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

"""The answer to a request that waits for a second person."""

from typing import Any, Final

from payments.api.idempotency import Answer
from payments.api.schemas import TEXT, define, identifier, record, word
from payments.people.models import Approval

REQUIRES_APPROVAL: Final = define(
    "RequiresApproval",
    record(
        status=word("requires_approval"),
        approval=record(id=identifier("apv"), action=TEXT, requested_by=TEXT),
    ),
)


def waiting(approval: Approval) -> dict[str, Any]:
    """The payload of a request that waits for a second person; nothing has been done yet."""
    shown = {"id": approval.id, "action": approval.action, "requested_by": approval.requested_by}
    return {"status": "requires_approval", "approval": shown}


def accepted(approval: Approval) -> Answer:
    """The same, as the 202 of a request with an idempotency key."""
    return Answer(202, waiting(approval))

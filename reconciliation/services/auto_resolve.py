"""Resolve discrepancies that a later file or outcome explains, and withdraw their requests for approval."""

from collections.abc import Sequence
from typing import Final

from payments.models import Merchant
from payments.people.models import Approval
from payments.people.services import approvals
from payments.services import discrepancy

ACTOR: Final = "system:reconciliation"


def resolve_explained(merchant: Merchant, keys: Sequence[str]) -> None:
    """Resolve the open discrepancies of these keys, in the caller's transaction."""
    closed = discrepancy.resolve_discrepancies(merchant=merchant, keys=keys, actor=ACTOR)
    # Nobody is asked about what has explained itself.
    waiting = Approval.objects.filter(subject_id__in=[row.id for row in closed], decision=None)
    for subject_id, action in waiting.values_list("subject_id", "action"):
        approvals.withdraw(subject_id=subject_id, action=action, actor=ACTOR)

"""Close what a later truth explains; whoever was asked about it need not answer any more."""

from collections.abc import Sequence
from typing import Final

from payments.models import Merchant
from payments.people.models import Approval
from payments.people.services import approvals
from payments.services import discrepancy

ACTOR: Final = "system:reconciliation"


def explained(merchant: Merchant, keys: Sequence[str]) -> None:
    """Resolve whatever stands under these keys, within the caller's transaction."""
    closed = discrepancy.close_(merchant=merchant, keys=keys, actor=ACTOR)
    asked = Approval.objects.filter(subject_id__in=[row.id for row in closed], decision=None)
    for subject_id, action in asked.values_list("subject_id", "action"):
        approvals.withdraw(subject_id=subject_id, action=action, actor=ACTOR)

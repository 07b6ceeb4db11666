"""Decide about a refund on the page of approvals."""

from payments.models import Refund
from payments.people.models import User
from payments.services.refunds.approve import approve_refund
from payments.services.refunds.decline import decline_refund


def decide(refund_id: str, *, user: User, approved: bool, note: str) -> str | None:
    """Approve or decline, as the second person decided; return the code of a voucher that was made by it.

    Raises:
        Conflict, Forbidden: as the two.
    """
    refund = Refund.objects.select_related("merchant").get(id=refund_id)
    if approved:
        return approve_refund(refund, user=user, note=note).voucher_code
    decline_refund(refund, user=user, note=note)
    return None

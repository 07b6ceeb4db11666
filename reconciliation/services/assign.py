"""Say who looks into a discrepancy."""

from django.db import transaction

from payments import audit_log
from payments.core.errors import Conflict
from payments.models import Discrepancy
from payments.people.models import User
from payments.people.permissions import May
from payments.people.services import authority


def assign(*, discrepancy_id: str, to: User | None, actor: str) -> Discrepancy:
    """Assign a discrepancy to a user, or to nobody.

    Raises:
        Conflict: it is resolved, and nobody's work any more.
        Forbidden: `permission_missing`: who assigns may not resolve it.
    """
    found = Discrepancy.objects.get(id=discrepancy_id)
    authority.require_of_person(
        actor=actor,
        what=May.RESOLVE,
        merchant_id=found.merchant_id,
        channel_id=found.channel_id,
        action="discrepancy.assigned",
    )
    with transaction.atomic():
        # Locked, so that none is assigned that is resolved at the same moment.
        row = Discrepancy.objects.select_for_update(of=("self",)).get(id=discrepancy_id)
        if row.status == Discrepancy.Status.RESOLVED:
            raise Conflict("discrepancy_not_open", "This discrepancy is resolved. Only an open one is assigned.")
        before = row.assigned_to_id
        row.assigned_to = to
        row.save(update_fields=["assigned_to"])
        audit_log.write(
            actor=actor,
            action="discrepancy.assigned",
            subject=row,
            merchant_id=row.merchant_id,
            before={"assigned_to": before},
            after={"assigned_to": row.assigned_to_id},
        )
    return row

"""Have failed work tried again at once, at a person's request."""

from django.db import transaction
from django.utils import timezone

from payments import audit_log
from payments.models import WorkFailure


def retry_work(row: WorkFailure, *, actor: str) -> None:
    """Make it due now, with no failed attempts, for the next round of its sweep. Harmless if it has succeeded."""
    with transaction.atomic():
        # An update of no row is no fault: it may have succeeded since the page was drawn.
        WorkFailure.objects.filter(id=row.id).update(attempts=0, due_at=timezone.now())
        audit_log.write(
            actor=actor,
            action="work.retried",
            subject=row,
            merchant_id=row.merchant_id,
            after={"work": row.work, "subject": row.subject},
        )

"""The steps of a discrepancy's resolution: written, summed up, and found again to be undone."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet, Sum
from django.db.models.functions import Abs

from payments.models import Discrepancy
from reconciliation.models import ResolutionStep


def live(row: Discrepancy) -> QuerySet[ResolutionStep]:
    """Return the steps of a discrepancy that nobody has undone, the earliest first."""
    return row.steps.filter(undone_at=None).order_by("number")


def booked(row: Discrepancy) -> int:
    """Return what steps have moved of its open balance, in minor units, as the ledger signs it."""
    return int(live(row).aggregate(total=Sum("amount"))["total"] or 0)


def record(
    row: Discrepancy,
    *,
    action: str,
    actor: str,
    matched: Sequence[str] = (),
    approved: bool = False,
    part_of: ResolutionStep | None = None,
    **columns: Any,
) -> ResolutionStep:
    """Write the next step of a discrepancy, which the caller has locked."""
    step = ResolutionStep(
        discrepancy=row,
        number=row.steps.count() + 1,
        action=action,
        actor=actor,
        matched=list(matched),
        approved=approved,
        part_of=part_of,
        **columns,
    )
    step.save(force_insert=True)
    return step


def in_part_since(row: Discrepancy, actor: str, since: datetime) -> int:
    """Return how much a person has moved of other discrepancies that are open still, in the merchant's currency.

    Of those that are resolved the whole amount counts as decided by them; of the others this much does.
    """
    moved = ResolutionStep.objects.filter(
        discrepancy__merchant=row.merchant,
        discrepancy__status=Discrepancy.Status.OPEN,
        discrepancy__currency=row.merchant.currency,
        actor=actor,
        approved=False,
        undone_at=None,
        created_at__gte=since,
    )
    return int(moved.exclude(discrepancy=row).aggregate(total=Sum(Abs("amount")))["total"] or 0)

"""Open work: counted, with the age of the oldest, one query per subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q

from payments.models import Chargeback, Discrepancy, Payment, ProviderEvent, RefundPart, WorkFailure
from payments.models.payment import PaymentStatus
from payments.models.refund import PartStatus, Route
from payments.providers.base import BALANCE_TOO_SHORT
from payments.queries.chargebacks import TO_ANSWER


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many, and since when the oldest of them."""

    subject: str
    count: int
    since: datetime | None


def unknown_outcomes(within: Q) -> Waiting:
    """Payments of which nobody knows whether they were made."""
    rows = Payment.objects.filter(within, status=PaymentStatus.UNKNOWN)
    return _waiting("unknown", rows.aggregate(count=Count("pk"), since=Min("created_at")))


def discrepancies(within: Q) -> list[Waiting]:
    """Open discrepancies by kind, the most frequent first."""
    rows = Discrepancy.objects.filter(within).exclude(status=Discrepancy.Status.RESOLVED).order_by()
    found = rows.values("kind").annotate(count=Count("pk"), since=Min("created_at")).order_by("-count", "kind")
    return [Waiting(row["kind"], row["count"], row["since"]) for row in found]


def refunds(within: Q) -> list[Waiting]:
    """Parts of refunds that go no further by themselves."""
    wanted = {
        "approval": Q(status=PartStatus.REQUIRES_APPROVAL),
        "release": Q(status=PartStatus.PENDING, route=Route.BANK, batch=None),
        "balance": Q(status=PartStatus.QUEUED, reasons__contains=[{"code": BALANCE_TOO_SHORT}]),
        "failed": Q(status=PartStatus.FAILED),
        "unknown": Q(status=PartStatus.UNKNOWN),
    }
    sums: dict[str, Any] = {}
    for name, where in wanted.items():
        sums[f"{name}_count"] = Count("refund", filter=where, distinct=True)
        sums[f"{name}_since"] = Min("refund__created_at", filter=where)
    stuck = [
        *(PartStatus.REQUIRES_APPROVAL, PartStatus.QUEUED, PartStatus.PENDING, PartStatus.FAILED, PartStatus.UNKNOWN)
    ]
    found = RefundPart.objects.filter(within, status__in=stuck).order_by().aggregate(**sums)
    return [Waiting(name, found[f"{name}_count"], found[f"{name}_since"]) for name in wanted]


def chargebacks(within: Q, now: datetime) -> Waiting:
    """Disputes in which evidence may still be sent; `since` is when the time for the first of them is over."""
    rows = Chargeback.objects.filter(within, TO_ANSWER, respond_by__gt=now)
    return _waiting("chargebacks", rows.aggregate(count=Count("pk"), since=Min("respond_by")))


def provider_events(within: Q) -> Waiting:
    """Webhooks that came in and are not applied yet."""
    open_ = [ProviderEvent.Status.PENDING, ProviderEvent.Status.WAITING]
    rows = ProviderEvent.objects.filter(within, status__in=open_)
    return _waiting("events", rows.aggregate(count=Count("pk"), since=Min("created_at")))


def failed_work(within: Q) -> Waiting:
    """What failed too often to be tried again by itself."""
    rows = WorkFailure.objects.filter(within, due_at=None)
    return _waiting("failed_work", rows.aggregate(count=Count("pk"), since=Min("first_failed_at")))


def of_rows(subject: str, moments: Sequence[datetime]) -> Waiting:
    """What was found one by one, by when each began to wait."""
    return Waiting(subject, len(moments), min(moments, default=None))


def _waiting(subject: str, row: dict[str, Any]) -> Waiting:
    return Waiting(subject, row["count"], row["since"])

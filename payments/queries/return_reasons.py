"""Why things came back: refunds of a span of days, counted by the merchant's reasons."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db.models import Count, Q, QuerySet, Sum

from payments.core.ids import earliest
from payments.models import Merchant, Refund
from payments.models.refund import RefundStatus


@dataclass(frozen=True, slots=True)
class ReasonFigures:
    """`code` is empty for free text; `amount` in minor units."""

    code: str
    currency: str
    count: int
    amount: int


def figures(merchant: Merchant, *, first: date, last: date, within: Q) -> Sequence[ReasonFigures]:
    """What was given back on these business days, most first, of the channels that `within` allows."""
    rows = _of(merchant, first, last).filter(within).order_by().values("reason_code", "currency")
    found = rows.annotate(count=Count("id"), sum=Sum("amount"))
    listed = [ReasonFigures(row["reason_code"], row["currency"], row["count"], row["sum"]) for row in found]
    return sorted(listed, key=lambda row: (row.currency, -row.count, row.code))


def _of(merchant: Merchant, first: date, last: date) -> QuerySet[Refund]:
    since = datetime.combine(first, time.min, merchant.zone)
    rows = Refund.objects.filter(merchant=merchant, business_day__gte=first, business_day__lte=last)
    # A refund's id is never older than its day, so that the list's own index finds where to begin.
    return rows.filter(id__gte=earliest("ref", since)).exclude(status=RefundStatus.CANCELED)

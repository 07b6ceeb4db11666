"""Payment links of a merchant, each with what was paid by it and the status that follows."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import BigIntegerField, Case, CharField, F, OuterRef, Q, QuerySet, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.utils import timezone

from payments.models import LinkPayment, PaymentLink
from payments.models.payment import PaymentStatus

Status = PaymentLink.Status

_COLUMNS: Final[Mapping[str, str]] = {
    "status": "status",
    "channel": "channel_id",
    "order": "order_id",
    "created_from": "created_at__gte",
    "created_to": "created_at__lt",
}
_RELATED: Final = ("merchant", "channel", "order")


def links(merchant_id: str, filters: Mapping[str, Any] | None = None) -> QuerySet[PaymentLink]:
    """A merchant's links, with `taken` and `status` and what their shape reads."""
    given = filters or {}
    rows = with_status(PaymentLink.objects.filter(merchant_id=merchant_id))
    return rows.filter(**{column: given[name] for name, column in _COLUMNS.items() if name in given})


def with_status(rows: QuerySet[PaymentLink]) -> QuerySet[PaymentLink]:
    """Add `taken` (minor units captured, or authorized and not released) and `status`."""
    held = F("payment__amount_authorized") - F("payment__amount_released") - F("payment__amount_captured")
    own = LinkPayment.objects.filter(link=OuterRef("pk"))
    of_own = own.filter(payment__status__in=[PaymentStatus.AUTHORIZED, PaymentStatus.CAPTURED]).order_by()
    sums = of_own.values("link").annotate(
        sum=Sum(
            F("payment__amount_captured")
            + Case(When(payment__manual_capture=True, then=held), default=Value(0), output_field=BigIntegerField())
        )
    )
    nothing = Value(0, output_field=BigIntegerField())
    taken = Coalesce(Subquery(sums.values("sum"), output_field=BigIntegerField()), nothing)
    # By name: the model declares both, and the type checker's plugin takes a second declaration amiss.
    rows = rows.annotate(**{"taken": taken}).annotate(**{"status": _status()})
    return rows.select_related(*_RELATED).prefetch_related("uses")


def _status() -> Case:
    order_paid = Q(order__total__isnull=False) & Q(order__total__lte=F("order__captured") + F("order__authorized"))
    own_paid = Q(amount__isnull=False, taken__gte=F("amount")) | Q(amount__isnull=True, taken__gt=0)
    return Case(
        When(canceled_at__isnull=False, then=Value(Status.CANCELED)),
        When(Q(reusable=False) & (order_paid | own_paid), then=Value(Status.PAID)),
        When(expires_at__lte=timezone.now(), then=Value(Status.EXPIRED)),
        default=Value(Status.ACTIVE),
        output_field=CharField(),
    )

"""Refunds of a merchant, found by whatever is known of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db.models import Exists, OuterRef, QuerySet

from payments import payloads
from payments.models import Refund, RefundPart
from payments.people.models import Approval

_COLUMNS: Final[Mapping[str, str]] = {
    "order": "order_id",
    "status": "status",
    "channel": "channel_id",
    "created_from": "created_at__gte",
    "created_to": "created_at__lt",
}


def refunds(merchant_id: str, filters: Mapping[str, Any] | None = None) -> QuerySet[Refund]:
    """A merchant's refunds, with what their shape reads."""
    given = filters or {}
    rows = Refund.objects.filter(merchant_id=merchant_id).select_related(*payloads.REFUND_RELATED)
    rows = rows.filter(**{column: given[name] for name, column in _COLUMNS.items() if name in given})
    for name, column in (("payment", "payment_id"), ("route", "route")):
        if name in given:
            rows = rows.filter(Exists(RefundPart.objects.filter(refund=OuterRef("pk"), **{column: given[name]})))
    return rows.prefetch_related(*payloads.REFUND_PREFETCH)


def approvals_of(refund_ids: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The approvals of refunds, by refund."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    rows = Approval.objects.filter(subject_id__in=list(refund_ids), action=Approval.Action.REFUND).order_by("id")
    for row in rows:
        found[row.subject_id].append(
            {
                "id": row.id,
                "decision": row.decision,
                "requested_by": row.requested_by,
                "requested_at": payloads.instant(row.requested_at),
                "decided_by": row.decided_by_id,
                "decided_at": payloads.instant(row.decided_at),
                "limit": row.payload.get("limit"),  # which one it passed, and with how much
                "alone": row.alone,
            }
        )
    return found

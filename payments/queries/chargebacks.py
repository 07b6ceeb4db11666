"""Chargebacks of a merchant, and which of them need an answer."""

from collections.abc import Mapping
from typing import Any, Final

from django.db.models import Q, QuerySet

from payments import payloads
from payments.models import Chargeback

# While it is an inquiry or open, the merchant may send evidence.
TO_ANSWER: Final = Q(status__in=[Chargeback.Status.INQUIRY, Chargeback.Status.OPEN])
_COLUMNS: Final = {
    "status": "status",
    "stage": "stage",
    "order": "order_id",
    "payment": "payment_id",
    "channel": "payment__channel_id",
    "provider_account": "payment__provider_account_id",
    "created_from": "created_at__gte",
    "created_to": "created_at__lt",
    "respond_by_from": "respond_by__gte",
    "respond_by_to": "respond_by__lt",
}


def chargebacks(merchant_id: str, filters: Mapping[str, Any] | None = None) -> QuerySet[Chargeback]:
    """A merchant's chargebacks, with what their shape needs."""
    given = filters or {}
    rows = Chargeback.objects.filter(merchant_id=merchant_id).select_related("merchant", "order")
    rows = rows.filter(**{column: given[name] for name, column in _COLUMNS.items() if name in given})
    return rows.prefetch_related(*payloads.CHARGEBACK_PREFETCH)

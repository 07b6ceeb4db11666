"""Payments of a merchant, found by whatever is known of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Prefetch, Q, QuerySet

from payments import payloads
from payments.core.ids import earliest
from payments.models import CardEvidence, Channel, Operation, Order, Payment, Refund
from payments.people.models import Customer
from payments.queries.same_card import by_card_of

# Ids sort by the moment they were made, which is about when a payment was created: a period is a stretch of the list.
SLACK: Final = timedelta(hours=1)
# What a filter looks at; `customer` is an id or the merchant's own reference.
_COLUMNS: Final[Mapping[str, str]] = {
    "status": "status",
    "channel": "channel_id",
    "origin": "origin",
    "method": "method",
    "provider_account": "provider_account_id",
    "order": "order_id",
    "terminal": "terminal_id",
    "card_last4": "card_last4",
    "receipt_number": "receipt_number",
    "created_from": "created_at__gte",
    "created_to": "created_at__lt",
    "business_day": "business_day",
    "amount": "amount",
}


def payments(merchant_id: str, filters: Mapping[str, Any] | None = None) -> QuerySet[Payment]:
    """A merchant's payments, with what their shape reads."""
    rows = Payment.objects.filter(merchant_id=merchant_id).select_related(*payloads.PAYMENT_RELATED)
    given = filters or {}
    rows = rows.filter(**{column: given[name] for name, column in _COLUMNS.items() if name in given})
    if "order_reference" in given:
        rows = rows.filter(order_id__in=_orders_named(merchant_id, given["order_reference"]))
    if "created_from" in given:
        rows = rows.filter(id__gte=earliest("pay", _away(given["created_from"], -SLACK)))
    if "created_to" in given:
        rows = rows.filter(id__lt=earliest("pay", _away(given["created_to"], SLACK)))
    if "customer" in given:
        rows = rows.filter(customer_id__in=customer_ids(merchant_id, given["customer"]))
    if "same_card_as" in given:
        rows = rows.filter(by_card_of(given["same_card_as"], merchant_id=merchant_id))
    return rows


def _orders_named(merchant_id: str, reference: str) -> list[str]:
    """Orders of this reference, in any channel's namespace: the index begins with it."""
    namespaces = set(Channel.objects.filter(merchant_id=merchant_id).values_list("namespace", flat=True))
    rows = Order.objects.filter(merchant_id=merchant_id, namespace__in=namespaces, reference=reference)
    return list(rows.values_list("id", flat=True))


def _away(moment: datetime, slack: timedelta) -> datetime:
    """Where the calendar ends, so does the slack."""
    try:
        return moment + slack
    except OverflowError:
        return moment


def customer_ids(merchant_id: str, name: str) -> list[str]:
    """The customer of this id or merchant's reference."""
    rows = Customer.objects.filter(Q(id=name) | Q(reference=name), merchant_id=merchant_id)
    return list(rows.values_list("id", flat=True))


def with_lists(rows: QuerySet[Payment], names: Iterable[str]) -> QuerySet[Payment]:
    """Prefetch the expanded lists."""
    requested = set(names)
    if "operations" in requested:
        operations = Operation.objects.select_related("merchant").order_by("id")
        rows = rows.prefetch_related(Prefetch("operations", operations))
    if "evidence" in requested:
        evidence = CardEvidence.objects.select_related("merchant").order_by("id")
        rows = rows.prefetch_related(Prefetch("evidence", evidence))
    return rows


def refunds_of(payment_ids: Iterable[str]) -> dict[str, list[Refund]]:
    """The refunds that gave something of these payments back, oldest first, by payment."""
    ids = list(payment_ids)
    rows = (
        Refund.objects.filter(parts__payment_id__in=ids)
        .select_related(*payloads.REFUND_RELATED)
        .prefetch_related(*payloads.REFUND_PREFETCH)
        .order_by("id")
        .distinct()
    )
    found: dict[str, list[Refund]] = {payment_id: [] for payment_id in ids}
    for row in rows:
        for payment_id in dict.fromkeys(part.payment_id for part in row.parts.all()):
            if payment_id in found:
                found[payment_id].append(row)
    return found

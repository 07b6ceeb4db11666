"""Orders of a merchant and their whole story over all channels."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.conf import settings
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from payments import payloads
from payments.models import CardEvidence, Chargeback, Operation, Order, Payment, Refund, RefundPart, Transition
from payments.models.payment import PaymentStatus
from payments.people.models import AuditLog
from payments.queries.happening import Happening
from payments.queries.payments import customer_ids

ACKNOWLEDGED: Final = "payment.acknowledge_unknown"  # what the audit log calls it
_REFUND_NUMBER: Final = re.compile(r"(\d{6})-R(\d{1,18})")


@dataclass(slots=True)
class Story:
    """Everything that happened to one order."""

    order: Order
    payments: list[Payment] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)
    chargebacks: list[Chargeback] = field(default_factory=list)
    operations: dict[str, list[Operation]] = field(default_factory=lambda: defaultdict(list))  # by payment
    transitions: dict[str, list[Transition]] = field(default_factory=lambda: defaultdict(list))  # by object
    acknowledgements: list[AuditLog] = field(default_factory=list)  # of payments beside one of unknown outcome
    happenings: list[Happening] = field(default_factory=list)  # what floors above know of it


def orders(merchant_id: str, filters: Mapping[str, Any] | None = None) -> QuerySet[Order]:
    """A merchant's orders, found by their name or by what a customer brings to a counter."""
    rows = Order.objects.filter(merchant_id=merchant_id).select_related("merchant", "channel")
    given = filters or {}
    for name in ("reference", "namespace", "invoice_reference"):
        if name in given:
            rows = rows.filter(**{name: given[name]})
    for name, find in _FINDERS.items():
        if name in given:
            # What was found is few: read first, so that no plan walks through all orders in search of them.
            rows = rows.filter(id__in=set(find(merchant_id, given)))
    return rows


def stories(rows: Sequence[Order]) -> list[Story]:
    """The stories of these orders, with a number of queries that does not depend on how many there are."""
    found = {row.id: Story(row) for row in rows}
    payments = {row.id: row for row in _of(found, Payment.objects.select_related(*payloads.PAYMENT_RELATED))}
    refunds = Refund.objects.select_related(*payloads.REFUND_RELATED).prefetch_related(*payloads.REFUND_PREFETCH)
    order_of: dict[str, str] = {}
    for payment in payments.values():
        payment.order = found[payment.order_id].order
        found[payment.order_id].payments.append(payment)
        order_of[payment.id] = payment.order_id
    for refund in _of(found, refunds):
        found[refund.order_id].refunds.append(refund)
        order_of[refund.id] = refund.order_id
    chargebacks = Chargeback.objects.select_related("merchant", "order", "payment__channel")
    for chargeback in _of(found, chargebacks.prefetch_related(*payloads.CHARGEBACK_PREFETCH)):
        found[chargeback.order_id].chargebacks.append(chargeback)
        order_of[chargeback.id] = chargeback.order_id
    for operation in Operation.objects.filter(payment_id__in=payments).order_by("id"):
        found[payments[operation.payment_id or ""].order_id].operations[operation.payment_id or ""].append(operation)
    for transition in Transition.objects.filter(object_id__in=order_of).order_by("id"):
        found[order_of[transition.object_id]].transitions[transition.object_id].append(transition)
    for entry in AuditLog.objects.filter(object_id__in=list(found), action=ACKNOWLEDGED).order_by("id"):
        found[entry.object_id].acknowledgements.append(entry)
    for path in settings.ORDER_STORIES:
        for order_id, happening in import_string(path)(list(found)):
            found[order_id].happenings.append(happening)
    return list(found.values())


def _of(found: Iterable[str], rows: QuerySet[Any]) -> QuerySet[Any]:
    return rows.filter(order_id__in=list(found)).order_by("id")


def _by_payment(merchant_id: str, given: Mapping[str, Any]) -> Iterable[str]:
    return _orders_of(Payment.objects.filter(merchant_id=merchant_id, id=given["payment"]))


def _by_receipt(merchant_id: str, given: Mapping[str, Any]) -> Iterable[str]:
    """Orders by the number on a receipt, whether of a payment or of a refund (`yymmdd-R` and its open item)."""
    number = given["receipt"]
    return [
        *_orders_of(Payment.objects.filter(merchant_id=merchant_id, receipt_number=number)),
        *refunded_by_number(number, merchants=[merchant_id]),
    ]


def refunded_by_number(number: str, *, merchants: Collection[str]) -> list[str]:
    """The orders of these merchants of which a refund's receipt says this number."""
    return list(refunded_by_numbers([number], merchants=merchants).values())


def refunded_by_numbers(numbers: Iterable[str], *, merchants: Collection[str]) -> dict[str, str]:
    """The order of each of these numbers that stands on a refund's receipt of these merchants."""
    parted = {number: match for number in numbers if (match := _REFUND_NUMBER.fullmatch(number))}
    if not parted:
        return {}
    parts = RefundPart.objects.filter(
        item__in={int(match[2]) for match in parted.values()}, refund__merchant_id__in=merchants
    )
    rows = parts.values_list("item", "refund__order_id", "refund__business_day")
    known = {item: (order_id, f"{day:%y%m%d}") for item, order_id, day in rows}
    found = {number: (known.get(int(match[2])), match[1]) for number, match in parted.items()}
    return {number: row[0] for number, (row, day) in found.items() if row is not None and row[1] == day}


def _by_card(merchant_id: str, given: Mapping[str, Any]) -> Iterable[str]:
    return _orders_of(Payment.objects.filter(merchant_id=merchant_id, card_fingerprint=given["card_fingerprint"]))


def _by_customer(merchant_id: str, given: Mapping[str, Any]) -> Iterable[str]:
    """Orders of a customer, and orders that the customer paid something of."""
    ids = customer_ids(merchant_id, given["customer"])
    ordered = Order.objects.filter(customer_id__in=ids).values_list("id", flat=True)
    return [*ordered, *_orders_of(Payment.objects.filter(customer_id__in=ids))]


def _by_device(merchant_id: str, given: Mapping[str, Any]) -> Iterable[str]:
    """Orders of what a terminal posted; its sequences restart with every pairing, so there may be several."""
    evidence = CardEvidence.objects.filter(
        merchant_id=merchant_id, terminal_id=given["terminal"], sequence=given["sequence"]
    )
    pairs = evidence.values_list("payment__order_id", "operation__refund_part__refund__order_id")
    return [order_id for pair in pairs for order_id in filter(None, pair)]


def _orders_of(payments: QuerySet[Payment]) -> Iterable[str]:
    return payments.values_list("order_id", flat=True)


_FINDERS: Final = {
    "payment": _by_payment,
    "receipt": _by_receipt,
    "card_fingerprint": _by_card,
    "customer": _by_customer,
    "terminal": _by_device,
}


def oldest_in_doubt(payments: Iterable[Payment]) -> Payment | None:
    """Of an order's payments the oldest whose outcome nobody knows."""
    doubtful = [payment for payment in payments if payment.status == PaymentStatus.UNKNOWN]
    return min(doubtful, key=lambda payment: payment.created_at, default=None)

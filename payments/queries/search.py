"""Payments by whatever people call them: each name is looked up on an index of its own, all in one statement."""

from collections.abc import Collection
from functools import reduce
from typing import Any, Final

from django.db.models import QuerySet

from payments.core.ids import is_id
from payments.models import CardEvidence, Operation, Payment, RefundPart
from payments.people.services.customers import email_hash

LONGEST: Final = 255


def payments(text: str, *, merchants: Collection[str]) -> QuerySet[Any]:
    """The ids of the payments of these merchants that go by this name.

    That is an id of ours, an order or receipt number, the last four digits of a card, a reference at the provider, a
    terminal's RRN or authorization code, or a customer's e-mail address or number.
    """
    name = text.strip()[:LONGEST].replace("\0", "")
    own = Payment.objects.filter(merchant_id__in=merchants)
    by_id = _by_id(name, own, merchants)
    if by_id is not None:
        return by_id.values("id")
    if "@" in name:
        return own.filter(customer__email_hash=email_hash(name)).values("id")
    found = [
        own.filter(order__merchant_id__in=merchants, order__reference=name),
        own.filter(receipt_number=name),
        own.filter(provider_account__merchant_id__in=merchants, provider_reference=name),
        own.filter(customer__merchant_id__in=merchants, customer__reference=name),
        *([own.filter(card_last4=name)] if len(name) == 4 and name.isdecimal() else []),
    ]
    evidence = CardEvidence.objects.filter(merchant_id__in=merchants, payment__isnull=False).order_by()
    proven = [evidence.filter(rrn=name), evidence.filter(authorization_code=name)]
    lists = [
        *(rows.order_by().values_list("id") for rows in found),
        *(rows.values_list("payment_id") for rows in proven),
    ]
    # A union, since an OR over joined tables would use none of the indexes and read every payment.
    return reduce(lambda one, other: one.union(other), lists)


def _by_id(name: str, own: QuerySet[Payment], merchants: Collection[str]) -> QuerySet[Payment] | None:
    if is_id(name, "pay"):
        return own.filter(id=name)
    if is_id(name, "ord"):
        return own.filter(order_id=name)
    if is_id(name, "ref"):
        return own.filter(id__in=RefundPart.objects.filter(refund_id=name).values("payment_id"))
    if is_id(name, "op"):
        return own.filter(id__in=Operation.objects.filter(id=name, merchant_id__in=merchants).values("payment_id"))
    if is_id(name, "trm"):
        return own.filter(terminal_id=name)
    return None

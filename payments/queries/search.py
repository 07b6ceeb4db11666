"""Payments by whatever people call them: each name is looked up on an index of its own, all in one statement."""

from collections.abc import Collection
from functools import reduce
from typing import Any, Final

from django.db.models import Q, QuerySet

from payments.core.ids import is_id
from payments.models import CardEvidence, Operation, Order, Payment, RefundPart
from payments.people.services.customers import email_hash

LONGEST: Final = 255
MOST_PARTS: Final = 30  # numbers in which a part of one is looked for
_DAY_DIGITS: Final = 6  # of the day with which a receipt's number begins


def payments(text: str, *, merchants: Collection[str]) -> QuerySet[Any]:
    """The ids of the payments of these merchants that go by this name (`questions`)."""
    own = Payment.objects.filter(merchant_id__in=merchants).order_by()
    lists = [own.filter(question).values_list("id") for question in questions(text, merchants=merchants)]
    # A union, since an OR over joined tables would use none of the indexes and read every payment.
    return reduce(lambda one, other: one.union(other), lists)


def questions(text: str, *, merchants: Collection[str]) -> list[Q]:
    """What to ask about payments of these merchants that may go by this name, each question with an index of its own.

    That is an id of ours, an order or receipt number, the last four digits of a card, a reference at the provider, a
    terminal's RRN or authorization code, or a customer's e-mail address or number.
    """
    name = text.strip()[:LONGEST].replace("\0", "")
    by_id = _by_id(name, merchants)
    if by_id is not None:
        return [by_id]
    if "@" in name:
        return [Q(customer__email_hash=email_hash(name))]
    evidence = CardEvidence.objects.filter(merchant_id__in=merchants, payment__isnull=False).order_by()
    return [
        Q(order__merchant_id__in=merchants, order__reference__in=spellings(name)),
        Q(receipt_number__in=spellings(name)),
        Q(provider_account__merchant_id__in=merchants, provider_reference=name),
        Q(customer__merchant_id__in=merchants, customer__reference=name),
        *([Q(card_last4=name)] if len(name) == 4 and name.isdecimal() else []),
        Q(id__in=evidence.filter(rrn=name).values("payment_id")),
        Q(id__in=evidence.filter(authorization_code=name).values("payment_id")),
    ]


def spellings(name: str) -> list[str]:
    """A number as it was typed, in capitals, and with the dash that stands in receipts' numbers."""
    found = {name, name.upper()}
    if name.isdecimal() and len(name) > _DAY_DIGITS:
        found.add(f"{name[:_DAY_DIGITS]}-{name[_DAY_DIGITS:]}")
    return sorted(found)


def order_parts(part: str, *, merchants: Collection[str]) -> Q:
    """Ask for orders of which this is a part of the reference; references are read from their index alone."""
    as_typed_or_upper = Q(reference__contains=part) | Q(reference__contains=part.upper())
    rows = Order.objects.filter(as_typed_or_upper, merchant_id__in=merchants).order_by()
    # One list of references: two of them would be two conditions, and those no index answers together.
    return Q(reference__in=rows.values("reference")[: 2 * MOST_PARTS])


def receipt_parts(part: str, *, merchants: Collection[str]) -> Q:
    """The same of payments and their receipts' numbers, as payments' rows are wide."""
    rows = Payment.objects.filter(merchant_id__in=merchants, receipt_number__contains=part.upper()).order_by()
    return Q(receipt_number__in=rows.values("receipt_number")[:MOST_PARTS])


def _by_id(name: str, merchants: Collection[str]) -> Q | None:
    if is_id(name, "pay"):
        return Q(id=name)
    if is_id(name, "ord"):
        return Q(order_id=name)
    if is_id(name, "ref"):
        return Q(id__in=RefundPart.objects.filter(refund_id=name).values("payment_id"))
    if is_id(name, "op"):
        return Q(id__in=Operation.objects.filter(id=name, merchant_id__in=merchants).values("payment_id"))
    if is_id(name, "trm"):
        return Q(terminal_id=name)
    return None

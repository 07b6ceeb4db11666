"""Payments by one card, where the merchant has them tied: shown beside one another, and never merged.

The acquirer's token (fingerprint) and the reference of the account behind a card (PAR) name a card for certain. Only
the PAR ties a mobile wallet to the plastic behind it, so that a PAR that differs outweighs a token that agrees. Whose
card it is, nobody says by that: families share cards.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from django.db.models import Q, QuerySet

from payments.models import Merchant, Payment

LATEST: Final = 100  # payments whose cards are looked at, and payments that are found
# Who asked to be forgotten is found by no card.
_NOT_ERASED: Final = Q(customer__erased_at=None, order__customer__erased_at=None)


@dataclass(frozen=True, slots=True)
class Tied:
    """A payment by the same card, and what says so: `par` or `fingerprint`."""

    payment: Payment
    by: str


def same_card(rows: Collection[Payment], *, merchant: Merchant, seen: Q | None = None) -> list[Tied]:
    """Payments by a card with which one of these was made, these aside, newest first; `seen` is what may be shown.

    In a number of queries that does not depend on how many there are; none where the merchant does not tie cards.
    """
    known = _cards(rows) if merchant.tie_cards else []
    if not known:
        return []
    condition = _by_card(known)
    found = Payment.objects.filter(condition, _NOT_ERASED, seen or Q(), merchant=merchant)
    found = found.exclude(id__in=[row.id for row in rows]).select_related("channel", "order", "merchant")
    pars = {par for par, _ in known if par}
    return [Tied(row, "par" if row.card_par in pars else "fingerprint") for row in found.order_by("-id")[:LATEST]]


def of_customer(merchant: Merchant, customer_id: str) -> QuerySet[Payment]:
    """A customer's latest payments, of which the cards are looked at."""
    theirs = Q(customer_id=customer_id) | Q(order__customer_id=customer_id)
    return Payment.objects.filter(theirs, merchant=merchant).order_by("-id")[:LATEST]


def not_of(customer_id: str) -> Q:
    """What is not the customer's already."""
    others = Q(customer_id=None) | ~Q(customer_id=customer_id)
    return others & (Q(order__customer_id=None) | ~Q(order__customer_id=customer_id))


def by_card_of(payment_id: str, *, merchant_id: str) -> Q:
    """What finds the payments by the card of one payment, that payment aside."""
    rows = list(Payment.objects.filter(id=payment_id, merchant_id=merchant_id))
    known = _cards(rows)
    return _by_card(known) & _NOT_ERASED & ~Q(id=payment_id) if known else Q(pk__in=[])


def _cards(rows: Collection[Payment]) -> list[tuple[str | None, str | None]]:
    """PAR and fingerprint of each card, of those who were not forgotten."""
    readable = Payment.objects.filter(_NOT_ERASED, id__in=[row.id for row in rows])
    pairs = readable.values_list("card_par", "card_fingerprint").distinct()
    return sorted((pair for pair in pairs if any(pair)), key=str)


def _by_card(known: Collection[tuple[str | None, str | None]]) -> Q:
    condition = Q()
    for par, fingerprint in known:
        if par:
            condition |= Q(card_par=par)
        if fingerprint:
            same = Q(card_fingerprint=fingerprint)
            condition |= same & (Q(card_par=None) | Q(card_par=par)) if par else same
    return condition

"""Forget a customer: who they are, and by which cards their payments could be tied to others."""

from typing import Final

from django.db import transaction
from django.db.models import Q

from payments.models import Order, Payment
from payments.people.models import Customer
from payments.people.services import customers

_AT_ONCE: Final = 500  # orders that are locked together


def forget_customer(*, customer_id: str, merchant_id: str, actor: str) -> Customer:
    """Forget who a customer is, and the tokens of the cards that they paid with; payments and bookings stay.

    The law has the terminal's evidence kept as it was posted; it leads to nobody any more.

    Raises:
        NotFound: no such customer.
    """
    with transaction.atomic():
        customer = customers.forget(customer_id=customer_id, merchant_id=merchant_id, actor=actor)
        theirs = Q(customer_id=customer_id) | Q(order__customer_id=customer_id)
        named = Payment.objects.filter(theirs & (Q(card_fingerprint__isnull=False) | Q(card_par__isnull=False)))
        order_ids = sorted(set(named.values_list("order_id", flat=True)))
        for at in range(0, len(order_ids), _AT_ONCE):
            _forget_cards(order_ids[at : at + _AT_ONCE], theirs)
    return customer


def _forget_cards(order_ids: list[str], theirs: Q) -> None:
    """Orders first, by id, as everywhere: one of them may be charged or given back at this moment."""
    list(Order.objects.select_for_update().filter(id__in=order_ids).order_by("id").values_list("id"))
    ids = list(Payment.objects.filter(theirs, order_id__in=order_ids).values_list("id", flat=True))
    Payment.objects.filter(id__in=ids).update(card_fingerprint=None, card_par=None)

"""What may be done about a discrepancy now, who must agree, and what it would book."""

from dataclasses import dataclass
from typing import Final

from django.utils import timezone

from payments.ledger.posting import AccountSpec
from payments.models import Discrepancy
from payments.people.actors import Actor
from payments.services import limits
from reconciliation.services.open_balance import BOOKING, LATER, OpenBalance, open_balance, possible
from reconciliation.services.resolution_entries import target_of

# Asking and waiting book nothing, and whether a match needs somebody else depends on what it is matched with.
_BY_ITSELF: Final = (*LATER, "match")


@dataclass(frozen=True, slots=True)
class Booking:
    """One side of what an action would book, in minor units; `item` is None of an account that keeps none."""

    account: str
    item: int | None
    debit: int
    credit: int


@dataclass(frozen=True, slots=True)
class PossibleAction:
    """An action that resolves a discrepancy, whether a second person must agree, and what it would book."""

    action: str
    needs_second_person: bool
    books: tuple[Booking, ...]


def actions(row: Discrepancy, *, actor: Actor) -> list[PossibleAction]:
    """Return what may be done about an open discrepancy, the likeliest first; none about one that is not open."""
    if row.status != Discrepancy.Status.OPEN:
        return []
    balance = open_balance(row)
    amount = balance.amount if balance is not None else row.amount or 0
    exceeded = limits.of_correction(
        merchant=row.merchant, amount=amount, currency=row.currency, actor=actor, now=timezone.now()
    )
    return [
        PossibleAction(
            action=action,
            needs_second_person=action == "write_off" or (exceeded is not None and action not in _BY_ITSELF),
            books=_books(balance, action) if balance is not None and action in BOOKING else (),
        )
        for action in possible(row)
    ]


def _books(balance: OpenBalance, action: str) -> tuple[Booking, ...]:
    if action == "book_fee" and balance.provider_account_id is None:
        return ()  # refused, as nobody knows whose fee it would be
    target = target_of(balance, action)
    if target.code == balance.account.code:
        return ()
    return (_side(target, None, balance.amount), _side(balance.account, balance.item, -balance.amount))


def _side(booked: AccountSpec, item: int | None, amount: int) -> Booking:
    return Booking(booked.code, item, max(amount, 0), max(-amount, 0))

"""The discrepancies of money that a device gave back and that belongs to no sale, or not yet to one.

A reference that several orders have is nobody's to guess: the refund is booked by itself, and the discrepancy names
the orders that may be meant.
"""

from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext_noop

from payments.core.money import Money
from payments.models import Order, RefundPart
from payments.models.discrepancy import DiscrepancyKind
from payments.services.card_present.context import Work
from payments.services.card_present.types import DeviceTransaction
from payments.text.messages import message_columns

_NO_SALE: Final = gettext_noop("Money was given back on a card, and no sale is known for it.")
_NOT_PAID_YET: Final = gettext_noop(
    "Money was given back on an order that has not been paid as far as is known; it waits for its sale."
)
_TOO_LITTLE_YET: Final = gettext_noop(
    "Money was given back on reference {reference}, and so much is not left on any order of that name ({orders}); "
    "it waits for another sale."
)
_TOO_LITTLE: Final = gettext_noop(
    "Money was given back on reference {reference}, and so much is not left on any order of that name: {orders}."
)
_SEVERAL: Final = gettext_noop(
    "Money was given back on reference {reference}, and several orders have that name: {orders}."
)


def may_still_come(work: Work, row: DeviceTransaction) -> bool:
    """Whether the sale of a refund may yet be brought. Where several may be meant it is there, but which?"""
    about = row.about
    if about.sequence is not None:
        return True
    named = about.order_id is not None or about.order_reference is not None
    return named and len(work.originals.orders_of_return(row, work.uow)) < 2


def note_missing_original(work: Work, row: DeviceTransaction) -> None:
    """Tell finance at once that money went back on an order nobody has brought; its sale closes this by itself."""
    called = work.originals.orders_called(row, work.uow)
    text = _TOO_LITTLE_YET if called else _NOT_PAID_YET
    reference, orders = _names(row, called)
    work.note(row, DiscrepancyKind.UNLINKED_REFUND, text, reference=reference, orders=orders)


def note_unlinked(work: Work, row: DeviceTransaction, part: RefundPart) -> None:
    """Tell finance that a refund was booked of which no sale is known, and which orders may be meant."""
    work.uow.open_discrepancy(
        DiscrepancyKind.UNLINKED_REFUND,
        f"unlinked_refund:{part.id}",
        **_why(work, row),
        amount=part.amount,
        currency=part.refund.currency,
        channel_id=part.refund.channel_id,
        terminal_id=part.terminal_id,
        item=part.item,
    )


def _why(work: Work, row: DeviceTransaction) -> dict[str, Any]:
    meant = work.originals.orders_of_return(row, work.uow)
    called = work.originals.orders_called(row, work.uow)
    text = _SEVERAL if len(meant) > 1 else _TOO_LITTLE if called else _NO_SALE
    reference, orders = _names(row, meant if len(meant) > 1 else called)
    return message_columns(text, reference=reference, orders=orders)


def _names(row: DeviceTransaction, orders: Sequence[Order]) -> tuple[str, str]:
    """The reference, and its orders by id with what is left on each."""
    left = (f"{order.id} ({Money(order.refundable, order.currency)})" for order in orders)
    return row.about.order_reference or "", ", ".join(left)

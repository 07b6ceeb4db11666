"""What the unit of work does with each model it writes. A model joins by a line here, and nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

from django.db import models

from payments import payloads
from payments.models import (
    Chargeback,
    ChargebackStep,
    Operation,
    Order,
    Payment,
    Refund,
    RefundPart,
    Voucher,
)
from payments.services.held_rows import HeldRows
from payments.states import PART, PAYMENT, Transitions


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSource:
    """How an event of a row is made: its payload, the channel whose listeners get it, what the payload prefetches.

    A payload that prefetches reads from the database, so all rows are written before it is made.
    """

    payload: Callable[[Any], dict[str, Any]]
    channel_id: Callable[[Any], str | None] = attrgetter("channel_id")
    prefetch: tuple[str, ...] = ()


def _hold_nothing(_: HeldRows, __: Any) -> None:
    """Nobody looks this row up again in the same unit of work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """How new rows are held, and what a model that has a status or events of its own needs for them."""

    hold: Callable[[HeldRows, Any], None] = _hold_nothing
    transitions: Transitions | None = None
    events: EventSource | None = None


# The order is that of the statements: parents before children, so that foreign keys find their rows.
REGISTERED: Final[dict[type[models.Model], Registration]] = {
    Order: Registration(hold=HeldRows.hold_new_order),
    Voucher: Registration(),
    Payment: Registration(
        hold=HeldRows.hold_payment,
        transitions=PAYMENT,
        events=EventSource(payload=payloads.payment),
    ),
    Refund: Registration(
        hold=HeldRows.hold_refund,
        events=EventSource(payload=payloads.refund, prefetch=payloads.REFUND_PREFETCH),
    ),
    RefundPart: Registration(hold=HeldRows.hold_part, transitions=PART),
    Operation: Registration(),
    Chargeback: Registration(
        hold=HeldRows.hold_chargeback,
        events=EventSource(
            payload=payloads.chargeback,
            channel_id=attrgetter("payment.channel_id"),
            prefetch=payloads.CHARGEBACK_PREFETCH,
        ),
    ),
    ChargebackStep: Registration(),
}


def registration(model: type[models.Model]) -> Registration:
    """What is registered for a model.

    Raises:
        RuntimeError: for a model without a line here, whose rows would never be written.
    """
    try:
        return REGISTERED[model]
    except KeyError:
        raise RuntimeError(f"{model.__name__} has no line in payments.services.registered_models") from None


def transitions_of(model: type[models.Model]) -> Transitions:
    """Which status may follow which.

    Raises:
        RuntimeError: for a model that has no table of them.
    """
    table = registration(model).transitions
    if table is None:
        raise RuntimeError(f"{model.__name__} has no transitions in payments.services.registered_models")
    return table


def events_of(model: type[models.Model]) -> EventSource:
    """How events of a model are made.

    Raises:
        RuntimeError: for a model that has none.
    """
    source = registration(model).events
    if source is None:
        raise RuntimeError(f"{model.__name__} has no events in payments.services.registered_models")
    return source

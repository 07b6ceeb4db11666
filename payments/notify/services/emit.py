"""Write events and their webhook deliveries, in the transaction of the change they describe."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from payments.db import bulk
from payments.notify import sql
from payments.notify.models import EVENT_TYPES, Event, WebhookDelivery
from payments.runtime import task_queue

ALL: Final = "*"
DELIVER: Final = "payments.notify.deliver"  # the task of that name


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """An event to be written. `data` is `{"object": …}`, the object after the change, stored and sent as given."""

    merchant_id: str
    channel_id: str | None
    type: str
    object_type: str
    object_id: str
    data: Mapping[str, Any]
    test_mode: bool

    def __post_init__(self) -> None:
        if self.type not in EVENT_TYPES:
            raise ValueError(f"{self.type!r} is no event of the contract")


def emit(events: Sequence[NewEvent], *, beside: Sequence[bulk.Part] = ()) -> None:
    """Write events and a delivery for each endpoint that listens; enqueue the delivering task on commit.

    Joins the caller's transaction. Two round trips, however many events there are and whatever else is written
    `beside` them; one if no endpoint listens.
    """
    if not events:
        bulk.write(beside)
        return
    with transaction.atomic(savepoint=False):
        rows = [_row(event) for event in events]
        parts = [*beside, *bulk.insertion(rows)]
        listeners = sql.write_events(parts, sorted({row.merchant_id for row in rows}))
        deliveries = _deliveries(rows, listeners)
        if deliveries:
            bulk.insert(deliveries)
            task_queue.enqueue_on_commit(DELIVER)


def _row(event: NewEvent) -> Event:
    return Event(
        merchant_id=event.merchant_id,
        channel_id=event.channel_id,
        type=event.type,
        object_type=event.object_type,
        object_id=event.object_id,
        data=event.data,
        test_mode=event.test_mode,
    )


def _deliveries(events: Iterable[Event], listeners: Sequence[sql.Listener]) -> list[WebhookDelivery]:
    return [
        WebhookDelivery(endpoint_id=listener.id, event_id=event.id)
        for event in events
        for listener in listeners
        if _listens(listener, event)
    ]


def _listens(listener: sql.Listener, event: Event) -> bool:
    return (
        listener.merchant_id == event.merchant_id
        and (listener.channel_id is None or listener.channel_id == event.channel_id)
        and (ALL in listener.events or event.type in listener.events)
    )

"""Events, endpoints and deliveries of a merchant, and the events that follow a position in the feed.

For a key tied to a channel pass its `channel_id`: it sees that channel only. None sees everything of the merchant.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeVar

from django.db.models import Q, QuerySet

from payments.core.errors import NotFound
from payments.notify import sql
from payments.notify.models import Event, WebhookDelivery, WebhookEndpoint

PAGE: Final = 100

Row = TypeVar("Row", Event, WebhookEndpoint)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in the feed: behind this event, in the order in which events became final."""

    xid: int
    id: str


def events(*, merchant_id: str, channel_id: str | None = None, object_id: str | None = None) -> QuerySet[Event]:
    """Every event, newest first, of one object where named: for lists. A reader who must miss nothing uses `after`."""
    rows = Event.objects.order_by("-id") if object_id is None else Event.objects.filter(object_id=object_id)
    return _of(rows.order_by("-id"), merchant_id, channel_id)


def endpoints(*, merchant_id: str, channel_id: str | None = None) -> QuerySet[WebhookEndpoint]:
    """Every endpoint, newest first."""
    return _of(WebhookEndpoint.objects.order_by("-id"), merchant_id, channel_id)


def endpoint(*, endpoint_id: str, merchant_id: str, channel_id: str | None = None) -> WebhookEndpoint:
    """One endpoint. Raises NotFound."""
    row = endpoints(merchant_id=merchant_id, channel_id=channel_id).filter(id=endpoint_id).first()
    if row is None:
        raise NotFound
    return row


def deliveries(*, endpoint_id: str, merchant_id: str, channel_id: str | None = None) -> QuerySet[WebhookDelivery]:
    """What was sent to one endpoint, newest first. Raises NotFound where there is no such endpoint."""
    row = endpoint(endpoint_id=endpoint_id, merchant_id=merchant_id, channel_id=channel_id)
    return WebhookDelivery.objects.filter(endpoint=row).select_related("endpoint", "event").order_by("-id")


def position_of(*, event_id: str, merchant_id: str, channel_id: str | None = None) -> Position:
    """Return an event's position in the feed. Raises NotFound."""
    row = events(merchant_id=merchant_id, channel_id=channel_id).filter(id=event_id).only("id", "xid").first()
    if row is None:
        raise NotFound
    return Position(row.xid, row.id)


def settled() -> Position:
    """Return the position before which no event can appear anymore: that of the oldest transaction still open.

    A reader who goes up to it skips nothing; a long transaction delays the feed meanwhile.
    """
    return Position(sql.settled_before(), "")


def after(
    position: Position, *, merchant_ids: Iterable[str], until: Position | None = None, limit: int = PAGE
) -> list[Event]:
    """Return the settled events of these merchants that follow a position, oldest first; at most `limit`."""
    following = Q(xid__gt=position.xid) | Q(xid=position.xid, id__gt=position.id)
    rows = Event.objects.filter(following, merchant_id__in=list(merchant_ids), xid__gte=position.xid)
    return list(rows.filter(xid__lt=(until or settled()).xid).order_by("xid", "id")[:limit])


def _of(rows: QuerySet[Row], merchant_id: str, channel_id: str | None) -> QuerySet[Row]:
    rows = rows.filter(merchant_id=merchant_id)
    return rows if channel_id is None else rows.filter(channel_id=channel_id)

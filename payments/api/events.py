"""Events: every change, newest first; the feed behind the webhooks."""

from typing import Annotated, ClassVar, NoReturn

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import ANY_OBJECT, FLAG, INSTANT, TEXT, define, identifier, page_of, record, word, words
from payments.api.views import ApiView, JsonView
from payments.core.errors import NotFound
from payments.core.input_types import text
from payments.notify import payloads, queries
from payments.notify.models import EVENT_TYPES

EVENT = define(
    "Event",
    record(
        id=identifier("evt"),
        object=word("event"),
        type=words(EVENT_TYPES),
        created_at=INSTANT,
        api_version=TEXT,
        test_mode=FLAG,
        data=record(object=ANY_OBJECT),
    ),
)


class EventsQuery(Paging):
    """Which events."""

    object: Annotated[str, text(64)] | None = None
    """Only events about this object, by its id: those of one payment, refund or discrepancy."""


class EventView(ApiView):
    """What the addresses of events share: those of a merchant, or of the channel that a key is tied to."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read"}


class Events(EventView):
    """All events, or those about one object."""

    @described("list_events", "Events, newest first", {200: page_of(EVENT)}, query=EventsQuery, tag="Events")
    def get(self, request: Request) -> HttpResponse:
        """List every change, newest first: the same events that webhooks carry. A webshop that missed some reads them
        here.
        """
        query = self.query(EventsQuery)
        rows = queries.events(
            merchant_id=self.caller.merchant_id, channel_id=self.caller.channel_id, object_id=query.object
        )
        return self.page(rows, payloads.event, query)


class OneEvent(EventView):
    """One event."""

    @described("get_event", "One event", {200: EVENT}, refusals=[404], tag="Events")
    def get(self, request: Request, event_id: str) -> HttpResponse:
        """Return one event, as a delivery or the header `webhook-id` names it."""
        self.no_query()
        rows = queries.events(merchant_id=self.caller.merchant_id, channel_id=self.caller.channel_id)
        return self.answer(payloads.event(self.one(rows, id=event_id)))


@extend_schema(exclude=True)
class StreamElsewhere(JsonView):
    """`GET /v1/events/stream` on this port: another process streams, on a port of its own."""

    def get(self, request: Request) -> NoReturn:
        raise NotFound(f"Events are streamed at {settings.STREAM_URL}/v1/events/stream: ask there.")

"""Events: every change, newest first; the feed behind the webhooks."""

from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import ANY_OBJECT, FLAG, INSTANT, TEXT, define, identifier, page_of, record, word, words
from payments.api.views import ApiView
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


class Events(ApiView):
    """All events of a merchant, or of the channel that a key is tied to."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read"}

    @described("list_events", "Events, newest first", {200: page_of(EVENT)}, query=Paging, tag="Events")
    def get(self, request: Request) -> HttpResponse:
        query = self.query(Paging)
        rows = queries.events(merchant_id=self.caller.merchant_id, channel_id=self.caller.channel_id)
        return self.page(rows, payloads.event, query)

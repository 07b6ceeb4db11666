"""Webhook endpoints: whom we tell, with which secret, and what became of each delivery."""

from typing import Annotated, Any, ClassVar

from django.db import transaction
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments.api.idempotency import Answer
from payments.api.inputs import Nothing, Paging
from payments.api.openapi import described
from payments.api.schemas import (
    FLAG,
    INSTANT,
    TEXT,
    WHOLE,
    define,
    identifier,
    many,
    maybe,
    page_of,
    record,
    word,
    words,
)
from payments.api.views import ApiView
from payments.core.input_types import text
from payments.core.inputs import Input
from payments.notify import payloads, queries
from payments.notify.models import WebhookDelivery, WebhookEndpoint
from payments.notify.services import endpoints, resend
from payments.services.idempotency import IdempotencyGuard

_ENDPOINT = record(
    id=identifier("we"),
    object=word("webhook_endpoint"),
    url=TEXT,
    events=many(TEXT),
    description=maybe(TEXT),
    status=words(WebhookEndpoint.Status.values),
    channel=maybe(identifier("chn")),
    created_at=INSTANT,
    test_mode=FLAG,
)
ENDPOINT = define("WebhookEndpoint", _ENDPOINT)
NEW_ENDPOINT = define(
    "NewWebhookEndpoint",
    {**_ENDPOINT, "properties": {**_ENDPOINT["properties"], "secret": maybe(TEXT)}},
)
DELIVERY = define(
    "WebhookDelivery",
    record(
        id=identifier("dlv"),
        object=word("webhook_delivery"),
        event=identifier("evt"),
        type=TEXT,
        endpoint=identifier("we"),
        status=words(WebhookDelivery.Status.values),
        attempts=WHOLE,
        next_attempt_at=maybe(INSTANT),
        response_status=maybe(WHOLE),
        failure=maybe(TEXT),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


class EndpointInput(Input):
    """Whom to tell, and what of."""

    url: Annotated[str, text(2000)]
    """Address that events are sent to; begins with https://."""
    events: Annotated[list[Annotated[str, text(64)]], Meta(min_length=1, max_length=100)]
    """Types of events to send, as `payment.captured`, or `*` for all of them."""
    description: Annotated[str, Meta(max_length=500)] | None = None
    """Note for your own staff."""


class EndpointChangeInput(Input):
    """What changes of an endpoint."""

    url: Annotated[str, text(2000)] | None = None
    """Address that events are sent to; begins with https://."""
    events: Annotated[list[Annotated[str, text(64)]], Meta(min_length=1, max_length=100)] | None = None
    """Types of events to send, as `payment.captured`, or `*` for all of them."""
    description: Annotated[str, Meta(max_length=500)] | None = None
    """Note for your own staff."""
    status: WebhookEndpoint.Status | None = None
    """`disabled` stops sending, `enabled` begins again."""


class EndpointView(ApiView):
    """What the addresses of endpoints share."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "webhooks:read",
        "POST": "webhooks:write",
        "PATCH": "webhooks:write",
        "DELETE": "webhooks:write",
    }

    @property
    def whose(self) -> dict[str, Any]:
        return {"merchant_id": self.caller.merchant_id, "channel_id": self.caller.channel_id}

    def current_answer(self, endpoint_id: str, status: int = 200) -> Answer:
        """An endpoint as it is shown again: its secret never is."""
        row = queries.endpoint(endpoint_id=endpoint_id, **self.whose)
        return Answer(status, {**payloads.endpoint(row), "secret": None})


class Endpoints(EndpointView):
    """All endpoints."""

    @described(
        "list_webhook_endpoints",
        "Webhook endpoints, newest first",
        {200: page_of(ENDPOINT)},
        query=Paging,
        tag="Webhooks out",
    )
    def get(self, request: Request) -> HttpResponse:
        """List the addresses that events are sent to."""
        query = self.query(Paging)
        return self.page(queries.endpoints(**self.whose), payloads.endpoint, query)

    @described(
        "create_webhook_endpoint", "Add a webhook endpoint", {201: NEW_ENDPOINT}, body=EndpointInput, tag="Webhooks out"
    )
    def post(self, request: Request) -> HttpResponse:
        """Add an address that events are sent to, and show the secret that signs them, this once: a repeated
        request answers `secret: null`.
        """
        return self.once(self._create, lambda object_id: self.current_answer(object_id, 201))

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(EndpointInput).given()
        with transaction.atomic():
            made = endpoints.create(test_mode=self.caller.test_mode, actor=self.caller.actor, **self.whose, **given)
            guard.begin(made.endpoint.id)
        return _once(made, 201)


class OneEndpoint(EndpointView):
    """One endpoint."""

    @described("get_webhook_endpoint", "One webhook endpoint", {200: ENDPOINT}, refusals=[404], tag="Webhooks out")
    def get(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Return one endpoint, never its secret."""
        self.no_query()
        return self.answer(payloads.endpoint(self.one(queries.endpoints(**self.whose), id=endpoint_id)))

    @described(
        "change_webhook_endpoint",
        "Change a webhook endpoint",
        {200: ENDPOINT},
        body=EndpointChangeInput,
        refusals=[404],
        once=False,
        tag="Webhooks out",
    )
    def patch(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Change the members that are sent and leave the others."""
        self.no_query()
        self.one(queries.endpoints(**self.whose), id=endpoint_id)
        given = self.input(EndpointChangeInput).given()
        row = endpoints.update(endpoint_id=endpoint_id, actor=self.caller.actor, **self.whose, **given)
        return self.answer(payloads.endpoint(row))

    @described("delete_webhook_endpoint", "Delete a webhook endpoint", {204: None}, refusals=[404], tag="Webhooks out")
    def delete(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Delete an endpoint: nothing more is sent to it."""
        self.no_query()
        self.one(queries.endpoints(**self.whose), id=endpoint_id)
        endpoints.delete(endpoint_id=endpoint_id, actor=self.caller.actor, **self.whose)
        return HttpResponse(status=204)


class RollSecret(EndpointView):
    """Another secret; for a day both sign."""

    @described(
        "roll_secret",
        "Make another signing secret",
        {200: NEW_ENDPOINT},
        body=Nothing,
        refusals=[404],
        tag="Webhooks out",
    )
    def post(self, request: Request, endpoint_id: str) -> HttpResponse:
        """Make another signing secret and show it this once; for 24 hours events are signed with both."""

        def roll(guard: IdempotencyGuard) -> Answer:
            self.one(queries.endpoints(**self.whose), id=endpoint_id)
            self.input(Nothing)
            with transaction.atomic():
                guard.begin(endpoint_id)
                made = endpoints.roll_secret(endpoint_id=endpoint_id, actor=self.caller.actor, **self.whose)
            return _once(made, 200)

        return self.once(roll, self.current_answer)


class Deliveries(EndpointView):
    """What was sent to one endpoint."""

    @described(
        "list_deliveries",
        "Deliveries of an endpoint, newest first",
        {200: page_of(DELIVERY)},
        query=Paging,
        refusals=[404],
        tag="Webhooks out",
    )
    def get(self, request: Request, endpoint_id: str) -> HttpResponse:
        """List what was sent to an endpoint and what it answered, newest first."""
        query = self.query(Paging)
        self.one(queries.endpoints(**self.whose), id=endpoint_id)
        return self.page(queries.deliveries(endpoint_id=endpoint_id, **self.whose), payloads.delivery, query)


class Resend(EndpointView):
    """One delivery, once more."""

    @described(
        "resend_delivery", "Send an event again", {202: DELIVERY}, body=Nothing, refusals=[404], tag="Webhooks out"
    )
    def post(self, request: Request, delivery_id: str) -> HttpResponse:
        """Send one event to its endpoint again, at once."""

        def again(guard: IdempotencyGuard) -> Answer:
            self.one(self._deliveries(), id=delivery_id)
            self.input(Nothing)
            with transaction.atomic():
                guard.begin(delivery_id)
                row = resend.resend(delivery_id=delivery_id, **self.whose, actor=self.caller.actor)
            return Answer(202, payloads.delivery(row))

        return self.once(again, self._resume)

    def _resume(self, object_id: str) -> Answer:
        return Answer(202, payloads.delivery(self.one(self._deliveries(), id=object_id)))

    def _deliveries(self) -> Any:
        rows = WebhookDelivery.objects.select_related("endpoint")
        whose = {f"endpoint__{name}": value for name, value in self.whose.items() if value is not None}
        return rows.filter(**whose)


def _once(made: endpoints.NewSecret, status: int) -> Answer:
    """The secret is shown this once; a repetition of the request has null there."""
    kept = {**payloads.endpoint(made.endpoint), "secret": None}
    return Answer(status, {**kept, "secret": made.secret}, kept=kept)

"""Channels: the merchant's webshops and stores."""

from typing import Annotated, Any, ClassVar

from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments import payloads
from payments.api.approvals import REQUIRES_APPROVAL, waiting
from payments.api.idempotency import Answer
from payments.api.inputs import Paging
from payments.api.openapi import described
from payments.api.schemas import FLAG, INSTANT, TEXT, define, identifier, many, page_of, record, word, words
from payments.api.views import ApiView
from payments.core.input_types import text
from payments.core.inputs import Input
from payments.models import Channel
from payments.models.refund import Route
from payments.services import create_setup, update_setup
from payments.services.idempotency import IdempotencyGuard

CHANNEL = define(
    "Channel",
    record(
        id=identifier("chn"),
        object=word("channel"),
        name=TEXT,
        kind=words(Channel.Kind.values),
        orders=TEXT,
        numeric_references=FLAG,
        return_schemes=many(TEXT),
        refund_routes=many(words(Route.values)),
        active=FLAG,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


ReturnSchemes = Annotated[list[Annotated[str, text(40)]], Meta(max_length=10)]
RefundRoutes = Annotated[list[Route], Meta(min_length=1, max_length=10)]


class ChannelInput(Input):
    """A sales location."""

    name: Annotated[str, text(200)]
    """Name of the shop, as receipts and pay pages show it."""
    kind: Channel.Kind
    """`online` for a webshop, `in_store` for a till, `remote` for telephone, market or door."""
    orders: Annotated[str, text(64)] | None = None
    """Namespace of the channel's order references; its own when left out."""
    numeric_references: bool | None = None
    """True where orders are numbered with digits alone, some of which look like card numbers."""
    return_schemes: ReturnSchemes | None = None
    """Schemes of your own apps that a `return_url` may begin with, as `myshop`."""
    refund_routes: RefundRoutes | None = None
    """Routes by which this channel may give money back; all when left out."""


class ChannelChangeInput(Input):
    """What changes of a channel."""

    name: Annotated[str, text(200)] | None = None
    """Name of the shop, as receipts and pay pages show it."""
    kind: Channel.Kind | None = None
    """`online` for a webshop, `in_store` for a till, `remote` for telephone, market or door."""
    orders: Annotated[str, text(64)] | None = None
    """Namespace of the channel's order references; channels that name the same one share their numbers."""
    numeric_references: bool | None = None
    """True where orders are numbered with digits alone, some of which look like card numbers."""
    return_schemes: ReturnSchemes | None = None
    """Schemes of your own apps that a `return_url` may begin with, as `myshop`."""
    refund_routes: RefundRoutes | None = None
    """Routes by which this channel may give money back; all when left out."""
    active: bool | None = None
    """False closes the channel: it takes no new payments."""


class ChannelView(ApiView):
    """What the addresses of channels share. A key that is tied to one sees that one."""

    scopes: ClassVar[dict[str, str]] = {
        "GET": "payments:read",
        "POST": "accounts:write",
        "PATCH": "accounts:write",
    }

    def rows(self) -> Any:
        return self.own(Channel.objects.select_related("merchant"), channel="id")

    def current_answer(self, channel_id: str, status: int = 200) -> Answer:
        return Answer(status, payloads.channel(self.one(self.rows(), id=channel_id)))

    def given(self, form: type[Input]) -> dict[str, Any]:
        """The input, by the names of the columns."""
        given = self.input(form).given()
        return {"namespace" if name == "orders" else name: value for name, value in given.items()}


class Channels(ChannelView):
    """All channels of a merchant."""

    @described("list_channels", "Channels, newest first", {200: page_of(CHANNEL)}, query=Paging, tag="Channels")
    def get(self, request: Request) -> HttpResponse:
        """List your webshops and stores; a key that is tied to one sees that one. Their ids are the `channel` of
        payments and refunds.
        """
        query = self.query(Paging)
        return self.page(self.rows(), payloads.channel, query)

    @described("create_channel", "Open a channel", {201: CHANNEL}, body=ChannelInput, tag="Channels")
    def post(self, request: Request) -> HttpResponse:
        """Open a webshop, a store or a remote sales channel."""
        return self.once(self._create, lambda channel_id: self.current_answer(channel_id, 201))

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.given(ChannelInput)
        made = create_setup.create_channel(merchant=self.merchant, actor=self.caller, guard=guard, **given)
        return Answer(201, payloads.channel(made))


class OneChannel(ChannelView):
    """One channel."""

    @described("get_channel", "One channel", {200: CHANNEL}, refusals=[404], tag="Channels")
    def get(self, request: Request, channel_id: str) -> HttpResponse:
        """Return one channel."""
        self.no_query()
        return self.answer(payloads.channel(self.one(self.rows(), id=channel_id)))

    @described(
        "change_channel",
        "Change a channel",
        {200: CHANNEL, 202: REQUIRES_APPROVAL},
        body=ChannelChangeInput,
        refusals=[404, 409],
        once=False,
        tag="Channels",
    )
    def patch(self, request: Request, channel_id: str) -> HttpResponse:
        """Change the members that are sent and leave the others."""
        self.no_query()
        row = self.one(self.rows(), id=channel_id)
        approval = update_setup.amend_channel(row, changes=self.given(ChannelChangeInput), actor=self.caller)
        if approval is not None:
            return self.answer(waiting(approval), 202)
        return self.answer(payloads.channel(row))

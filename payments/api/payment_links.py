"""Payment links: made, sent, canceled, found."""

from typing import Annotated, Any, ClassVar, Literal

from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments import payloads
from payments.api.idempotency import Answer
from payments.api.inputs import Nothing, Paging
from payments.api.openapi import described
from payments.api.payment_inputs import CustomerInput
from payments.api.references import Namespace
from payments.api.schemas import (
    CHANNEL_REF,
    CURRENCY,
    FLAG,
    INSTANT,
    MINOR_UNITS,
    ORDER_REF,
    PAIRS,
    TEXT,
    define,
    identifier,
    many,
    maybe,
    page_of,
    record,
    word,
    words,
)
from payments.api.views import ApiView, must_speak_for
from payments.core.input_types import Amount, Currency, Email, Instant, Metadata, one_of, text
from payments.core.inputs import Beside, Input, OneOf, Together
from payments.models import Channel, Order, PaymentLink
from payments.queries import links as queries
from payments.services import link as service
from payments.services import send_link
from payments.services.idempotency import IdempotencyGuard
from payments.services.link import LinkRequest
from payments.services.orders import OrderName

PAYMENT_LINK = define(
    "PaymentLink",
    record(
        id=identifier("lnk"),
        object=word("payment_link"),
        url=TEXT,
        qr_svg_url=TEXT,
        qr_png_url=TEXT,
        status=words(PaymentLink.Status.values),
        amount=maybe(MINOR_UNITS),
        amount_min=maybe(MINOR_UNITS),
        amount_max=maybe(MINOR_UNITS),
        currency=CURRENCY,
        description=TEXT,
        order=maybe(ORDER_REF),
        channel=CHANNEL_REF,
        methods=maybe(many(TEXT)),
        reusable=FLAG,
        expires_at=maybe(INSTANT),
        payments=many(identifier("pay")),
        customer=maybe(identifier("cus")),
        metadata=PAIRS,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


class LinkInput(Input, kw_only=True):
    """What is to be paid by the link."""

    rules = (
        OneOf(("order_reference", "order"), required=False),
        OneOf(("amount", "amount_min"), required=False),
        OneOf(("amount", "amount_max"), required=False),
        Together(("amount_min", "amount_max")),
        Beside("namespace", "order_reference"),
    )

    amount: Amount | None = None
    """What the customer pays, in minor units; with an order and no amount, what is due when it is paid."""
    amount_min: Amount | None = None
    """Least that the customer may choose to pay, in minor units; goes with `amount_max`."""
    amount_max: Amount | None = None
    """Most that the customer may choose to pay, in minor units; goes with `amount_min`."""
    currency: Currency
    """Currency of the amounts; an existing order's own."""
    order_reference: Annotated[str, text(64)] | None = None
    """Your own number of the order, in the channel's namespace; makes the order at its first use."""
    namespace: Namespace | None = None
    """Namespace of `order_reference`, where it is another than the channel's."""
    order: Order | None = None
    """Id of an existing order of any channel, in place of `order_reference`."""
    description: Annotated[str, text(500)]
    """What the customer pays for, as the pay page shows it."""
    expires_at: Instant | None = None
    """Time from which the link takes nothing more; it never expires when left out."""
    reusable: bool | None = None
    """True for a link that takes many payments, as a poster; false when left out."""
    channel: Channel | None = None
    """Id of the channel that sells; required unless the key is tied to one."""
    methods: Annotated[list[Annotated[str, one_of(service.OFFERED)]], Meta(min_length=1, max_length=20)] | None = None
    """Only these methods are offered; all that the channel has when left out."""
    customer: CustomerInput | None = None
    """Who pays, as far as you know."""
    metadata: Metadata | None = None
    """Your own labels, kept with the link and shown in every answer."""


class SendInput(Input):
    """Where a link is sent."""

    via: Literal["email"]
    """How the link is sent; e-mail is the one way."""
    to: Email
    """E-mail address that the link is sent to."""
    language: Literal["nl", "en"] | None = None
    """Language of the e-mail; the merchant's own when left out."""


class LinksQuery(Paging):
    """Which links."""

    status: PaymentLink.Status | None = None
    """Only links of this status."""
    channel: Annotated[str, text(30)] | None = None
    """Only links of this channel, by its id."""
    order: Annotated[str, text(30)] | None = None
    """Only links of this order, by its id."""
    created_from: Instant | None = None
    """Only links made at or after this time."""
    created_to: Instant | None = None
    """Only links made before this time."""


class LinkView(ApiView):
    """What the addresses of payment links share: a key that is tied to a channel sees that channel's."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read", "POST": "payments:write"}

    def rows(self, filters: dict[str, Any] | None = None) -> QuerySet[PaymentLink]:
        return self.own(queries.links(self.caller.merchant_id, filters))

    def current_answer(self, link_id: str, status: int = 200) -> Answer:
        return Answer(status, payloads.payment_link(self.one(self.rows(), id=link_id)))

    def _resume(self, object_id: str) -> Answer:
        return self.current_answer(object_id)


class PaymentLinks(LinkView):
    """All links of a merchant."""

    @described(
        "list_payment_links",
        "Payment links, newest first",
        {200: page_of(PAYMENT_LINK)},
        query=LinksQuery,
        tag="Payment links",
    )
    def get(self, request: Request) -> HttpResponse:
        """List payment links, newest first."""
        query = self.query(LinksQuery)
        return self.page(self.rows(query.given()), payloads.payment_link, query)

    @described("create_payment_link", "Make a payment link", {201: PAYMENT_LINK}, body=LinkInput, tag="Payment links")
    def post(self, request: Request) -> HttpResponse:
        """Make an address at which a customer pays: an amount, what an order has due, or what the customer chooses."""
        return self.once(self._create, lambda link_id: self.current_answer(link_id, 201))

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(LinkInput)
        named = OrderName(
            order_id=given.order.id if given.order else None,
            reference=given.order_reference,
            namespace=given.namespace.name if given.namespace else None,
        )
        made = service.create_link(
            LinkRequest(
                channel=self.channel(given.channel),
                currency=given.currency,
                description=given.description,
                order=named if named.order_id or named.reference else None,
                amount=given.amount,
                amount_min=given.amount_min,
                amount_max=given.amount_max,
                reusable=bool(given.reusable),
                methods=given.methods or (),
                buyer=given.customer.given() if given.customer else {},
                expires_at=given.expires_at,
                metadata=given.metadata or {},
            ),
            actor=self.caller.actor,
            guard=guard,
        )
        return Answer(201, payloads.payment_link(made))


class OneLink(LinkView):
    """One link."""

    @described("get_payment_link", "One payment link", {200: PAYMENT_LINK}, refusals=[404], tag="Payment links")
    def get(self, request: Request, link_id: str) -> HttpResponse:
        """Return a payment link with its status and the payments that were made by it."""
        self.no_query()
        return self.answer(payloads.payment_link(self.one(self.rows(), id=link_id)))


class LinkVerb(LinkView):
    """Something done with a link."""

    def target(self, link_id: str) -> PaymentLink:
        row = self.one(self.rows(), id=link_id)
        must_speak_for(self.caller, row.channel_id)
        return row


class CancelLink(LinkVerb):
    """Take a link back."""

    @described(
        "cancel_payment_link",
        "End a payment link",
        {200: PAYMENT_LINK},
        body=Nothing,
        refusals=[404],
        tag="Payment links",
    )
    def post(self, request: Request, link_id: str) -> HttpResponse:
        """End a link: its page takes nothing more. What was paid stays paid."""

        def cancel(guard: IdempotencyGuard) -> Answer:
            row = self.target(link_id)
            self.input(Nothing)
            return Answer(200, payloads.payment_link(service.cancel_link(row, actor=self.caller.actor, guard=guard)))

        return self.once(cancel, self._resume)


class SendLink(LinkVerb):
    """Send a link to a customer."""

    @described(
        "send_payment_link",
        "Send a payment link by e-mail",
        {202: PAYMENT_LINK},
        body=SendInput,
        refusals=[404, 429],
        tag="Payment links",
    )
    def post(self, request: Request, link_id: str) -> HttpResponse:
        """Send the link to a customer by e-mail."""

        def send(guard: IdempotencyGuard) -> Answer:
            row = self.target(link_id)
            given = self.input(SendInput)
            send_link.send_link(row, to=given.to, language=given.language, actor=self.caller.actor, guard=guard)
            return self.current_answer(row.id, 202)

        return self.once(send, lambda at: self.current_answer(at, 202))

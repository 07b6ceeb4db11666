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
from payments.api.payments import CustomerInput
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
    amount_min: Amount | None = None
    amount_max: Amount | None = None
    currency: Currency
    order_reference: Annotated[str, text(64)] | None = None
    namespace: Namespace | None = None
    order: Order | None = None
    description: Annotated[str, text(500)]
    expires_at: Instant | None = None
    reusable: bool | None = None
    channel: Channel | None = None
    methods: Annotated[list[Annotated[str, one_of(service.OFFERED)]], Meta(min_length=1, max_length=20)] | None = None
    customer: CustomerInput | None = None
    metadata: Metadata | None = None


class SendInput(Input):
    """Where a link is sent."""

    via: Literal["email"]
    to: Email
    language: Literal["nl", "en"] | None = None


class LinksQuery(Paging):
    """Which links."""

    status: PaymentLink.Status | None = None
    channel: Annotated[str, text(30)] | None = None
    order: Annotated[str, text(30)] | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None


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
        query = self.query(LinksQuery)
        return self.page(self.rows(query.given()), payloads.payment_link, query)

    @described("create_payment_link", "Make a payment link", {201: PAYMENT_LINK}, body=LinkInput, tag="Payment links")
    def post(self, request: Request) -> HttpResponse:
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

    @described("cancel_payment_link", "Cancel", {200: PAYMENT_LINK}, body=Nothing, refusals=[404], tag="Payment links")
    def post(self, request: Request, link_id: str) -> HttpResponse:
        def cancel(guard: IdempotencyGuard) -> Answer:
            row = self.target(link_id)
            self.input(Nothing)
            return Answer(200, payloads.payment_link(service.cancel_link(row, actor=self.caller.actor, guard=guard)))

        return self.once(cancel, self._resume)


class SendLink(LinkVerb):
    """Send a link to a customer."""

    @described(
        "send_payment_link",
        "Send by e-mail",
        {202: PAYMENT_LINK},
        body=SendInput,
        refusals=[404, 429],
        tag="Payment links",
    )
    def post(self, request: Request, link_id: str) -> HttpResponse:
        def send(guard: IdempotencyGuard) -> Answer:
            row = self.target(link_id)
            given = self.input(SendInput)
            send_link.send_link(row, to=given.to, language=given.language, actor=self.caller.actor, guard=guard)
            return self.current_answer(row.id, 202)

        return self.once(send, lambda at: self.current_answer(at, 202))

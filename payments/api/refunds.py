"""Refunds: planned, made, given up, found; from any channel."""

from typing import Annotated, Any, ClassVar, Literal

from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments import payloads
from payments.api.idempotency import Answer
from payments.api.inputs import Nothing, Paging, reads
from payments.api.openapi import described
from payments.api.references import NamedTerminal
from payments.api.schemas import (
    CURRENCY,
    INSTANT,
    MINOR_UNITS,
    REASONS,
    REFUND,
    define,
    identifier,
    many,
    page_of,
    record,
    words,
)
from payments.api.views import ApiView
from payments.core.errors import Fault
from payments.core.iban import compact
from payments.core.input_faults import FAULT, InvalidValue
from payments.core.input_types import Amount, Instant, Metadata, one_of, text
from payments.core.inputs import Input, OneOf
from payments.models import Channel, Order, Payment, Refund
from payments.models.refund import RefundStatus, Route
from payments.people.actors import Caller
from payments.queries import refunds as queries
from payments.services.find_order import order_to_refund
from payments.services.idempotency import IdempotencyGuard
from payments.services.refunds.cancel import cancel_refund
from payments.services.refunds.plan import BankAccount, Plan, RefundRequest, Share
from payments.services.refunds.request import plan_refund, request_refund
from payments.services.refunds.routes import AUTO

Shape = dict[str, Any]


PLAN = define(
    "RefundPlan",
    record(
        amount=MINOR_UNITS,
        currency=CURRENCY,
        amount_refundable=MINOR_UNITS,
        parts=many(
            record(
                payment=identifier("pay"),
                amount=MINOR_UNITS,
                route=words(Route.values),
                expected_at=INSTANT,
                rounding=MINOR_UNITS,
                reasons=REASONS,
            )
        ),
    ),
)


class Iban:
    """A bank account's number, valid by its check digits, as it is stored."""

    def __init__(self, number: str) -> None:
        self.number = compact(number)


@reads(Iban, {"type": "string", "minLength": 15, "maxLength": 42})
def _iban(value: Any, _: Caller) -> Iban:
    try:
        return Iban(value if isinstance(value, str) else "")
    except ValueError:
        detail = "This is no valid IBAN. Check every character."
        raise InvalidValue(Fault(None, "iban_invalid", detail)) from None


class BankAccountInput(Input):
    """Where a transfer goes."""

    iban: Iban
    """IBAN that the money is sent to, with or without spaces."""
    name: Annotated[str, text(140)]
    """Name of the account's holder."""


class ShareInput(Input):
    """How much of one payment is given back."""

    payment: Payment
    """Id of a payment of the order."""
    amount: Amount
    """How much of it is given back, in minor units."""


# By a rule, or as listed.
Allocation = Annotated[
    Literal["last_paid_first", "proportional"] | Annotated[list[ShareInput], Meta(min_length=1, max_length=50)],
    Meta(extra={FAULT: ("invalid_choice", "Send last_paid_first, proportional, or a list of payments and amounts.")}),
]


class RefundInput(Input, kw_only=True):
    """What is to be given back, and how."""

    rules = (OneOf(("order", "order_reference", "payment")),)

    order: Order | None = None
    """Id of the order that is given back; exactly one of `order`, `order_reference` and `payment` is required."""
    order_reference: Annotated[str, text(64)] | None = None
    """Your own number of the order: looked for in the channel's namespace, else over the merchant."""
    payment: Payment | None = None
    """Id of the one payment that is given back, in place of the whole order."""
    amount: Amount | None = None
    """How much to give back, in minor units; all that is refundable when left out."""
    reason: Annotated[str, text(200)]
    """Why, in your own words or a code of the merchant's list."""
    channel: Channel | None = None
    """Id of the channel where the goods came back; required unless the key is tied to one."""
    route: Annotated[str, one_of([AUTO, *Route.values])] | None = None
    """Way back of the money; `auto`, the default, prefers the original payment method."""
    terminal: NamedTerminal | None = None
    """Id of the terminal at which the customer presents the card."""
    bank_account: BankAccountInput | None = None
    """Account that a bank transfer goes to."""
    allocation: Allocation | None = None
    """Which payments of the order give back how much; the merchant's rule when left out."""
    exchange_for: Order | None = None
    """Id of the order that the customer buys in exchange."""
    operator: Annotated[str, text(100)] | None = None
    """Name or number of the person at the counter."""
    metadata: Metadata | None = None
    """Your own labels, kept with the refund and shown in every answer and webhook."""


class RefundsQuery(Paging):
    """Which refunds."""

    order: Annotated[str, text(64)] | None = None
    """Only refunds of this order, by its id."""
    payment: Annotated[str, text(64)] | None = None
    """Only refunds of which a part gives back this payment, by its id."""
    status: RefundStatus | None = None
    """Only refunds of this status."""
    channel: Annotated[str, text(64)] | None = None
    """Only refunds of goods that came back in this channel, by its id."""
    route: Route | None = None
    """Only refunds with a part that goes this way."""
    created_from: Instant | None = None
    """Only refunds made at or after this time."""
    created_to: Instant | None = None
    """Only refunds made before this time."""


class RefundView(ApiView):
    """What the addresses of refunds share."""

    scopes: ClassVar[dict[str, str]] = {"GET": "refunds:read", "POST": "refunds:write"}

    def rows(self) -> QuerySet[Refund]:
        """A tied key sees the refunds of what came back in its channel."""
        return self.own(queries.refunds(self.caller.merchant_id))

    def refund_request(self) -> RefundRequest:
        """What the body asks."""
        given = self.input(RefundInput)
        channel = self.channel(given.channel)
        account = given.bank_account
        return RefundRequest(
            order=self._order(given, channel),
            channel=channel,
            reason=given.reason,
            payment=given.payment,
            amount=given.amount,
            route=given.route or AUTO,
            terminal_id=given.terminal.id if given.terminal else None,
            bank_account=BankAccount(iban=account.iban.number, name=account.name) if account else None,
            allocation=_allocation(given),
            exchange_for=given.exchange_for,
            operator=given.operator or "",
            metadata=given.metadata or {},
        )

    def _order(self, given: RefundInput, channel: Channel) -> Order:
        if given.payment is not None:
            return given.payment.order
        if given.order is not None:
            return given.order
        return order_to_refund(channel=channel, reference=given.order_reference or "", amount=_amount(given))


def _allocation(given: RefundInput) -> str | tuple[Share, ...] | None:
    if isinstance(given.allocation, list):
        return tuple(Share(payment_id=share.payment.id, amount=share.amount) for share in given.allocation)
    return given.allocation


def _amount(given: RefundInput) -> int | None:
    """Return the requested amount; None for everything that is refundable."""
    listed = sum(share.amount for share in given.allocation) if isinstance(given.allocation, list) else None
    return given.amount if given.amount is not None else listed


class Refunds(RefundView):
    """All refunds."""

    @described("list_refunds", "Refunds, newest first", {200: page_of(REFUND)}, query=RefundsQuery, tag="Refunds")
    def get(self, request: Request) -> HttpResponse:
        """List refunds that match every filter, newest first."""
        query = self.query(RefundsQuery)
        return self.page_of(self.own(queries.refunds(self.caller.merchant_id, query.given())), in_full, query)

    @described("create_refund", "Give money back", {201: REFUND}, body=RefundInput, tag="Refunds")
    def post(self, request: Request) -> HttpResponse:
        """Give money back for an order or a payment of any channel. Each part says by which route it goes and when
        it arrives; only `amount_succeeded` has been given back.
        """
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        made = request_refund(self.refund_request(), actor=self.caller, guard=guard)
        kept = in_full([made.refund])[0]
        shown = payloads.refund(made.refund, voucher_code=made.voucher_code)
        return Answer(201, kept | {"parts": shown["parts"]}, kept=kept)

    def _resume(self, object_id: str) -> Answer:
        return Answer(201, in_full([self.one(self.rows(), id=object_id)])[0])


class RefundPlan(RefundView):
    """How a refund would be made; nothing changes, so that reading is enough and no key is needed."""

    scopes: ClassVar[dict[str, str]] = {"POST": "refunds:read"}

    @described("plan_refund", "Plan a refund", {200: PLAN}, body=RefundInput, once=False, tag="Refunds")
    def post(self, request: Request) -> HttpResponse:
        """Answer how a refund would be made, with its routes and their reasons, and change nothing."""
        self.no_query()
        return self.answer(_plan(plan_refund(self.refund_request(), actor=self.caller)))


class OneRefund(RefundView):
    """One refund."""

    @described("get_refund", "One refund", {200: REFUND}, refusals=[404], tag="Refunds")
    def get(self, request: Request, refund_id: str) -> HttpResponse:
        """Return one refund with its parts."""
        self.no_query()
        return self.answer(in_full([self.one(self.rows(), id=refund_id)])[0])


class CancelRefund(RefundView):
    """Give up what has not left."""

    @described("cancel_refund", "Give up a refund", {200: REFUND}, body=Nothing, refusals=[404], tag="Refunds")
    def post(self, request: Request, refund_id: str) -> HttpResponse:
        """Give up the parts of a refund that have not left; what succeeded stays given back, so the refund may end
        `succeeded` with an `amount_succeeded` below its `amount`.
        """

        def cancel(guard: IdempotencyGuard) -> Answer:
            refund = self.one(self.rows(), id=refund_id)
            self.input(Nothing)
            return Answer(200, in_full([cancel_refund(refund, actor=self.caller.actor, guard=guard)])[0])

        return self.once(cancel, self._resume)

    def _resume(self, object_id: str) -> Answer:
        return Answer(200, in_full([self.one(self.rows(), id=object_id)])[0])


def in_full(rows: list[Refund]) -> list[Shape]:
    """Refunds with their approvals."""
    approvals = queries.approvals_of(row.id for row in rows)
    return [payloads.refund(row, approvals=approvals.get(row.id, [])) for row in rows]


def _plan(plan: Plan) -> Shape:
    return {
        "amount": plan.amount,
        "currency": plan.currency,
        "amount_refundable": plan.amount_refundable,
        "parts": [
            {
                "payment": part.payment.id,
                "amount": part.amount,
                "route": part.route,
                "expected_at": payloads.instant(part.expected_at),
                "rounding": part.rounding,
                "reasons": list(part.reasons),
            }
            for part in plan.parts
        ],
    }

"""Refunds: planned, made, given up, found; from any channel."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.fields import OPTIONAL, Amount, Choice, Instant, Metadata, StrictField, Text
from payments.api.idempotency import Answer
from payments.api.inputs import Input, Nothing, Paging
from payments.api.openapi import described
from payments.api.references import channel_field, order_field, payment_field, terminal_field
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
from payments.core.iban import compact
from payments.models import Channel, Order, Refund
from payments.models.refund import RefundStatus, Route
from payments.queries import refunds as queries
from payments.services.find_order import order_to_refund
from payments.services.idempotency import IdempotencyGuard
from payments.services.refunds.cancel import cancel_refund
from payments.services.refunds.plan import LAST_PAID_FIRST, PROPORTIONAL, BankAccount, Plan, RefundRequest, Share
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


class Iban(StrictField):
    """A bank account's number, validated by its check digits."""

    schema = {"type": "string", "minLength": 15, "maxLength": 42}
    default_error_messages = {"iban_invalid": "This is no valid IBAN. Check every character."}

    def to_internal_value(self, data: Any) -> str:
        try:
            return compact(data if isinstance(data, str) else "")
        except ValueError:
            self.fail("iban_invalid")


class BankAccountInput(Input):
    """Where a transfer goes."""

    iban = Iban()
    name = Text(longest=140)


class ShareInput(Input):
    """How much of one payment is given back."""

    payment = payment_field()
    amount = Amount()


class Allocation(StrictField):
    """Which payment gives back how much: by a rule, or as listed."""

    schema = {
        "anyOf": [
            {"type": "string", "enum": [LAST_PAID_FIRST, PROPORTIONAL]},
            {
                "type": "array",
                "minItems": 1,
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "properties": {"payment": {"type": "string"}, "amount": {"type": "integer", "minimum": 1}},
                    "required": ["payment", "amount"],
                },
            },
        ]
    }
    default_error_messages = {
        "invalid_choice": f"Send {LAST_PAID_FIRST}, {PROPORTIONAL}, or a list of payments and amounts."
    }

    def to_internal_value(self, data: Any) -> str | tuple[Share, ...]:
        if data in (LAST_PAID_FIRST, PROPORTIONAL):
            return str(data)
        if not isinstance(data, list) or not 1 <= len(data) <= 50:
            self.fail("invalid_choice")
        shares = ShareInput(many=True, context=self.context)
        values = shares.run_validation(data)
        return tuple(Share(payment_id=value["payment"].id, amount=value["amount"]) for value in values)


class RefundInput(Input):
    """What is to be given back, and how."""

    exactly_one_of = (("order", "order_reference", "payment"),)

    order = order_field(**OPTIONAL)
    order_reference = Text(longest=64, **OPTIONAL)
    payment = payment_field(**OPTIONAL)
    amount = Amount(**OPTIONAL)
    reason = Text(longest=200)
    channel = channel_field(**OPTIONAL)
    route = Choice([AUTO, *Route.values], **OPTIONAL)
    terminal = terminal_field(**OPTIONAL)
    bank_account = BankAccountInput(**OPTIONAL)
    allocation = Allocation(**OPTIONAL)
    exchange_for = order_field(**OPTIONAL)
    operator = Text(longest=100, **OPTIONAL)
    metadata = Metadata(**OPTIONAL)


class RefundsQuery(Paging):
    """Which refunds."""

    order = Text(longest=64, required=False)
    payment = Text(longest=64, required=False)
    status = Choice(RefundStatus.values, required=False)
    channel = Text(longest=64, required=False)
    route = Choice(Route.values, required=False)
    created_from = Instant(required=False)
    created_to = Instant(required=False)


class RefundView(ApiView):
    """What the addresses of refunds share."""

    scopes: ClassVar[dict[str, str]] = {"GET": "refunds:read", "POST": "refunds:write"}

    def rows(self) -> QuerySet[Refund]:
        """A tied key sees the refunds of what came back in its channel."""
        return self.own(queries.refunds(self.caller.merchant_id))

    def refund_request(self) -> RefundRequest:
        """What the body asks."""
        given = self.input(RefundInput)
        channel = self.channel(given.get("channel"))
        account = given.get("bank_account")
        return RefundRequest(
            order=self._order(given, channel),
            channel=channel,
            reason=given["reason"],
            payment=given.get("payment"),
            amount=given.get("amount"),
            route=given.get("route", AUTO),
            terminal_id=given.get("terminal"),
            bank_account=BankAccount(**account) if account else None,
            allocation=given.get("allocation"),
            exchange_for=given.get("exchange_for"),
            operator=given.get("operator", ""),
            metadata=given.get("metadata", {}),
        )

    def _order(self, given: dict[str, Any], channel: Channel) -> Order:
        if "payment" in given:
            order: Order = given["payment"].order
            return order
        if "order" in given:
            found: Order = given["order"]
            return found
        return order_to_refund(channel=channel, reference=given["order_reference"], amount=_amount(given))


def _amount(given: dict[str, Any]) -> int | None:
    """Return the requested amount; None for everything that is refundable."""
    allocation = given.get("allocation")
    listed = sum(share.amount for share in allocation) if isinstance(allocation, tuple) else None
    return given.get("amount", listed)


class Refunds(RefundView):
    """All refunds."""

    @described("list_refunds", "Refunds, newest first", {200: page_of(REFUND)}, query=RefundsQuery, tag="Refunds")
    def get(self, request: Request) -> HttpResponse:
        query = self.query(RefundsQuery)
        return self.page_of(self.own(queries.refunds(self.caller.merchant_id, query)), in_full, query)

    @described("create_refund", "Give money back", {201: REFUND}, body=RefundInput, tag="Refunds")
    def post(self, request: Request) -> HttpResponse:
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

    @described("plan_refund", "How it would go", {200: PLAN}, body=RefundInput, once=False, tag="Refunds")
    def post(self, request: Request) -> HttpResponse:
        self.query()
        return self.answer(_plan(plan_refund(self.refund_request())))


class OneRefund(RefundView):
    """One refund."""

    @described("get_refund", "One refund", {200: REFUND}, refusals=[404], tag="Refunds")
    def get(self, request: Request, refund_id: str) -> HttpResponse:
        self.query()
        return self.answer(in_full([self.one(self.rows(), id=refund_id)])[0])


class CancelRefund(RefundView):
    """Give up what has not left."""

    @described("cancel_refund", "Give it up", {200: REFUND}, body=Nothing, refusals=[404], tag="Refunds")
    def post(self, request: Request, refund_id: str) -> HttpResponse:
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

"""Payments: taken, captured, canceled, found."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework import serializers
from rest_framework.request import Request

from payments import payloads
from payments.api.fields import (
    OPTIONAL,
    Amount,
    Choice,
    Currency,
    Day,
    Flag,
    Instant,
    Metadata,
    StrictField,
    Text,
    Whole,
)
from payments.api.idempotency import Answer
from payments.api.inputs import Input, Nothing, Paging, Query, expandable
from payments.api.openapi import described
from payments.api.references import account_field, channel_field, namespace_field, order_field
from payments.api.schemas import PAYMENT, page_of
from payments.api.views import ApiView, must_speak_for
from payments.core.errors import Fault, ValidationFailed
from payments.core.money import Money
from payments.models import CardEvidence, Channel, Operation, Payment
from payments.models.payment import Method, Origin, PaymentStatus
from payments.queries import books
from payments.queries import payments as queries
from payments.services import submit
from payments.services.cancel import cancel_payment
from payments.services.capture import capture_payment
from payments.services.create import Acknowledgement, PaymentRequest, create_payment
from payments.services.idempotency import IdempotencyGuard
from payments.services.orders import OrderName

Shape = dict[str, Any]


class Rate(StrictField):
    """A percentage, as a number or its text."""

    schema = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 100}, {"type": "string", "maxLength": 8}]}
    default_error_messages = {"invalid_rate": 'Send a percentage from 0 to 100: 21, 5.5 or "21".'}

    def to_internal_value(self, data: Any) -> Any:
        try:
            number = float(data) if isinstance(data, str) and len(data) <= 8 else data
        except ValueError:
            self.fail("invalid_rate")
        if type(number) not in (int, float) or not 0 <= number <= 100:
            self.fail("invalid_rate")
        return data


class VatLineInput(Input):
    """What of a payment is taxed at one rate."""

    rate = Rate()
    net = Amount(least=0)
    tax = Amount(least=0)


class CustomerInput(Input):
    """Who buys, as far as known."""

    reference = Text(longest=64, **OPTIONAL)
    email = Text(longest=254, pattern=r"[^@\s]+@[^@\s]+\.[^@\s]+", form="name@example.com", **OPTIONAL)
    name = Text(longest=200, **OPTIONAL)


class AcknowledgementInput(Input):
    """Who charges beside a payment of unknown outcome, and why."""

    operator = Text(longest=100)
    reason = Text(longest=200)


class PaymentInput(Input):
    """What a webshop or till asks to be paid."""

    exactly_one_of = (("order_reference", "order"),)
    only_beside = (("namespace", "order_reference"),)

    order_reference = Text(longest=64, **OPTIONAL)
    namespace = namespace_field(**OPTIONAL)
    order = order_field(**OPTIONAL)
    amount = Amount()
    currency = Currency()
    method = Choice(Method.values, **OPTIONAL)
    capture = Choice(["automatic", "manual"], **OPTIONAL)
    channel = channel_field(**OPTIONAL)
    provider_account = account_field(**OPTIONAL)
    return_url = Text(longest=2000, pattern=r"[a-z][a-z0-9+.-]*://[^\s]+", form="https://…", **OPTIONAL)
    customer = CustomerInput(**OPTIONAL)
    description = Text(longest=500, **OPTIONAL)
    order_total = Amount(**OPTIONAL)
    vat = serializers.ListField(child=VatLineInput(), max_length=20, **OPTIONAL)
    received = Amount(**OPTIONAL)
    voucher_code = Text(longest=40, **OPTIONAL)
    acknowledge_unknown = AcknowledgementInput(**OPTIONAL)
    metadata = Metadata(**OPTIONAL)


class CaptureInput(Input):
    """How much to capture, and whether that was the last of it."""

    amount = Amount(**OPTIONAL)
    final = Flag(**OPTIONAL)


class ExpandQuery(Query):
    """What is to be shown along with a payment."""

    expand = expandable("operations", "refunds", "evidence", "journal_entries")


class PaymentsQuery(Paging, ExpandQuery):
    """What is known of the payments looked for."""

    status = Choice(PaymentStatus.values, required=False)
    channel = Text(longest=64, required=False)
    origin = Choice(Origin.values, required=False)
    method = Choice(Method.values, required=False)
    provider_account = Text(longest=64, required=False)
    order = Text(longest=64, required=False)
    order_reference = Text(longest=64, required=False)
    terminal = Text(longest=64, required=False)
    customer = Text(longest=64, required=False)
    card_last4 = Text(longest=4, pattern=r"\d{4}", form="four digits", required=False)
    receipt_number = Text(longest=40, required=False)
    created_from = Instant(required=False)
    created_to = Instant(required=False)
    business_day = Day(required=False)
    amount = Whole(least=1, required=False)


class PaymentView(ApiView):
    """What the addresses of payments share."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read", "POST": "payments:write"}

    def rows(self) -> QuerySet[Payment]:
        return queries.payments(self.caller.merchant_id)

    def current_answer(self, payment_id: str, status: int = 200) -> Answer:
        return Answer(status, payloads.payment(self.one(self.rows(), id=payment_id)))


class Payments(PaymentView):
    """All payments of a merchant."""

    @described("list_payments", "Payments, newest first", {200: page_of(PAYMENT)}, query=PaymentsQuery, tag="Payments")
    def get(self, request: Request) -> HttpResponse:
        query = self.query(PaymentsQuery)
        expand = query.get("expand", ())
        rows = queries.with_lists(queries.payments(self.caller.merchant_id, query), expand)
        return self.page_of(rows, lambda shown: _with_lists(shown, expand), query)

    @described("create_payment", "Take a payment", {201: PAYMENT}, body=PaymentInput, tag="Payments")
    def post(self, request: Request) -> HttpResponse:
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(PaymentInput)
        channel = self.channel(given.get("channel"))
        _refuse_strange_return(given.get("return_url"), channel)
        payment = create_payment(
            PaymentRequest(
                channel=channel,
                order=OrderName(
                    order_id=_id(given.get("order")),
                    reference=given.get("order_reference"),
                    namespace=given.get("namespace"),
                ),
                amount=Money(given["amount"], given["currency"]),
                method=given.get("method"),
                manual_capture=given.get("capture") == "manual",
                provider_account=given.get("provider_account"),
                return_url=given.get("return_url", ""),
                buyer=given.get("customer", {}),
                description=given.get("description", ""),
                order_total=given.get("order_total"),
                vat=tuple(given.get("vat", ())),
                received=given.get("received"),
                voucher_code=given.get("voucher_code"),
                acknowledge_unknown=_acknowledgement(given),
                metadata=given.get("metadata", {}),
            ),
            actor=self.caller.actor,
            guard=guard,
        )
        return Answer(201, payloads.payment(payment))

    def _resume(self, object_id: str) -> Answer:
        submit.resume(object_id, actor=self.caller.actor)
        return self.current_answer(object_id, 201)


class OnePayment(PaymentView):
    """One payment."""

    @described("get_payment", "One payment", {200: PAYMENT}, query=ExpandQuery, refusals=[404], tag="Payments")
    def get(self, request: Request, payment_id: str) -> HttpResponse:
        expand = self.query(ExpandQuery).get("expand", ())
        payment = self.one(queries.with_lists(self.rows(), expand), id=payment_id)
        return self.answer(_with_lists([payment], expand)[0])


class PaymentVerb(PaymentView):
    """An operation on a payment; the Idempotency-Key identifies the operation."""

    def target(self, payment_id: str) -> Payment:
        """Return the payment of the address.

        Raises:
            NotFound: there is none.
            Forbidden: the key may read it, but is tied to another channel.
        """
        payment = self.one(self.rows(), id=payment_id)
        must_speak_for(self.caller, payment.channel_id)
        return payment

    def _resume(self, object_id: str) -> Answer:
        submit.resume(object_id, actor=self.caller.actor)
        operation = Operation.objects.get(id=object_id, merchant_id=self.caller.merchant_id)
        return self.current_answer(operation.payment_id or "")


class Capture(PaymentVerb):
    """Take what was authorized."""

    @described("capture_payment", "Capture", {200: PAYMENT}, body=CaptureInput, refusals=[404], tag="Payments")
    def post(self, request: Request, payment_id: str) -> HttpResponse:
        def capture(guard: IdempotencyGuard) -> Answer:
            payment = self.target(payment_id)
            given = self.input(CaptureInput)
            amount, final = given.get("amount"), given.get("final", True)
            captured = capture_payment(payment, amount=amount, final=final, actor=self.caller.actor, guard=guard)
            return Answer(200, payloads.payment(captured))

        return self.once(capture, self._resume)


class Cancel(PaymentVerb):
    """Release what is not captured."""

    @described("cancel_payment", "Cancel", {200: PAYMENT}, body=Nothing, refusals=[404], tag="Payments")
    def post(self, request: Request, payment_id: str) -> HttpResponse:
        def cancel(guard: IdempotencyGuard) -> Answer:
            payment = self.target(payment_id)
            self.input(Nothing)
            return Answer(200, payloads.payment(cancel_payment(payment, actor=self.caller.actor, guard=guard)))

        return self.once(cancel, self._resume)


def _with_lists(rows: list[Payment], names: tuple[str, ...]) -> list[Shape]:
    """Payments with their expanded lists."""
    refunds = queries.refunds_of(row.id for row in rows) if "refunds" in names else {}
    test_mode = any(row.merchant.test_mode for row in rows)
    entries = books.entries_of(rows if "journal_entries" in names else [], test_mode=test_mode)
    made: dict[str, Callable[[Payment], list[Shape]]] = {
        "operations": lambda row: [payloads.operation(operation) for operation in row.operations.all()],
        "refunds": lambda row: [payloads.refund(refund) for refund in refunds[row.id]],
        "evidence": lambda row: [_evidence(transaction) for transaction in row.evidence.all()],
        "journal_entries": lambda row: entries[row.id],
    }
    return [payloads.payment(row) | {name: made[name](row) for name in names} for row in rows]


def _evidence(row: CardEvidence) -> Shape:
    """A transaction as the device posted it, with what we know it by."""
    return {
        **row.posted,
        "id": row.id,
        "object": row.OBJECT,
        "terminal": row.terminal_id,
        "series": row.series,
        "created_at": payloads.instant(row.created_at),
        "test_mode": row.merchant.test_mode,
    }


def _acknowledgement(given: dict[str, Any]) -> Acknowledgement | None:
    return Acknowledgement(**given["acknowledge_unknown"]) if "acknowledge_unknown" in given else None


def _refuse_strange_return(return_url: str | None, channel: Channel) -> None:
    """A customer returns to a web page, or to an app whose scheme the channel names.

    Raises:
        ValidationFailed: any other address.
    """
    scheme = (return_url or "https").partition("://")[0]
    if scheme not in ("https", "http", *channel.return_schemes):
        detail = f"Send an https address, or add {scheme} to the channel's return_schemes."
        raise ValidationFailed([Fault("return_url", "invalid_format", detail)])


def _id(row: Any) -> str | None:
    return None if row is None else row.id

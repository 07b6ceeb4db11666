"""Payments: taken, captured, canceled, found."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from django.db.models import QuerySet
from django.http import HttpResponse
from msgspec import Meta
from rest_framework.request import Request

from payments import payloads
from payments.api.idempotency import Answer
from payments.api.inputs import Nothing, Paging, Query
from payments.api.openapi import described
from payments.api.references import Namespace
from payments.api.schemas import PAYMENT, page_of
from payments.api.views import ApiView, must_speak_for
from payments.core.errors import Fault, ValidationFailed
from payments.core.input_faults import FAULT
from payments.core.input_types import (
    END,
    Amount,
    AmountOrZero,
    Currency,
    Day,
    Email,
    Instant,
    Metadata,
    chosen,
    number_of_query,
    some_of,
    text,
    text_of,
)
from payments.core.inputs import Beside, Input, OneOf
from payments.core.money import Money
from payments.models import CardEvidence, Channel, Operation, Order, Payment, ProviderAccount
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


Expand = Annotated[str, some_of(["operations", "refunds", "evidence", "journal_entries"])]
Rate = Annotated[
    Annotated[int, Meta(ge=0, le=100)]
    | Annotated[float, Meta(ge=0, le=100)]
    | Annotated[str, Meta(max_length=8, pattern=rf"^(?:100(?:\.0*)?|[0-9]{{1,2}}(?:\.[0-9]*)?){END}")],
    Meta(extra={FAULT: ("invalid_rate", 'Send a percentage from 0 to 100: 21, 5.5 or "21".')}),
]


class VatLineInput(Input):
    """What of a payment is taxed at one rate."""

    rate: Rate
    net: AmountOrZero
    tax: AmountOrZero


class CustomerInput(Input):
    """Who buys, as far as known."""

    reference: Annotated[str, text(64)] | None = None
    email: Email | None = None
    name: Annotated[str, text(200)] | None = None


class AcknowledgementInput(Input):
    """Who charges beside a payment of unknown outcome, and why."""

    operator: Annotated[str, text(100)]
    reason: Annotated[str, text(200)]


class PaymentInput(Input, kw_only=True):
    """What a webshop or till asks to be paid."""

    rules = (OneOf(("order_reference", "order")), Beside("namespace", "order_reference"))

    order_reference: Annotated[str, text(64)] | None = None
    namespace: Namespace | None = None
    order: Order | None = None
    amount: Amount
    currency: Currency
    method: Method | None = None
    capture: Literal["automatic", "manual"] | None = None
    channel: Channel | None = None
    provider_account: ProviderAccount | None = None
    return_url: Annotated[str, text_of(r"[a-z][a-z0-9+.-]*://[^\s]+", longest=2000, form="https://…")] | None = None
    customer: CustomerInput | None = None
    description: Annotated[str, text(500)] | None = None
    order_total: Amount | None = None
    invoice_reference: Annotated[str, text(64)] | None = None
    vat: Annotated[list[VatLineInput], Meta(max_length=20)] | None = None
    received: Amount | None = None
    voucher_code: Annotated[str, text(40)] | None = None
    acknowledge_unknown: AcknowledgementInput | None = None
    metadata: Metadata | None = None


class CaptureInput(Input):
    """How much to capture, and whether that was the last of it."""

    amount: Amount | None = None
    final: bool | None = None


class ExpandQuery(Query):
    """What is to be shown along with a payment."""

    expand: Expand | None = None


class PaymentsQuery(Paging):
    """What is known of the payments looked for."""

    expand: Expand | None = None
    status: PaymentStatus | None = None
    channel: Annotated[str, text(64)] | None = None
    origin: Origin | None = None
    method: Method | None = None
    provider_account: Annotated[str, text(64)] | None = None
    order: Annotated[str, text(64)] | None = None
    order_reference: Annotated[str, text(64)] | None = None
    terminal: Annotated[str, text(64)] | None = None
    customer: Annotated[str, text(64)] | None = None
    card_last4: Annotated[str, text_of(r"[0-9]{4}", longest=4, form="four digits")] | None = None
    receipt_number: Annotated[str, text(40)] | None = None
    created_from: Instant | None = None
    created_to: Instant | None = None
    business_day: Day | None = None
    amount: Annotated[int, number_of_query(least=1)] | None = None


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
        expand = chosen(query.expand)
        rows = queries.with_lists(queries.payments(self.caller.merchant_id, query.given()), expand)
        return self.page_of(rows, lambda shown: _with_lists(shown, expand), query)

    @described("create_payment", "Take a payment", {201: PAYMENT}, body=PaymentInput, tag="Payments")
    def post(self, request: Request) -> HttpResponse:
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(PaymentInput)
        channel = self.channel(given.channel)
        _refuse_strange_return(given.return_url, channel)
        payment = create_payment(
            PaymentRequest(
                channel=channel,
                order=OrderName(
                    order_id=given.order.id if given.order else None,
                    reference=given.order_reference,
                    namespace=given.namespace.name if given.namespace else None,
                ),
                amount=Money(given.amount, given.currency),
                method=given.method,
                manual_capture=given.capture == "manual",
                provider_account=given.provider_account,
                return_url=given.return_url or "",
                buyer=given.customer.given() if given.customer else {},
                description=given.description or "",
                order_total=given.order_total,
                invoice_reference=given.invoice_reference,
                vat=tuple(line.given() for line in given.vat or ()),
                received=given.received,
                voucher_code=given.voucher_code,
                acknowledge_unknown=_acknowledgement(given.acknowledge_unknown),
                metadata=given.metadata or {},
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
        expand = chosen(self.query(ExpandQuery).expand)
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
            final = given.final is not False
            captured = capture_payment(payment, amount=given.amount, final=final, actor=self.caller.actor, guard=guard)
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


def _acknowledgement(given: AcknowledgementInput | None) -> Acknowledgement | None:
    return Acknowledgement(operator=given.operator, reason=given.reason) if given else None


def _refuse_strange_return(return_url: str | None, channel: Channel) -> None:
    """A customer returns to a web page, or to an app whose scheme the channel names.

    Raises:
        ValidationFailed: any other address.
    """
    scheme = (return_url or "https").partition("://")[0]
    if scheme not in ("https", "http", *channel.return_schemes):
        detail = f"Send an https address, or add {scheme} to the channel's return_schemes."
        raise ValidationFailed([Fault("return_url", "invalid_format", detail)])

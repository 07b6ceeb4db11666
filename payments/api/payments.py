"""Payments: taken, captured, canceled, found."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.idempotency import Answer
from payments.api.inputs import Nothing
from payments.api.openapi import described
from payments.api.payment_inputs import (
    AcknowledgementInput,
    CaptureInput,
    ExpandQuery,
    PaymentInput,
    PaymentsQuery,
)
from payments.api.schemas import PAYMENT, page_of
from payments.api.views import ApiView, must_speak_for
from payments.core.errors import Conflict, Fault, ValidationFailed
from payments.core.input_types import (
    chosen,
)
from payments.core.money import Money
from payments.models import CardEvidence, Channel, Operation, Payment
from payments.queries import books
from payments.queries import payments as queries
from payments.services import submit
from payments.services.cancel import cancel_payment
from payments.services.capture import capture_payment
from payments.services.create import Acknowledgement, PaymentRequest, create_payment
from payments.services.idempotency import IdempotencyGuard
from payments.services.orders import OrderName

Shape = dict[str, Any]


class PaymentView(ApiView):
    """What the addresses of payments share."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read", "POST": "payments:write"}

    def rows(self) -> QuerySet[Payment]:
        return queries.payments(self.caller.merchant_id)

    def current_answer(self, payment_id: str, status: int = 200) -> Answer:
        return Answer(status, payloads.payment(self.one(self.rows(), id=payment_id)))


class Payments(PaymentView):
    """All payments of a merchant."""

    @described(
        "list_payments",
        "Payments, newest first",
        {200: page_of(PAYMENT)},
        query=PaymentsQuery,
        refusals=[409],
        tag="Payments",
    )
    def get(self, request: Request) -> HttpResponse:
        """List payments that match every filter, newest first."""
        query = self.query(PaymentsQuery)
        if query.same_card_as is not None and not self.merchant.tie_cards:
            raise Conflict("cards_not_tied", "Set tie_cards of the merchant first, if its privacy statement allows it.")
        expand = chosen(query.expand)
        rows = queries.with_lists(queries.payments(self.caller.merchant_id, query.given()), expand)
        return self.page_of(rows, lambda shown: _with_lists(shown, expand), query)

    @described("create_payment", "Take a payment", {201: PAYMENT}, body=PaymentInput, tag="Payments")
    def post(self, request: Request) -> HttpResponse:
        """Take one payment towards an order, or begin one: where `next_action` is not null, send the customer to
        its `url` and learn the outcome by webhook or `GET /v1/payments/{id}`. A decline is a 201 with `status:
        "declined"`. Before another method is tried on the same order, cancel the payment that still waits for its
        customer: it could be paid after all.
        """
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
        """Return one payment as it stands now."""
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

    @described(
        "capture_payment",
        "Capture what was authorized",
        {200: PAYMENT},
        body=CaptureInput,
        refusals=[404],
        tag="Payments",
    )
    def post(self, request: Request, payment_id: str) -> HttpResponse:
        """Take what `capture: "manual"` only authorized. A capture is final unless `final` is false: the rest is
        released to the customer.
        """

        def capture(guard: IdempotencyGuard) -> Answer:
            payment = self.target(payment_id)
            given = self.input(CaptureInput)
            final = given.final is not False
            captured = capture_payment(payment, amount=given.amount, final=final, actor=self.caller.actor, guard=guard)
            return Answer(200, payloads.payment(captured))

        return self.once(capture, self._resume)


class Cancel(PaymentVerb):
    """Release what is not captured."""

    @described(
        "cancel_payment", "Release what is not captured", {200: PAYMENT}, body=Nothing, refusals=[404], tag="Payments"
    )
    def post(self, request: Request, payment_id: str) -> HttpResponse:
        """Release what is not captured; what was captured is given back by `POST /v1/refunds`."""

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

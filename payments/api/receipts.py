"""Receipts by e-mail, of payments and of refunds."""

from typing import Literal

from django.http import HttpResponse
from rest_framework.request import Request

from payments.api.idempotency import Answer
from payments.api.openapi import described
from payments.api.payments import PaymentView
from payments.api.refunds import RefundView, in_full
from payments.api.schemas import PAYMENT, REFUND
from payments.core.input_types import Email
from payments.core.inputs import Input
from payments.services.idempotency import IdempotencyGuard
from payments.services.send_receipt import send_receipt


class ReceiptInput(Input):
    """To whom, if not to the customer's own address, and in which language."""

    to: Email | None = None
    """E-mail address for the receipt; the customer's own when left out."""
    language: Literal["nl", "en"] | None = None
    """Language of the receipt; the merchant's own when left out."""


class PaymentReceipt(PaymentView):
    """The receipt of a payment; any counter may send it."""

    @described(
        "send_payment_receipt",
        "Send a receipt by e-mail",
        {202: PAYMENT},
        body=ReceiptInput,
        refusals=[404, 429],
        tag="Payments",
    )
    def post(self, request: Request, payment_id: str) -> HttpResponse:
        """Send the receipt of a payment by e-mail, from any counter."""

        def send(guard: IdempotencyGuard) -> Answer:
            payment = self.one(self.rows(), id=payment_id)
            given = self.input(ReceiptInput)
            send_receipt(payment, to=given.to, language=given.language, actor=self.caller.actor, guard=guard)
            return self.current_answer(payment.id, 202)

        return self.once(send, lambda at: self.current_answer(at, 202))


class RefundReceipt(RefundView):
    """The receipt of a refund."""

    @described(
        "send_refund_receipt",
        "Send a receipt by e-mail",
        {202: REFUND},
        body=ReceiptInput,
        refusals=[404, 429],
        tag="Refunds",
    )
    def post(self, request: Request, refund_id: str) -> HttpResponse:
        """Send the receipt of a refund by e-mail."""

        def send(guard: IdempotencyGuard) -> Answer:
            refund = self.one(self.rows(), id=refund_id)
            given = self.input(ReceiptInput)
            send_receipt(refund, to=given.to, language=given.language, actor=self.caller.actor, guard=guard)
            return self._current_refund(refund.id)

        return self.once(send, self._current_refund)

    def _current_refund(self, refund_id: str) -> Answer:
        return Answer(202, in_full([self.one(self.rows(), id=refund_id)])[0])

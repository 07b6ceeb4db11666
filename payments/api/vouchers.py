"""Vouchers: made, and looked up by their code."""

from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.fields import OPTIONAL, Amount, Choice, Currency, Instant
from payments.api.idempotency import Answer
from payments.api.inputs import Input
from payments.api.openapi import described
from payments.api.references import channel_field, order_field
from payments.api.schemas import VOUCHER
from payments.api.views import ApiView
from payments.core.errors import NotFound, TooMany
from payments.core.money import Money
from payments.models import Voucher
from payments.runtime import throttling
from payments.services import voucher as service
from payments.services.idempotency import IdempotencyGuard
from payments.services.voucher import VoucherRequest


class VoucherInput(Input):
    """What a new voucher is worth."""

    amount = Amount()
    currency = Currency()
    channel = channel_field(**OPTIONAL)
    expires_at = Instant(**OPTIONAL)
    purpose = Choice(Voucher.Purpose.values)
    order = order_field(**OPTIONAL)


class Vouchers(ApiView):
    """Where vouchers are made."""

    scopes: ClassVar[dict[str, str]] = {"POST": "vouchers:write"}

    @described("create_voucher", "Make a voucher", {201: VOUCHER}, body=VoucherInput, tag="Vouchers")
    def post(self, request: Request) -> HttpResponse:
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(VoucherInput)
        made = service.create_voucher(
            VoucherRequest(
                merchant=self.merchant,
                amount=Money(given["amount"], given["currency"]),
                channel=self.channel_if_any(given.get("channel")),
                order=given.get("order"),
                purpose=given["purpose"],
                expires_at=given.get("expires_at"),
            ),
            actor=self.caller.actor,
            guard=guard,
        )
        return Answer(201, payloads.voucher(made.voucher, code=made.code), kept=payloads.voucher(made.voucher))

    def _resume(self, object_id: str) -> Answer:
        return Answer(201, payloads.voucher(self.one(Voucher.objects.select_related("merchant"), id=object_id)))


class OneVoucher(ApiView):
    """One voucher by its code, which is valid in every channel of its merchant."""

    scopes: ClassVar[dict[str, str]] = {"GET": "vouchers:read"}

    @described("get_voucher", "One voucher by its code", {200: VOUCHER}, refusals=[404, 429], tag="Vouchers")
    def get(self, request: Request, code: str) -> HttpResponse:
        self.query()
        try:
            found = service.find(merchant=self.merchant, code=code)
        except NotFound:
            self._slow_down()
            raise
        return self.answer(payloads.voucher(found, code=code))

    def _slow_down(self) -> None:
        """Throttle callers that try many unknown codes: they are guessing."""
        seconds = throttling.record_failure("voucher", self.caller.key_id)
        if seconds is not None:
            raise TooMany(
                "too_many_requests", "Too many wrong codes. Wait for Retry-After seconds.", retry_after=seconds
            )

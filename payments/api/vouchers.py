"""Vouchers: made, and looked up by their code."""

from typing import ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.idempotency import Answer
from payments.api.inputs import Nothing
from payments.api.openapi import described
from payments.api.schemas import (
    CURRENCY,
    FLAG,
    INSTANT,
    MINOR_UNITS,
    TEXT,
    define,
    identifier,
    maybe,
    record,
    word,
    words,
)
from payments.api.views import ApiView
from payments.core.errors import NotFound, TooMany
from payments.core.input_types import Amount, Currency, Instant
from payments.core.inputs import Input
from payments.core.money import Money
from payments.models import Channel, Order, Voucher
from payments.runtime import throttling
from payments.services import voucher as service
from payments.services.cancel_voucher import cancel_voucher
from payments.services.idempotency import IdempotencyGuard
from payments.services.voucher import VoucherRequest

VOUCHER = define(
    "Voucher",
    record(
        id=identifier("vch"),
        object=word("voucher"),
        code=maybe(TEXT),
        amount=MINOR_UNITS,
        balance=MINOR_UNITS,
        currency=CURRENCY,
        status=words(Voucher.Status.values),
        purpose=words(Voucher.Purpose.values),
        expires_at=maybe(INSTANT),
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


class VoucherInput(Input, kw_only=True):
    """What a new voucher is worth."""

    amount: Amount
    """What the voucher is worth, in minor units."""
    currency: Currency
    """Currency in which it can be spent."""
    channel: Channel | None = None
    """Id of the channel that issues it; the key's own, or the merchant as a whole, when left out."""
    expires_at: Instant | None = None
    """Time from which it cannot be spent; it never expires when left out."""
    purpose: Voucher.Purpose
    """For VAT: `multi` is taxed when it is spent, `single` (one known rate and country) when it is sold."""
    order: Order | None = None
    """Id of the order in which it is sold; without one it is given away, at the cost of promotions."""


class Vouchers(ApiView):
    """Where vouchers are made."""

    scopes: ClassVar[dict[str, str]] = {"POST": "vouchers:write"}

    @described("create_voucher", "Make a voucher", {201: VOUCHER}, body=VoucherInput, tag="Vouchers")
    def post(self, request: Request) -> HttpResponse:
        """Make a voucher and show its code, this once: a repeated request answers `code: null`. With `order` it is
        sold there, else it is given away.
        """
        return self.once(self._create, self._resume)

    def _create(self, guard: IdempotencyGuard) -> Answer:
        given = self.input(VoucherInput)
        made = service.create_voucher(
            VoucherRequest(
                merchant=self.merchant,
                amount=Money(given.amount, given.currency),
                channel=self.channel_if_any(given.channel),
                order=given.order,
                purpose=given.purpose,
                expires_at=given.expires_at,
            ),
            actor=self.caller.actor,
            guard=guard,
        )
        return Answer(201, payloads.voucher(made.voucher, code=made.code), kept=payloads.voucher(made.voucher))

    def _resume(self, object_id: str) -> Answer:
        return Answer(201, payloads.voucher(self.one(Voucher.objects.select_related("merchant"), id=object_id)))


class CancelVoucher(ApiView):
    """Take a voucher back that nobody has used."""

    scopes: ClassVar[dict[str, str]] = {"POST": "vouchers:write"}

    @described("cancel_voucher", "Cancel a voucher", {200: VOUCHER}, body=Nothing, refusals=[404], tag="Vouchers")
    def post(self, request: Request, voucher_id: str) -> HttpResponse:
        """Cancel a voucher that nobody has used, as where its code was lost with the answer; a repeated request tells
        its id. What it was sold for can be given back, or sold as another voucher.
        """

        def cancel(guard: IdempotencyGuard) -> Answer:
            row = self.one(self._rows(), id=voucher_id)
            self.input(Nothing)
            return Answer(200, payloads.voucher(cancel_voucher(row, actor=self.caller.actor, guard=guard)))

        return self.once(cancel, self._resume)

    def _rows(self) -> QuerySet[Voucher]:
        return self.own(Voucher.objects.select_related("merchant"))

    def _resume(self, object_id: str) -> Answer:
        return Answer(200, payloads.voucher(self.one(self._rows(), id=object_id)))


class OneVoucher(ApiView):
    """One voucher by its code, which is valid in every channel of its merchant."""

    scopes: ClassVar[dict[str, str]] = {"GET": "vouchers:read"}

    @described("get_voucher", "One voucher by its code", {200: VOUCHER}, refusals=[404, 429], tag="Vouchers")
    def get(self, request: Request, code: str) -> HttpResponse:
        """Return a voucher by its code, with its balance; guessing codes is throttled."""
        self.no_query()
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

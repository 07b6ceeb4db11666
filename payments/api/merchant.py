"""The merchant's own settings: the rules by which its money is given back."""

from typing import Any, ClassVar

from django.http import HttpResponse
from rest_framework.request import Request

from payments import payloads
from payments.api.approvals import REQUIRES_APPROVAL, waiting
from payments.api.fields import OPTIONAL, Amount, Choice, StrictField
from payments.api.inputs import Input
from payments.api.openapi import described
from payments.api.schemas import (
    CURRENCY,
    FLAG,
    INSTANT,
    MINOR_UNITS,
    TEXT,
    WHOLE,
    define,
    identifier,
    maybe,
    record,
    word,
    words,
)
from payments.api.views import ApiView
from payments.models import Merchant
from payments.services import update_setup

MERCHANT = define(
    "Merchant",
    record(
        id=identifier("mer"),
        object=word("merchant"),
        name=TEXT,
        country=TEXT,
        currency=CURRENCY,
        timezone=TEXT,
        refund_fallback=words(Merchant.RefundFallback.values),
        second_person_above=maybe(MINOR_UNITS),
        second_person_above_daily=maybe(MINOR_UNITS),
        allocation=words(Merchant.Allocation.values),
        cash_rounding=WHOLE,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


class CashRounding(StrictField):
    """0: cash is taken and given to the cent; 5: to five of them."""

    schema = {"type": "integer", "enum": [0, 5]}
    default_error_messages = {"invalid_choice": "Send 0 (no rounding) or 5 (to five cents)."}

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int or data not in (0, 5):
            self.fail("invalid_choice")
        return data or 1


class MerchantChangeInput(Input):
    """What changes of the rules. A limit of null is none."""

    nullable = ("second_person_above", "second_person_above_daily")

    refund_fallback = Choice(Merchant.RefundFallback.values, **OPTIONAL)
    second_person_above = Amount(least=0, **OPTIONAL)
    second_person_above_daily = Amount(least=0, **OPTIONAL)
    allocation = Choice(Merchant.Allocation.values, **OPTIONAL)
    cash_rounding = CashRounding(**OPTIONAL)


class OneMerchant(ApiView):
    """The key's merchant."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read", "PATCH": "accounts:write"}

    @described("get_merchant", "The merchant's settings", {200: MERCHANT}, tag="Merchant")
    def get(self, request: Request) -> HttpResponse:
        self.query()
        return self.answer(payloads.merchant(self.merchant))

    @described(
        "change_merchant",
        "Change the merchant's settings",
        {200: MERCHANT, 202: REQUIRES_APPROVAL},
        body=MerchantChangeInput,
        refusals=[409],
        once=False,
        tag="Merchant",
    )
    def patch(self, request: Request) -> HttpResponse:
        self.query()
        changes = self.input(MerchantChangeInput)
        approval = update_setup.amend_merchant(self.merchant, changes=changes, actor=self.caller)
        if approval is not None:
            return self.answer(waiting(approval), 202)
        return self.answer(payloads.merchant(self.merchant))

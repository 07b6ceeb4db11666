"""The merchant's own settings: the rules by which its money is given back."""

from typing import Annotated, Any, ClassVar, Literal

from django.http import HttpResponse
from msgspec import UNSET, Meta, UnsetType
from rest_framework.request import Request

from payments import payloads
from payments.api.approvals import REQUIRES_APPROVAL, waiting
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
from payments.core.input_faults import FAULT
from payments.core.input_types import AmountOrZero, minor_units
from payments.core.inputs import Input
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
        close_threshold=MINOR_UNITS,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


CashRounding = Annotated[
    Literal[0, 5], Meta(extra={FAULT: ("invalid_choice", "Send 0 (no rounding) or 5 (to five cents).")})
]
Limit = Annotated[int, minor_units(least=0)]


class MerchantChangeInput(Input):
    """What changes of the rules. A limit of null is none."""

    refund_fallback: Merchant.RefundFallback | None = None
    second_person_above: Limit | UnsetType | None = UNSET
    second_person_above_daily: Limit | UnsetType | None = UNSET
    allocation: Merchant.Allocation | None = None
    cash_rounding: CashRounding | None = None
    close_threshold: AmountOrZero | None = None

    def changes(self) -> dict[str, Any]:
        """What changes, as it is kept: cash that is not rounded is rounded to one cent."""
        given = self.given()
        return given | {"cash_rounding": given["cash_rounding"] or 1} if "cash_rounding" in given else given


class OneMerchant(ApiView):
    """The key's merchant."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read", "PATCH": "accounts:write"}

    @described("get_merchant", "The merchant's settings", {200: MERCHANT}, tag="Merchant")
    def get(self, request: Request) -> HttpResponse:
        self.no_query()
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
        self.no_query()
        changes = self.input(MerchantChangeInput).changes()
        approval = update_setup.amend_merchant(self.merchant, changes=changes, actor=self.caller)
        if approval is not None:
            return self.answer(waiting(approval), 202)
        return self.answer(payloads.merchant(self.merchant))

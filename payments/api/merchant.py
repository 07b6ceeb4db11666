"""The merchant's own settings: how it is called in its books, and the rules by which its money is given back."""

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
from payments.core.input_types import AmountOrZero, minor_units, text, text_of, whole_number
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
        vat_number=maybe(TEXT),
        registration_number=maybe(TEXT),
        fiscal_year_start=WHOLE,
        refund_fallback=words(Merchant.RefundFallback.values),
        second_person_above=maybe(MINOR_UNITS),
        second_person_above_daily=maybe(MINOR_UNITS),
        allocation=words(Merchant.Allocation.values),
        cash_rounding=WHOLE,
        close_threshold=MINOR_UNITS,
        tie_cards=FLAG,
        created_at=INSTANT,
        test_mode=FLAG,
    ),
)


CashRounding = Annotated[
    Literal[0, 5], Meta(extra={FAULT: ("invalid_choice", "Send 0 (no rounding) or 5 (to five cents).")})
]
Limit = Annotated[int, minor_units(least=0)]
OfficialNumber = Annotated[str, text_of(r"[A-Za-z0-9][A-Za-z0-9 .-]*", longest=20, form="letters and digits")]


class MerchantChangeInput(Input):
    """What changes of the rules. A limit or an official number of null is none."""

    name: Annotated[str, text(200)] | None = None
    """Name of the business, as receipts and exports show it."""
    vat_number: OfficialNumber | UnsetType | None = UNSET
    """VAT number, as `NL123456789B01`; null removes it."""
    registration_number: OfficialNumber | UnsetType | None = UNSET
    """Number in the trade register; null removes it."""
    fiscal_year_start: Annotated[int, whole_number(1, 12)] | None = None
    """Month in which the fiscal year begins, 1 for January."""
    refund_fallback: Merchant.RefundFallback | None = None
    """What a refund may use when no route to the customer's money is left: `none` or `voucher`."""
    second_person_above: Limit | UnsetType | None = UNSET
    """Minor units above which one refund waits for a second person; null for no limit."""
    second_person_above_daily: Limit | UnsetType | None = UNSET
    """Minor units a day above which a person's refunds wait for a second person; null for no limit."""
    allocation: Merchant.Allocation | None = None
    """Which payments of an order are given back first when a refund does not say it."""
    cash_rounding: CashRounding | None = None
    """5 rounds cash to five cents, 0 leaves it as it is."""
    close_threshold: AmountOrZero | None = None
    """Minor units of differences up to which a day may be closed."""
    tie_cards: bool | None = None
    """Whether payments by one card are shown together (`same_card`); off unless somebody decides it."""

    def changes(self) -> dict[str, Any]:
        """What changes, as it is kept: cash that is not rounded is rounded to one cent, no number is empty."""
        given = self.given()
        given |= {name: given[name] or "" for name in ("vat_number", "registration_number") if name in given}
        return given | {"cash_rounding": given["cash_rounding"] or 1} if "cash_rounding" in given else given


class OneMerchant(ApiView):
    """The key's merchant."""

    scopes: ClassVar[dict[str, str]] = {"GET": "payments:read", "PATCH": "accounts:write"}

    @described("get_merchant", "The merchant's settings", {200: MERCHANT}, tag="Merchant")
    def get(self, request: Request) -> HttpResponse:
        """Return the merchant's own settings and the rules by which money is given back."""
        self.no_query()
        return self.answer(_shape(self.merchant))

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
        """Change the members that are sent and leave the others. Rules about money wait for a second person at a
        live merchant: 202 with the approval.
        """
        self.no_query()
        changes = self.input(MerchantChangeInput).changes()
        approval = update_setup.amend_merchant(self.merchant, changes=changes, actor=self.caller)
        if approval is not None:
            return self.answer(waiting(approval), 202)
        return self.answer(_shape(self.merchant))


def _shape(row: Merchant) -> dict[str, Any]:
    """The rules by which a merchant's money is given back."""
    return {
        "id": row.id,
        "object": row.OBJECT,
        "name": row.name,
        "country": row.country,
        "currency": row.currency,
        "timezone": row.timezone,
        "vat_number": row.vat_number or None,
        "registration_number": row.registration_number or None,
        "fiscal_year_start": row.fiscal_year_start,
        "refund_fallback": row.refund_fallback,
        "second_person_above": row.second_person_above,
        "second_person_above_daily": row.second_person_above_daily,
        "allocation": row.allocation,
        "cash_rounding": 0 if row.cash_rounding == 1 else row.cash_rounding,
        "close_threshold": row.close_threshold,
        "tie_cards": row.tie_cards,
        "created_at": payloads.instant(row.created_at),
        "test_mode": row.test_mode,
    }

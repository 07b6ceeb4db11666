"""Vouchers outstanding: what the shop owes to the holders of its codes, on one page."""

from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.access import can, person, whole_merchants
from payments.admin.base.forms import OfMerchantForm
from payments.admin.base.page import Section
from payments.people.permissions import May
from payments.queries.voucher_liability import Liability, liabilities

AGES: Final[dict[str, Any]] = {
    "quarter": gettext_lazy("up to three months old"),
    "year": gettext_lazy("up to a year old"),
    "two_years": gettext_lazy("up to two years old"),
    "older": gettext_lazy("older"),
}


def page(request: HttpRequest) -> HttpResponse:
    """What is owed, by the age of the vouchers, and what became of those that nobody came for."""
    if not can(request, May.SEE_BOOKS):
        raise PermissionDenied
    own = list(whole_merchants(person(request), May.SEE_BOOKS).order_by("-mode", "name"))
    first = {"merchant": own[0].id} if own else {}
    form = OfMerchantForm({**first, **request.GET.dict()}, own)
    found: list[Section] = []
    if own and form.is_valid():
        merchant = next(row for row in own if row.id == form.cleaned_data["merchant"])
        found = [_section(row) for row in liabilities(merchant, timezone.now())]
    shown = {
        "title": _("Vouchers outstanding"),
        "form": form,
        "sections": found,
        "empty": _("No voucher was issued yet."),
    }
    return TemplateResponse(request, "payments/admin/figures.html", {**admin.site.each_context(request), **shown})


def _section(found: Liability) -> Section:
    def money(amount: int) -> Any:
        return render.money(amount, found.currency)

    return Section(
        id=f"liability-{found.currency}",
        title=found.currency,
        columns=[_("vouchers"), _("number"), _("still to be spent")],
        rows=[
            *[[AGES[row.age], row.count, money(row.amount)] for row in found.ages],
            [_("of which expiring within 90 days"), found.ends_soon.count, money(found.ends_soon.amount)],
            [_("liability in the books"), "", money(found.booked)],
            [_("expired unspent (breakage)"), "", money(found.breakage)],
        ],
        totals=[_("all"), sum(row.count for row in found.ages), money(found.amount)],
    )

"""Why things came back: a page of figures by the merchant's reasons."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from payments.admin.base import render
from payments.admin.base.access import can, merchants, person
from payments.admin.base.page import Section
from payments.admin.finance.sales import Period
from payments.models import Merchant, RefundReason
from payments.people.permissions import May, within
from payments.queries import return_reasons


class ReasonPeriod(Period):
    """Which days of whose returns."""

    by: Any = None


def page(request: HttpRequest) -> HttpResponse:
    """Refunds of some days by their reason."""
    if not can(request, May.SEE):
        raise PermissionDenied
    own = list(merchants(person(request)).order_by("-mode", "name"))
    form = ReasonPeriod({**_usual(own), **request.GET.dict()}, own)
    found = _figures(request, form.cleaned_data, own) if own and form.is_valid() else []
    empty = _("Nothing came back in these days. Reasons are set on the merchant's page.")
    shown = {"title": _("Reasons of returns"), "form": form, "sections": found, "empty": empty}
    return TemplateResponse(request, "payments/admin/figures.html", {**admin.site.each_context(request), **shown})


def _usual(own: Sequence[Merchant]) -> dict[str, str]:
    """The last thirty days of the first merchant."""
    if not own:
        return {}
    today = own[0].business_day(timezone.now())
    return {"merchant": own[0].id, "first": (today - timedelta(days=29)).isoformat(), "last": today.isoformat()}


def _figures(request: HttpRequest, given: dict[str, Any], own: Sequence[Merchant]) -> list[Section]:
    merchant = next(row for row in own if row.id == given["merchant"])
    here = within(person(request), May.SEE)
    rows = return_reasons.figures(merchant, first=given["first"], last=given["last"], within=here)
    called = {row.code: str(row) for row in RefundReason.objects.filter(merchant=merchant)}
    if not rows:
        return []
    return [
        Section(
            id="reasons",
            title=merchant.name,
            columns=[_("reason"), _("refunds"), _("amount")],
            rows=[
                [called.get(row.code) or _("in other words"), row.count, render.money(row.amount, row.currency)]
                for row in rows
            ],
        )
    ]

"""Reports: one measure of the statistics by one or two dimensions, beside another period."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import statistics
from payments.admin.base.access import can, merchants, person
from payments.admin.base.page import Section
from payments.admin.finance.report_tables import DIMENSIONS, MEASURES, Layout, groups, table
from payments.admin.finance.sales import Period
from payments.models import Channel, Merchant
from payments.people.models import User
from payments.people.permissions import May, within

# A year has more days than a page has room beside each other.
COLUMNS: Final[tuple[tuple[str, Any], ...]] = (("", "—"), *(row for row in DIMENSIONS if row[0] != "business_day"))
COMPARE: Final = (
    ("", "—"),
    ("previous", gettext_lazy("the period before")),
    ("year", gettext_lazy("a year earlier")),
)


class ReportForm(Period):
    """What is counted, by what, of which days, and beside which."""

    by: Any = None
    measure = forms.ChoiceField(
        label=gettext_lazy("figure"), choices=[(name, label) for name, (label, _made) in MEASURES.items()]
    )
    rows = forms.ChoiceField(label=gettext_lazy("rows"), choices=DIMENSIONS)
    columns = forms.ChoiceField(label=gettext_lazy("columns"), choices=COLUMNS, required=False)
    compare = forms.ChoiceField(label=gettext_lazy("compare with"), choices=COMPARE, required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if given.get("rows") and given.get("rows") == given.get("columns"):
            self.add_error("columns", _("Choose something else than the rows."))
        return given


def page(request: HttpRequest) -> HttpResponse:
    """The report that was asked for, or sales by channel of the last thirty days."""
    if not can(request, May.SEE):
        raise PermissionDenied
    user = person(request)
    own = list(merchants(user).order_by("-mode", "name"))
    form = ReportForm({**_usual(own), **request.GET.dict()}, own)
    found = _tables(user, form.cleaned_data, own) if own and form.is_valid() else []
    shown = {"title": _("Reports"), "form": form, "sections": found, "empty": _("Nothing was sold in this period.")}
    return TemplateResponse(request, "payments/admin/figures.html", {**admin.site.each_context(request), **shown})


def _usual(own: Sequence[Merchant]) -> dict[str, str]:
    if not own:
        return {}
    today = own[0].business_day(timezone.now())
    days = {"first": (today - timedelta(days=29)).isoformat(), "last": today.isoformat()}
    return {"merchant": own[0].id, **days, "measure": "sales", "rows": "channel"}


def _tables(user: User, given: dict[str, Any], own: Sequence[Merchant]) -> list[Section]:
    """A table for each currency: amounts of two are never added up."""
    merchant = next(row for row in own if row.id == given["merchant"])
    channels = Channel.objects.filter(within(user, May.SEE, channel="id"), merchant=merchant).in_bulk()
    layout = Layout(
        measure=given["measure"],
        rows=given["rows"],
        columns=given["columns"],
        compares=bool(given["compare"]),
        channels=channels,
    )

    def read(first: date, last: date) -> list[dict[str, Any]]:
        by = groups(layout.rows, layout.columns)
        return statistics.figures(
            merchant_id=merchant.id, first=first, last=last, groups=by, channel_ids=list(channels)
        )

    rows = read(given["first"], given["last"])
    before = read(*_earlier(given["compare"], given["first"], given["last"])) if given["compare"] else []
    return [table(layout, currency, rows, before) for currency in sorted({row["currency"] for row in (*rows, *before)})]


def _earlier(compare: str, first: date, last: date) -> tuple[date, date]:
    if compare == "year":
        return _year_before(first), _year_before(last)
    return first - (last - first) - timedelta(days=1), first - timedelta(days=1)


def _year_before(day: date) -> date:
    """The 29th of February has its 28th a year before."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)

"""Sales by the day, the channel, or how was paid: the statistics that the API tells, as a page."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import statistics
from payments.admin.base import render
from payments.admin.base.access import can, merchants, person
from payments.admin.base.forms import OfMerchantForm
from payments.admin.base.page import Section
from payments.models import Channel, Merchant
from payments.models.payment import Method, Origin
from payments.people.models import User
from payments.people.permissions import May, within
from payments.text.form_fields import DayField, read_day

LONGEST: Final = timedelta(days=366)
GROUPS: Final = (
    ("business_day", gettext_lazy("day")),
    ("channel", gettext_lazy("channel")),
    ("origin", gettext_lazy("origin")),
    ("method", gettext_lazy("method")),
    ("brand", gettext_lazy("card brand")),
    ("hour", gettext_lazy("hour")),
)
MEASURES: Final = ("sales_count", "sales_amount", "refunds_count", "refunds_amount", "chargebacks_amount", "net_amount")


class DayInput(forms.TextInput):
    """The browser's own calendar, which writes days as `2026-11-29`; a day that came otherwise is shown in it too."""

    input_type = "date"

    def format_value(self, value: Any) -> str | None:
        try:
            return read_day(str(value)).isoformat() if value else None
        except forms.ValidationError:
            return str(value)


class Period(OfMerchantForm):
    """Which days of whose sales, and by what."""

    first = DayField(label=gettext_lazy("from"), widget=DayInput)
    last = DayField(label=gettext_lazy("up to"), widget=DayInput)
    by = forms.ChoiceField(label=gettext_lazy("by"), choices=GROUPS)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        if "first" in given and "last" in given and not timedelta(0) <= given["last"] - given["first"] <= LONGEST:
            self.add_error("last", _("Choose a period of at most a year, from its first day to its last."))
        return given


def page(request: HttpRequest) -> HttpResponse:
    """The figures of some days, with their totals."""
    if not can(request, May.SEE):
        raise PermissionDenied
    user = person(request)
    own = list(merchants(user).order_by("-mode", "name"))
    form = Period({**_usual(own), **request.GET.dict()}, own)
    found = _figures(user, form.cleaned_data, own) if own and form.is_valid() else []
    shown = {"title": _("Sales"), "form": form, "sections": found, "empty": _("Nothing was sold in this period.")}
    context = {**admin.site.each_context(request), **shown}
    return TemplateResponse(request, "payments/admin/figures.html", context)


def _usual(own: Sequence[Merchant]) -> dict[str, str]:
    """The last thirty days of the first merchant, day by day."""
    if not own:
        return {}
    today = own[0].business_day(timezone.now())
    first = today - timedelta(days=29)
    return {"merchant": own[0].id, "first": first.isoformat(), "last": today.isoformat(), "by": "business_day"}


def _figures(user: User, given: dict[str, Any], own: Sequence[Merchant]) -> list[Section]:
    """A table for each currency."""
    merchant = next(row for row in own if row.id == given["merchant"])
    channels = Channel.objects.filter(within(user, May.SEE, channel="id"), merchant=merchant).in_bulk()
    rows = statistics.figures(
        merchant_id=merchant.id, first=given["first"], last=given["last"], groups=[given["by"], *_beside(given["by"])]
    )
    seen = [row for row in rows if row["channel_id"] in channels]
    return [_table(currency, given["by"], seen, channels) for currency in sorted({row["currency"] for row in seen})]


def _beside(by: str) -> list[str]:
    """The channel is always part of the filter: a person of one channel sees only that channel's figures."""
    return [] if by == "channel" else ["channel"]


def _table(currency: str, by: str, rows: Sequence[dict[str, Any]], channels: dict[str, Channel]) -> Section:
    column = statistics.GROUPS[by]
    groups: dict[Any, dict[str, int]] = {}
    for row in (row for row in rows if row["currency"] == currency):
        sums = groups.setdefault(row[column], dict.fromkeys(MEASURES, 0))
        for name in MEASURES:
            sums[name] += row[name]
    total = {name: sum(sums[name] for sums in groups.values()) for name in MEASURES}
    ordered = sorted(groups.items(), key=lambda item: item[0], reverse=by == "business_day")
    return Section(
        id=f"figures-{currency}",
        title=currency,
        columns=[
            str(dict(GROUPS)[by]),
            _("sales"),
            _("sold"),
            _("refunds"),
            _("given back"),
            _("charged back"),
            _("net"),
        ],
        rows=[[called(by, key, channels), *_cells(sums, currency)] for key, sums in ordered],
        totals=[_("total"), *_cells(total, currency)],
    )


def _cells(sums: dict[str, int], currency: str) -> list[Any]:
    return [
        render.money(sums[name], currency)
        if name.endswith("amount")
        else formats.number_format(sums[name], force_grouping=True)
        for name in MEASURES
    ]


def called(by: str, key: Any, channels: dict[str, Channel]) -> str:
    """What people call one value of a dimension: a day, an hour, a channel's name, a method."""
    if isinstance(key, date):
        return render.day(key)
    if by == "hour":
        return f"{key:02d}:00"
    if by == "channel":
        return channels[key].name
    labels = dict([*Method.choices, *Origin.choices]) if by in ("method", "origin") else {}
    return str(labels.get(key, key)) or render.NOTHING

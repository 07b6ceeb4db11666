"""The days of a month with each channel's status, and the months: from here each is closed."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.access import can, person, whole_merchants
from payments.admin.base.addresses import model_page_url, row_url
from payments.admin.base.forms import OfMerchantForm
from payments.admin.base.links import open_page_link
from payments.admin.base.page import Section
from payments.ledger import days
from payments.ledger.models import BookDay
from payments.models import Channel, Merchant
from payments.people.permissions import May
from payments.text.formatting import weekday
from reconciliation.closing import Scope
from reconciliation.models import Period, PeriodChange
from reconciliation.models.period import last_of_month
from reconciliation.services.checklist import open_days
from reconciliation.services.periods import month_of

MONTHS: Final = 13  # as many as the pages go back without being asked
_PATTERN: Final = "%Y-%m"


class MonthInput(forms.DateInput):
    """The browser's own month, which is written `2026-11`."""

    input_type = "month"

    def __init__(self) -> None:
        super().__init__(format=_PATTERN)


class Choice(OfMerchantForm):
    """Whose days, of which month."""

    month = forms.DateField(label=gettext_lazy("month"), widget=MonthInput, input_formats=[_PATTERN])


def days_page(request: HttpRequest) -> HttpResponse:
    """Every day of a month that is over, with the status of each channel."""
    return _page(request, _("Days"), _days)


def months_page(request: HttpRequest) -> HttpResponse:
    """The months up to the chosen one, with their status and the days that are open."""
    return _page(request, _("Months"), _months)


def days_address(scope: Scope) -> str:
    """The page of the days around a scope."""
    month = scope.first.strftime(_PATTERN)
    return model_page_url(Period, "days", merchant=scope.merchant.id, month=month)


def overview_address(scope: Scope) -> str:
    """The page on which a period stands beside its neighbors."""
    if scope.channel is not None:
        return days_address(scope)
    return model_page_url(Period, "months", merchant=scope.merchant.id)


def overview_name(scope: Scope) -> str:
    """What that page is called."""
    return _("Days") if scope.channel is not None else _("Months")


def named(first: date, *, is_month: bool) -> str:
    """A day as people write it, or a month in words."""
    return capfirst(formats.date_format(first, "F Y")) if is_month else render.day(first)


def _page(request: HttpRequest, title: str, sections: Any) -> HttpResponse:
    if not can(request, May.SEE_BOOKS):
        raise PermissionDenied
    # Of whole merchants: who keeps the books of one channel closes nothing.
    own = list(whole_merchants(person(request), May.SEE_BOOKS).order_by("-mode", "name"))
    form = Choice({**_usual(own), **request.GET.dict()}, own)
    found: list[Section] = []
    if own and form.is_valid():
        merchant = next(row for row in own if row.id == form.cleaned_data["merchant"])
        found = sections(merchant, form.cleaned_data["month"])
    context = {**admin.site.each_context(request), "title": title, "form": form, "sections": found}
    return TemplateResponse(request, "payments/admin/figures.html", context)


def _usual(own: Sequence[Merchant]) -> dict[str, str]:
    if not own:
        return {}
    # Yesterday's: on the first of a month, the days to be closed are those of the last.
    yesterday = own[0].business_day(timezone.now()) - timedelta(days=1)
    return {"merchant": own[0].id, "month": yesterday.strftime(_PATTERN)}


def _days(merchant: Merchant, first: date) -> list[Section]:
    last = min(last_of_month(first), merchant.business_day(timezone.now()) - timedelta(days=1))
    channels = list(Channel.objects.filter(merchant=merchant).order_by("name"))
    newest = days.latest(merchant.id, first, last)
    active = days.active_days(merchant.id, first, last, [channel.id for channel in channels])
    span = [last - timedelta(days=number) for number in range((last - first).days + 1)]
    return [
        Section(
            id="days",
            title=named(first, is_month=True),
            columns=[_("day"), *(channel.name for channel in channels)],
            rows=[
                [
                    weekday(day),
                    *(_day(channel, day, newest.get((day, channel.id)), active) for channel in channels),
                ]
                for day in span
            ],
            empty=_("No day of this month is over yet, or there is no channel."),
        )
    ]


def _day(channel: Channel, day: date, decided: BookDay | None, active: set[tuple[str, date]]) -> Any:
    """The status of one channel's day, leading to its page."""
    if decided is not None and decided.closed:
        text = _("closed")
    elif decided is not None:
        text = _("reopened")
    else:
        text = _("open") if (channel.id, day) in active else _("nothing sold")
    return open_page_link(row_url(Period, f"{channel.id}.{day}"), text)


def _months(merchant: Merchant, last: date) -> list[Section]:
    firsts = [last]
    while len(firsts) < MONTHS:
        firsts.append((firsts[-1] - timedelta(days=1)).replace(day=1))
    decided = {
        row.period.first: row
        for row in PeriodChange.objects.filter(
            period__merchant=merchant, period__channel=None, period__first__in=firsts
        ).select_related("period")
    }
    left = Counter(day.replace(day=1) for _of, day in open_days(month_of(merchant, last)))
    called = render.people({row.actor for row in decided.values()})
    return [
        Section(
            id="months",
            title=_("Months"),
            columns=[_("month"), _("status"), _("days that are open"), _("decided at"), _("by")],
            rows=[
                [
                    open_page_link(row_url(Period, f"{merchant.id}.{first:%Y-%m}"), named(first, is_month=True)),
                    _month_status(decided.get(first)),
                    left[first] or render.NOTHING,
                    render.moment(row.at, merchant.zone) if (row := decided.get(first)) else render.NOTHING,
                    called[row.actor] if row else render.NOTHING,
                ]
                for first in firsts
            ],
        )
    ]


def _month_status(change: PeriodChange | None) -> str:
    if change is None:
        return _("open")
    return _("closed") if change.status == PeriodChange.Status.CLOSED else _("reopened")

"""The day report of a store or terminal as a page, and as a PDF."""

from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.access import can, person
from payments.admin.base.page import Section
from payments.admin.finance.sales import DayInput
from payments.core.money import Money
from payments.models import Channel
from payments.people.models import User
from payments.people.permissions import May, within
from payments.text.form_fields import DayField
from terminals.day_report import Cell, DayReport, Table, day_report
from terminals.models import Terminal


class DayReportForm(forms.Form):
    """Which day, of which store that the person sees; of one of its terminals alone if one is chosen."""

    channel = forms.ChoiceField(label=gettext_lazy("store"))
    terminal = forms.ChoiceField(label=gettext_lazy("terminal"), required=False)
    day = DayField(label=gettext_lazy("day"), widget=DayInput)

    def __init__(self, data: dict[str, str], *, channels: "QuerySet[Channel]", terminals: "QuerySet[Terminal]") -> None:
        super().__init__(data)
        self.channels = {row.id: row for row in channels}
        self.terminals = {row.id: row for row in terminals}
        self._choose("channel", [(row.id, row.name) for row in self.channels.values()])
        self._choose("terminal", [("", _("all")), *((row.id, row.label) for row in self.terminals.values())])

    def clean(self) -> dict[str, Any]:
        """What was chosen; a terminal stands in the store."""
        given: dict[str, Any] = super().clean() or {}
        terminal = self.terminals.get(given.get("terminal") or "")
        if terminal is not None and given.get("channel") not in (None, terminal.channel_id):
            self.add_error("terminal", _("This terminal stands in another store."))
        for name in set(self.data) - set(self.fields):
            self.add_error(None, _("This page has no choice “%(name)s”.") % {"name": name})
        return given

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field: Any = self.fields[name]
        field.choices = choices


def day_report_page(request: HttpRequest) -> HttpResponse:
    """The report on the screen."""
    form = _form(request)
    report = _report(form) if form.channels and form.is_valid() else None
    shown = {
        "title": _("Day report"),
        "form": form if form.channels else (),
        "report": report,
        "sections": [_section(table) for table in report.tables] if report is not None else [],
        "pdf": f"day-report.pdf?{urlencode(form.data)}" if report is not None else "",
        "empty": _("There is no store yet whose day could be reported."),
    }
    return TemplateResponse(request, "terminals/day_report.html", {**admin.site.each_context(request), **shown})


def day_report_pdf(request: HttpRequest) -> HttpResponse:
    """The same report as a PDF, in the reader's language."""
    from terminals.day_report import pdf  # noqa: PLC0415 (what writes it would take a sixth of every process's start)

    form = _form(request)
    if not form.channels or not form.is_valid():
        raise Http404
    report = _report(form)
    name = f"{report.day.isoformat()}-{slugify(report.about)}.pdf"
    named = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(pdf.written(report), content_type="application/pdf", headers=named)


def _form(request: HttpRequest) -> DayReportForm:
    if not can(request, May.SEE):
        raise PermissionDenied
    user: User = person(request)
    stores = Channel.objects.filter(within(user, May.SEE, channel="id")).exclude(kind=Channel.Kind.ONLINE)
    channels = stores.select_related("merchant").order_by("-merchant__mode", "name")
    terminals = Terminal.objects.filter(within(user, May.SEE)).select_related("channel").order_by("label")
    first = channels.first()
    usual = {"channel": first.id, "day": first.merchant.business_day(timezone.now()).isoformat()} if first else {}
    return DayReportForm({**usual, **request.GET.dict()}, channels=channels, terminals=terminals)


def _report(form: DayReportForm) -> DayReport:
    given = form.cleaned_data
    return day_report(
        form.channels[given["channel"]],
        given["day"],
        terminal=form.terminals.get(given["terminal"] or ""),
        now=timezone.now(),
    )


def _section(table: Table) -> Section:
    return Section(
        id=table.name,
        title=table.title,
        columns=table.columns,
        rows=[
            *([_shown(cell) for cell in row] for row in table.rows),
            *([_shown(cell) for cell in row] for row in table.totals[1:]),
        ],
        totals=[_shown(cell) for cell in table.totals[0]] if table.totals else (),
        empty=table.empty,
    )


def _shown(cell: Cell) -> Any:
    return render.money(cell.amount, cell.currency) if isinstance(cell, Money) else cell

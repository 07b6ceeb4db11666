"""Exports that are made by themselves: what, how often and where to, and a page to set one up."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import BooleanRadioFilter
from unfold.decorators import action

from payments.admin.base import render, tables
from payments.admin.base.access import person, whole_merchants
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import note_refused_choices
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.people.models import User
from payments.people.permissions import May, may_somewhere
from reconciliation import registry
from reconciliation.admin.export_forms import KINDS, PROFILES, ScheduleForm
from reconciliation.models import ExportSchedule
from reconciliation.services.export_schedules import (
    NewSchedule,
    create_schedule,
    end_schedule,
    host_key_of,
    try_server,
)
from reconciliation.services.sftp import fingerprint

SHOWN = 50


def _end(*, user: User, row: ExportSchedule, form: Any) -> str:
    end_schedule(row, actor=user.id)
    return _("No more exports are made by this schedule.")


def _try(*, user: User, row: ExportSchedule, form: Any) -> str:
    try_server(row, actor=user.id)
    return _("The server took an empty file, which was removed again.")


@admin.register(ExportSchedule)
class ExportScheduleAdmin(ReadOnlyModelAdmin):
    """The merchants' schedules."""

    empty_text = gettext_lazy("No export is made by itself yet. Add a schedule: what, how often, and where it goes.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    list_display = ("what", "every", "where", "shown_active", "merchant")
    list_display_links = ("what",)
    list_filter = (("active", BooleanRadioFilter), ("merchant", OwnRelated))
    list_select_related = ("merchant",)
    search_fields = ("=id", "=email")
    search_help_text = gettext_lazy("E-mail address")
    actions_list = ("new",)
    page_actions = (
        AdminAction(
            name="end",
            title=gettext_lazy("End the schedule"),
            needs=May.RESOLVE,
            act=_end,
            possible=lambda row: row.active,
            dangerous=True,
            explanation=gettext_lazy("No more exports are made by it; those that were made stay."),
        ),
        AdminAction(
            name="try",
            title=gettext_lazy("Try the connection"),
            needs=May.RESOLVE,
            act=_try,
            possible=lambda row: bool(row.host),
            explanation=gettext_lazy("Signs in to the server, and writes and removes an empty file there."),
        ),
    )

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def what(self, row: ExportSchedule) -> str:
        profile = PROFILES.get(row.profile)
        return f"{KINDS.get(row.kind, row.kind)} · {profile}" if profile else str(KINDS.get(row.kind, row.kind))

    @admin.display(description=gettext_lazy("handed over"))
    def where(self, row: ExportSchedule) -> str:
        return row.email or row.host or str(row.get_delivery_display())

    @admin.display(description=gettext_lazy("active"))
    def shown_active(self, row: ExportSchedule) -> SafeString:
        return render.label(_("active"), "success") if row.active else render.label(_("ended"))

    def page(self, request: HttpRequest, row: ExportSchedule) -> Page:
        """What it makes, and what it made last."""
        facts: list[tuple[str, Any]] = [
            (_("kind"), self.what(row)),
            (_("how often"), row.get_every_display()),
            (_("handed over"), self.where(row)),
            (_("server"), row.host and f"{row.host}:{row.port}"),
            (_("user name"), row.user),
            (_("folder"), row.folder),
            (_("host key"), row.host_key and fingerprint(row.host_key)),
            (_("made until"), row.made_until and render.day(row.made_until)),
            (_("merchant"), row_link(row.merchant)),
            (_("created at"), render.moment(row.created_at, row.merchant.zone)),
            ("id", row.id),
        ]
        return Page(
            title=self.what(row),
            label=self.shown_active(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_made(row), tables.audit(row.id, row.merchant.zone)],
        )

    def has_new_permission(self, request: HttpRequest) -> bool:
        """Who may export may have it done again and again."""
        return may_somewhere(person(request), May.RESOLVE)

    @action(description=gettext_lazy("New schedule"), url_path="new", permissions=["new"], icon="schedule")  # type: ignore[untyped-decorator]
    def new(self, request: HttpRequest) -> HttpResponse:
        """Set one up."""
        if not self.has_new_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form = ScheduleForm(data, merchants=whole_merchants(person(request), May.RESOLVE))
        shown = ""
        if form.is_valid() and not (shown := _to_confirm(form)) and (row := self._made(request, form)) is not None:
            return redirect(row_url(ExportSchedule, row.id))
        if request.method == "POST":
            note_refused_choices(form, user=person(request), action="export_schedule.created")
        context = {**self.admin_site.each_context(request), "form": form, "title": _("New schedule"), "opts": self.opts}
        context |= {"fingerprint": shown, "server": f"{form['host'].value()}:{form['port'].value()}"}
        return TemplateResponse(request, "reconciliation/export_schedule.html", context)

    def _made(self, request: HttpRequest, form: ScheduleForm) -> ExportSchedule | None:
        given: dict[str, Any] = form.cleaned_data
        profile = given["profile"] if registry.export_kinds()[given["kind"]].profiles else ""
        wanted = {name: given[name] for name in ("merchant", "every", "delivery", "email", "kind", "account")}
        wanted["server"] = form.server() if form.by_sftp else None
        try:
            return create_schedule(NewSchedule(**wanted, profile=profile), actor=person(request).id)
        except OnetillError as refusal:
            form.add_error(None, forms.ValidationError(explain(refusal)))
            return None


def _to_confirm(form: ScheduleForm) -> str:
    """Return the fingerprint that the person has to compare before anybody signs in; none where that is done.

    The key is asked for anew where another server is named than the one whose key was shown.
    """
    if not form.by_sftp or not form.cleaned_data["host"]:
        return ""
    server = form.server()
    about, _space, key = server.host_key.partition(" ")
    form.cleaned_data["host_key"] = key
    if about == f"{server.host}:{server.port}":
        return ""
    try:
        found = host_key_of(server.host, server.port)
    except OnetillError as refusal:
        form.add_error("host", explain(refusal))
        return ""
    form.data = {**dict(form.data.items()), "host_key": f"{server.host}:{server.port} {found}"}
    return fingerprint(found)


def _made(row: ExportSchedule) -> Section:
    return Section(
        id="exports",
        title=_("Exports"),
        columns=[_("days"), _("status"), _("handed over at")],
        rows=[
            [
                row_link(one, f"{render.day(one.first)} – {render.day(one.last)}"),
                one.get_status_display(),
                render.moment(one.delivered_at, row.merchant.zone),
            ]
            for one in row.exports.order_by("-id")[:SHOWN]
        ],
        empty=_("None was made yet."),
    )

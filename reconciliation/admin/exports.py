"""Exports for the accountant: what was handed out, what each one holds, and a page to ask for one."""

from typing import Any, ClassVar

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter
from unfold.decorators import action

from payments.admin.base import render, tables
from payments.admin.base.access import person, whole_merchants
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import model_page_url, row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import note_refused_choices
from payments.admin.base.links import page_link, row_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import Conflict, OnetillError
from payments.models import Channel
from payments.people.models import User
from payments.people.permissions import May, may_somewhere
from payments.text.formatting import whole
from reconciliation import registry
from reconciliation.admin.export_forms import KINDS, PROFILES, ExportForm
from reconciliation.admin.problems import problem
from reconciliation.admin.render import column, text
from reconciliation.models import Export
from reconciliation.services.account_mapping import mapped_accounts
from reconciliation.services.deliver_export import file_name
from reconciliation.services.download_export import open_export
from reconciliation.services.export_books import booked_since
from reconciliation.services.export_schedules import FAILURES
from reconciliation.services.put_exports import put_again
from reconciliation.services.request_export import ExportRequest, request_export

_COLORS = {"processing": "info", "ready": "success", "failed": "danger"}


class OfKind(DropdownFilter):
    """What kind of file."""

    parameter_name = "kind"
    title = gettext_lazy("kind")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(KINDS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(kind=self.value()) if self.value() else queryset


def _hand_over(*, user: User, row: Export, form: Any) -> str:
    put_again(row, actor=user.id)
    return _("The file is put onto the server within a minute.")


def _not_handed_over(row: Export) -> str:
    """Why not, and when it is tried again."""
    why = _(FAILURES[row.delivery_error])
    if row.delivery_due_at is None:
        return why
    again = render.moment(row.delivery_due_at, row.merchant.zone)
    return _("%(why)s It is tried again: %(again)s.") % {"why": why, "again": again}


@admin.register(Export)
class ExportAdmin(ReadOnlyModelAdmin):
    """The exports of the merchants' books."""

    empty_text = gettext_lazy("The books were not exported yet. Ask for an export here, or make a schedule.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    page_template: ClassVar[str] = "reconciliation/export.html"
    list_display = ("made", "what", "span", "shown_status", "count", "amount_debit", "merchant")
    list_display_links = ("made", "what")
    list_filter = (("status", ChoicesDropdownFilter), OfKind, ("merchant", OwnRelated), ("created_at", DayRange))
    list_select_related = ("merchant",)
    search_fields = ("=id", "=sha256")
    search_help_text = gettext_lazy("Id or SHA-256 of the file")
    actions_list = ("new",)
    page_actions = (
        AdminAction(
            name="hand-over",
            title=gettext_lazy("Hand over again"),
            needs=May.RESOLVE,
            act=_hand_over,
            possible=lambda row: bool(row.delivery_error) and row.delivery_due_at is None,
            explanation=gettext_lazy("Puts the file onto the server of its schedule, and again while that fails."),
        ),
    )

    @admin.display(description=gettext_lazy("created at"), ordering="id")
    def made(self, row: Export) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("kind"), ordering="kind")
    def what(self, row: Export) -> str:
        profile = PROFILES.get(row.profile)
        return f"{KINDS.get(row.kind, row.kind)} · {profile}" if profile else str(KINDS.get(row.kind, row.kind))

    @admin.display(description=gettext_lazy("days"), ordering="first")
    def span(self, row: Export) -> str:
        return f"{render.day(row.first)} – {render.day(row.last)}"

    @admin.display(description=gettext_lazy("status"))
    def shown_status(self, row: Export) -> SafeString:
        return render.label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=gettext_lazy("entries"), ordering="entries")
    def count(self, row: Export) -> str:
        return render.NOTHING if row.entries is None else whole(row.entries)

    @admin.display(description=gettext_lazy("debit"))
    def amount_debit(self, row: Export) -> str | SafeString:
        return column(row.debit, row.currency)

    def get_urls(self) -> list[Any]:
        own = [
            path("live/", self.admin_site.admin_view(self.live), name="reconciliation_export_live"),
            path("<str:object_id>/file/", self.admin_site.admin_view(self.file), name="reconciliation_export_file"),
        ]
        return [*own, *super().get_urls()]

    def page(self, request: HttpRequest, row: Export) -> Page:
        """What it holds, its file, and why it was not released if it was not."""
        zone, ready = row.merchant.zone, row.status == Export.Status.READY
        facts: list[tuple[str, Any]] = [
            (_("kind"), self.what(row)),
            (_("days"), self.span(row)),
            (_("account"), row.account and _account(row)),
            (_("channel"), row.channel_id and row_link(Channel.objects.filter(id=row.channel_id).first())),
            (_("file"), ready and page_link(row, "file", file_name(row))),
            (_("entries"), ready and whole(row.entries or 0)),
            (_("first and last entry"), _first_and_last(row)),
            (_("opening → closing balance"), _balances(row)),
            (_("debit"), ready and text(row.debit, row.currency)),
            (_("credit"), ready and text(row.credit, row.currency)),
            (_("booked in these days since"), ready and _since(row)),
            (_("schedule"), row.schedule_id and row_link(row.schedule)),
            (_("handed over at"), row.delivered_at and render.moment(row.delivered_at, zone)),
            (_("not handed over"), row.delivery_error and _not_handed_over(row)),
            (_("requested by"), render.people([row.actor])[row.actor]),
            (_("created at"), render.moment(row.created_at, zone)),
            (_("finished at"), row.finished_at and render.moment(row.finished_at, zone)),
            (_("merchant"), row_link(row.merchant)),
            ("SHA-256", render.quiet(row.sha256) if row.sha256 else ""),
            (_("digest of the entries"), render.quiet(row.entries_sha256) if row.entries_sha256 else ""),
            ("id", row.id),
        ]
        return Page(
            title=self.what(row),
            label=self.shown_status(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_problems(row), tables.audit(row.id, zone)],
        )

    def page_context(self, request: HttpRequest, row: Export) -> dict[str, Any]:
        """Where the page asks whether the export is ready, while it is not."""
        waits = row.status == Export.Status.PROCESSING
        return {"live": model_page_url(Export, "live", id=row.id) if waits else ""}

    def live(self, request: HttpRequest) -> HttpResponse:
        """What the page asks by itself while its export is being made; in the end it shows itself anew."""
        row = self.row(request, request.GET.get("id", ""))
        answer = TemplateResponse(request, "reconciliation/export_live.html", self.page_context(request, row))
        if row.status != Export.Status.PROCESSING:
            answer["HX-Refresh"] = "true"
        return answer

    def file(self, request: HttpRequest, object_id: str) -> HttpResponse | FileResponse:
        """The file; who fetched it stands in the audit log."""
        row = self.row(request, object_id)
        try:
            opened = open_export(row, actor=person(request).id)
        except Conflict as refusal:
            messages.error(request, explain(refusal))
            return redirect(row_url(Export, row.id))
        kind = registry.export_kinds()[row.kind]
        return FileResponse(opened, as_attachment=True, filename=file_name(row), content_type=kind.media_type)

    def has_new_permission(self, request: HttpRequest) -> bool:
        """Who may resolve discrepancies may hand the books to the accountant."""
        return may_somewhere(person(request), May.RESOLVE)

    @action(description=gettext_lazy("New export"), url_path="new", permissions=["new"], icon="ios_share")  # type: ignore[untyped-decorator]
    def new(self, request: HttpRequest) -> HttpResponse:
        """Ask for an export; the workers make it."""
        if not self.has_new_permission(request):
            raise PermissionDenied
        data = request.POST if request.method == "POST" else None
        form = ExportForm(data, merchants=whole_merchants(person(request), May.RESOLVE))
        if form.is_valid() and (row := self._requested(request, form)) is not None:
            return redirect(row_url(Export, row.id))
        if request.method == "POST":
            note_refused_choices(form, user=person(request), action="export.requested")
        context = {**self.admin_site.each_context(request), "form": form, "title": _("New export"), "opts": self.opts}
        return TemplateResponse(request, "reconciliation/export_new.html", context)

    def _requested(self, request: HttpRequest, form: ExportForm) -> Export | None:
        given: dict[str, Any] = form.cleaned_data
        wanted = ExportRequest(
            merchant=given["merchant"],
            kind=given["kind"],
            first=given["first"],
            last=given["last"],
            profile=given["profile"] if registry.export_kinds()[given["kind"]].profiles else "",
            account=given["account"],
            currency=given["currency"],
            channel=given["channel"],
        )
        try:
            return request_export(wanted, actor=person(request).id)
        except OnetillError as refusal:
            form.add_error(None, forms.ValidationError(explain(refusal)))
            return None


def _account(row: Export) -> str | SafeString:
    mapped = mapped_accounts(row.merchant).get(row.account)
    return mapped.title if mapped is not None else row.account


def _first_and_last(row: Export) -> SafeString | str:
    if row.first_entry is None or row.last_entry is None:
        return ""
    return render.link(row.first_entry) + " … " + render.link(row.last_entry)


def _balances(row: Export) -> str:
    if row.closing is None:
        return ""
    return f"{text(row.opening, row.currency)} → {text(row.closing, row.currency)}"


def _since(row: Export) -> str:
    """What came late is in no export yet: whoever imported this one should know."""
    count = booked_since(row, registry.export_kinds()[row.kind])
    return _("%(count)s entries, which this file does not hold") % {"count": whole(count)} if count else _("nothing")


def _problems(row: Export) -> Section:
    return Section(
        id="problems",
        title=_("Problems"),
        columns=[_("problem")],
        rows=[[problem(one["code"], one["detail"])] for one in row.problems],
    )

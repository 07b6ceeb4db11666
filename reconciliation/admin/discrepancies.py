"""Discrepancies of every floor: the work list, and the form that resolves one."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import path, reverse
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from payments.admin.access import ScopedAdmin, person
from payments.admin.refusals import explain
from payments.admin.show import NOTHING, label, link
from payments.errors import Forbidden, OnetillError
from payments.models import Discrepancy
from payments.people.models import User
from payments.people.permissions import May, may
from payments.said import spoken
from reconciliation.admin.show import file_link, text
from reconciliation.services.assign import assign
from reconciliation.services.resolve import Resolution, resolve
from reconciliation.services.standing import possible

_LABELS = {
    "match": _("Match with"),
    "accept": _("Accept as it is"),
    "book_fee": _("Book as the provider's fee"),
    "suspense": _("Leave in suspense"),
    "write_off": _("Write off (needs a second person)"),
    "ask_provider": _("Ask the provider"),
    "wait": _("Wait until"),
    "captured": _("It was carried out: book it"),
    "declined": _("It was not carried out"),
}

_DONE = {
    "match": _("matched"),
    "accept": _("accepted as it is"),
    "book_fee": _("booked as the provider's fee"),
    "suspense": _("left in suspense"),
    "write_off": _("written off"),
    "ask_provider": _("the provider is asked"),
    "wait": _("waiting"),
    "captured": _("settled as carried out"),
    "declined": _("settled as not carried out"),
    "explained": _("explained by itself"),
}
_RESOLUTION = ("action", "note", "with", "until", "actor")

_COLORS = {"open": "danger", "proposed": "warning", "resolved": "success"}


@admin.register(Discrepancy)
class DiscrepancyAdmin(ScopedAdmin):
    """What disagrees, newest first."""

    list_display = ("kind", "shown_status", "shown_amount", "shown_detail", "assigned_to", "created_at", "merchant")
    list_filter = ("status", "kind", "assigned_to", "merchant")
    list_select_related = ("merchant", "assigned_to")
    search_fields = ("id__exact", "payment__id__exact", "settlement_file_id__exact", "terminal_id__exact", "detail")
    date_hierarchy = "created_at"
    ordering = ("-id",)
    actions = ("take", "leave")
    fields = (
        *("id", "merchant", "kind", "shown_status", "shown_amount", "shown_detail", "shown_payment", "shown_file"),
        *("terminal_id", "shown_sequences", "assigned_to", "wait_until", "shown_resolution", "created_at"),
        *("resolved_at", "resolved_by"),
    )
    readonly_fields = fields
    change_form_outer_before_template = "reconciliation/resolve.html"

    @admin.action(description=_("Assign to me"))
    def take(self, request: HttpRequest, rows: QuerySet[Discrepancy]) -> None:
        """Make these the person's own work."""
        self._assign(request, rows, person(request))

    @admin.action(description=_("Assign to nobody"))
    def leave(self, request: HttpRequest, rows: QuerySet[Discrepancy]) -> None:
        """Leave these to whoever comes."""
        self._assign(request, rows, None)

    def _assign(self, request: HttpRequest, rows: QuerySet[Discrepancy], to: User | None) -> None:
        for row in rows:
            try:
                if not self._may_resolve(request, row):
                    raise Forbidden("role_missing", str(_("Your role does not resolve discrepancies.")))
                assign(discrepancy_id=row.id, to=to, actor=person(request).id)
            except OnetillError as refusal:
                messages.error(request, explain(refusal))
                return
        messages.success(request, _("Assigned."))

    @admin.display(description=_("status"))
    def shown_status(self, row: Discrepancy) -> SafeString:
        return label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=_("amount"))
    def shown_amount(self, row: Discrepancy) -> str:
        return text(row.amount, row.currency)

    @admin.display(description=_("detail"))
    def shown_detail(self, row: Discrepancy) -> str:
        return spoken(row.detail, row.said)

    @admin.display(description=_("payment"))
    def shown_payment(self, row: Discrepancy) -> str | SafeString:
        return link(row.payment_id)

    @admin.display(description=_("settlement file"))
    def shown_file(self, row: Discrepancy) -> str | SafeString:
        return file_link(row.settlement_file_id)

    @admin.display(description=_("sequences"))
    def shown_sequences(self, row: Discrepancy) -> str:
        return ", ".join(f"{first}–{last}" for first, last in row.sequences or []) or NOTHING

    @admin.display(description=_("what was done"))
    def shown_resolution(self, row: Discrepancy) -> str:
        told = row.resolution or {}
        done = {**told, "action": _DONE.get(told.get("action", ""), told.get("action"))}
        done["with"] = ", ".join(told.get("with") or ())
        return " · ".join(str(done[name]) for name in _RESOLUTION if done.get(name)) or NOTHING

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(require_POST(self.resolve))
        return [path("<str:discrepancy_id>/resolve/", view, name="payments_discrepancy_resolve"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the actions that make sense, to those who may take them."""
        row = self.get_queryset(request).filter(pk=object_id).first()
        open_to = row is not None and row.status == Discrepancy.Status.OPEN and self._may_resolve(request, row)
        actions = [(action, _LABELS[action]) for action in possible(row)] if row is not None and open_to else []
        context = {**(extra_context or {}), "actions_possible": actions}
        page: HttpResponse = super().change_view(request, object_id, form_url, context)
        return page

    def resolve(self, request: HttpRequest, discrepancy_id: str) -> HttpResponse:
        """Do what the form says, or say why not."""
        row = get_object_or_404(self.get_queryset(request).select_related("merchant"), pk=discrepancy_id)
        wish = Resolution(
            action=request.POST.get("action", ""),
            note=request.POST.get("note", ""),
            with_=tuple(request.POST.get("with", "").split()),
            until=_day(request.POST.get("until", "")),
        )
        try:
            if not self._may_resolve(request, row):
                raise Forbidden("role_missing", str(_("Your role does not resolve discrepancies.")))
            done = resolve(merchant=row.merchant, discrepancy_id=row.id, resolution=wish, actor=person(request).id)
        except OnetillError as refusal:
            messages.error(request, explain(refusal))
        else:
            messages.success(request, done.get_status_display())
        return redirect(reverse("admin:payments_discrepancy_change", args=[row.id]))

    def _may_resolve(self, request: HttpRequest, row: Discrepancy) -> bool:
        return may(person(request), May.RESOLVE, merchant_id=row.merchant_id, channel_id=row.channel_id)


def _day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None

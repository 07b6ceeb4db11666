"""Discrepancies of every floor: the work list, and the form that resolves one."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar, Final

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter

from payments import object_index
from payments.admin.base import render, tables
from payments.admin.base.access import person
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import OfTerminal, OwnRelated
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.ranges import AmountRange, DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.lists.saved_views import listed
from payments.admin.lists.totals import Total
from payments.core.errors import OnetillError
from payments.core.money import EXPONENTS, Money
from payments.models import Channel, Discrepancy
from payments.people.models import Approval, User
from payments.people.permissions import May, may
from payments.text.messages import render_message
from reconciliation.admin import resolve_many
from reconciliation.admin.choices import choices, written
from reconciliation.admin.discrepancy_actions import DiscrepancyPosts, colleagues
from reconciliation.admin.discrepancy_filters import (
    SEVERITIES,
    AssignedTo,
    Due,
    OfChannel,
    OfSeverity,
    called,
)
from reconciliation.admin.render import column
from reconciliation.admin.sides import sides, ways
from reconciliation.admin.steps import resolution, steps
from reconciliation.models import SettlementFile
from reconciliation.services import payouts
from reconciliation.services.assign import assign
from reconciliation.services.candidates import candidates
from reconciliation.services.open_balance import open_balance
from reconciliation.services.severity import Severity, due_on, severity
from reconciliation.services.undo import can_undo

MOST_AHEAD: Final = 1_000  # of a list, to find the next one in
_LABELS = {
    "match": _("Match with"),
    "accept": _("Accept as it is"),
    "book_fee": _("Book as the provider's fee"),
    "suspense": _("Leave in suspense"),
    "write_off": _("Write off"),
    "ask_provider": _("Ask the provider"),
    "wait": _("Wait until"),
    "captured": _("It was carried out: book it"),
    "declined": _("It was not carried out"),
}

_SEVERITY_COLORS = {
    Severity.LOW: "",
    Severity.MEDIUM: "info",
    Severity.HIGH: "warning",
    Severity.CRITICAL: "danger",
}
_COLORS = {"open": "danger", "proposed": "warning", "resolved": "success"}


@admin.register(Discrepancy)
class DiscrepancyAdmin(DiscrepancyPosts, ReadOnlyModelAdmin):
    """The discrepancies, newest first."""

    empty_text = gettext_lazy("Nothing differs. Differences between till, provider and bank appear here by themselves.")
    list_display = (
        *("kind", "amount_shown", "shown_severity", "made", "due", "shown_status", "assigned", "shown_detail"),
        *("shown_payment", "merchant"),
    )
    phone = ("kind", "amount_shown", "shown_detail", "shown_severity")
    totals = (Total("amount", _("amount"), "amount"),)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("created_at", DayRange),
        ("kind", ChoicesDropdownFilter),
        OfSeverity,
        Due,
        AssignedTo,
        AmountRange,
        OfChannel,
        OfTerminal,
        ("merchant", OwnRelated),
    )
    linked_filters: ClassVar[Sequence[str]] = ("settlement_file_id__exact",)  # a file's page leads here
    list_select_related = ("merchant", "assigned_to")
    search_fields = ("=id", "=payment__id", "=payment__order__reference", "=terminal_id", "detail")
    search_help_text = _("Order reference, payment, terminal or part of the detail")
    actions = ("take", "leave", "settle")
    page_template = "reconciliation/discrepancy.html"

    @admin.action(description=_("Assign to me"))
    def take(self, request: HttpRequest, rows: QuerySet[Discrepancy]) -> None:
        """Make these the person's own work."""
        self._assign(request, rows, person(request))

    @admin.action(description=_("Assign to nobody"))
    def leave(self, request: HttpRequest, rows: QuerySet[Discrepancy]) -> None:
        """Unassign the selected discrepancies."""
        self._assign(request, rows, None)

    @admin.action(description=_("Resolve"))
    def settle(self, request: HttpRequest, rows: QuerySet[Discrepancy]) -> HttpResponse | None:
        """Resolve the selected discrepancies in one way, after one confirmation."""
        found = resolve_many.chosen(request, rows)
        if found is None:
            return None
        if "confirmed" not in request.POST:
            return resolve_many.ask(request, found, _LABELS)
        resolve_many.carry_out(request, found)
        return None

    def _assign(self, request: HttpRequest, rows: QuerySet[Discrepancy], to: User | None) -> None:
        for row in rows:
            try:
                assign(discrepancy_id=row.id, to=to, actor=person(request).id)
            except OnetillError as refusal:
                messages.error(request, explain(refusal))
                return
        messages.success(request, _("Assigned."))

    @admin.display(description=_("status"))
    def shown_status(self, row: Discrepancy) -> SafeString:
        return render.label(row.get_status_display(), _COLORS.get(row.status, ""))

    @admin.display(description=_("amount"), ordering="amount")
    def amount_shown(self, row: Discrepancy) -> str | SafeString:
        return column(row.amount, row.currency)

    @admin.display(description=_("severity"))
    def shown_severity(self, row: Discrepancy) -> SafeString:
        level = severity(row, now=timezone.now())
        return render.label(SEVERITIES[level], _SEVERITY_COLORS[level])

    @admin.display(description=_("due on"))
    def due(self, row: Discrepancy) -> str | SafeString:
        """By when; who is late sees it."""
        if row.status == Discrepancy.Status.RESOLVED:
            return ""
        day = due_on(row)
        late = day < row.merchant.business_day(timezone.now())
        return format_html('<span class="ot-wrong">{}</span>', render.day(day)) if late else render.day(day)

    @admin.display(description=_("detail"))
    def shown_detail(self, row: Discrepancy) -> str:
        return render_message(row.detail, row.message)

    @admin.display(description=_("payment"))
    def shown_payment(self, row: Discrepancy) -> str | SafeString:
        return render.link(row.payment_id)

    @admin.display(description=_("assigned to"))
    def assigned(self, row: Discrepancy) -> str:
        return called(row.assigned_to) if row.assigned_to is not None else render.NOTHING

    @admin.display(description=_("created at"), ordering="id")
    def made(self, row: Discrepancy) -> str:
        return render.short_moment(row.created_at, row.merchant.zone)

    def page(self, request: HttpRequest, row: Discrepancy) -> Page:
        """Return the discrepancy, what it is about, and what was done about it."""
        zone, done = row.merchant.zone, row.resolution or {}
        names = render.people(filter(None, [row.resolved_by, done.get("actor")]))
        file = SettlementFile.objects.filter(id=row.settlement_file_id).first() if row.settlement_file_id else None
        channel = Channel.objects.filter(id=row.channel_id).first() if row.channel_id else None
        is_open = row.status != Discrepancy.Status.RESOLVED
        facts: list[tuple[Any, Any]] = [
            (_("amount"), row.currency and render.amount(row.amount, row.currency)),
            (_("payment"), row.payment_id and render.link(row.payment_id)),
            (_("settlement file"), file and row_link(file)),
            (_("channel"), channel and render.link(channel.id, channel.name)),
            (_("terminal"), row.terminal_id and render.link(row.terminal_id, _terminal(row))),
            (_("sequences"), ", ".join(f"{first}–{last}" for first, last in row.sequences or [])),
            (_("severity"), is_open and SEVERITIES[severity(row, now=timezone.now())]),
            (_("due on"), is_open and render.day(due_on(row))),
            (_("assigned to"), self.assigned(row)),
            (_("wait until"), row.wait_until and render.day(row.wait_until.astimezone(zone).date())),
            (_("what was done"), resolution(done, names)),
            (_("created at"), render.moment(row.created_at, zone)),
            (_("resolved at"), row.resolved_at and render.moment(row.resolved_at, zone)),
            (_("resolved by"), row.resolved_by and names[row.resolved_by]),
            (_("merchant"), row.merchant.name),
            ("id", row.id),
        ]
        return Page(
            title=capfirst(row.get_kind_display()),
            label=self.shown_status(row),
            facts=[Fact(name, value) for name, value in facts if value],
            notes=[render_message(row.detail, row.message)] if row.detail else [],
            sections=[*steps(row), *([tables.audit(row.id, zone)] if _may_read_log(request, row) else [])],
        )

    def get_urls(self) -> list[Any]:
        posted = (self.resolve, self.undo, self.assign)
        resolving, undoing, assigning = (self.admin_site.admin_view(require_POST(view)) for view in posted)
        return [
            path("<str:discrepancy_id>/resolve/", resolving, name="payments_discrepancy_resolve"),
            path("<str:discrepancy_id>/undo/", undoing, name="payments_discrepancy_undo"),
            path("<str:discrepancy_id>/assign/", assigning, name="payments_discrepancy_assign"),
            *super().get_urls(),
        ]

    def page_context(self, request: HttpRequest, row: Discrepancy) -> dict[str, Any]:
        """Both sides, the next one of the list, and the actions that make sense, to those who may take them."""
        allowed = self._may_resolve(request, row)
        shown: dict[str, Any] = {"sides": sides(row), "next_url": self._next(request, row)}
        if allowed and row.status != Discrepancy.Status.RESOLVED:
            shown |= {"assignable": True, "colleagues": colleagues(row)}
        if allowed and can_undo(row):
            waiting = Approval.objects.filter(subject_id=row.id, action=Approval.Action.UNDO_RESOLUTION, decision=None)
            approval = waiting.first()
            shown |= {"undoable": True, "undo_waits": row_link(approval) if approval is not None else ""}
        if not allowed or row.status != Discrepancy.Status.OPEN:
            return shown
        balance = open_balance(row)
        found = ways(row, person(request), _LABELS)
        # What the candidates are to come to, signed as they are: money in suspense stands on the other side.
        left = (balance.amount if row.kind in payouts.KINDS else -balance.amount) if balance else 0
        return shown | {
            "asked": (row.resolution or {}).get("asked"),
            "actions_possible": found,
            "may_match": any(way.name == "match" for way in found),
            "candidates": choices(candidates(row), merchant_id=row.merchant_id),
            "open_amount": written(Money(left, balance.account.currency)) if balance is not None else "",
            "takes_part": balance is not None and balance.amount != 0,
            "open_minor": left,
            "decimals": EXPONENTS.get(row.currency or "", 2),
            "until_example": render.day(row.merchant.business_day(timezone.now()) + timedelta(days=7)),
        }

    def _next(self, request: HttpRequest, row: Discrepancy) -> str:
        """The next open one of the list that the reader comes from, with the way back to that list."""
        filters = request.GET.get("_changelist_filters", "status__exact=open")
        cl = listed(person(request), self, filters)
        ids = list(cl.queryset.filter(status=Discrepancy.Status.OPEN).values_list("id", flat=True)[:MOST_AHEAD])
        after = ids[ids.index(row.id) + 1 :] if row.id in ids else [one for one in ids if one < row.id] or ids
        if not after:
            return ""
        return f"{row_url(Discrepancy, after[0])}?{urlencode({'_changelist_filters': filters})}"

    def _may_resolve(self, request: HttpRequest, row: Discrepancy) -> bool:
        return may(person(request), May.RESOLVE, merchant_id=row.merchant_id, channel_id=row.channel_id)


def _terminal(row: Discrepancy) -> str | None:
    """The terminal by its label, as the floor that keeps terminals knows it."""
    return dict(object_index.choices("trm", merchant_id=row.merchant_id)).get(row.terminal_id or "")


def _may_read_log(request: HttpRequest, row: Discrepancy) -> bool:
    return may(person(request), May.SEE_AUDIT_LOG, merchant_id=row.merchant_id, channel_id=None)

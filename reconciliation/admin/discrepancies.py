"""Discrepancies of every floor: the work list, and the form that resolves one."""

from collections.abc import Sequence
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter

from payments import object_index
from payments.admin.base import render, tables
from payments.admin.base.access import merchants, person
from payments.admin.base.addresses import row_url
from payments.admin.base.error_messages import explain
from payments.admin.base.filters import AmountRange, DayRange, OwnRelated
from payments.admin.base.forms import AmountField, NoteField
from payments.admin.base.links import row_link
from payments.admin.base.page import Fact, Page
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.core.errors import OnetillError
from payments.core.money import EXPONENTS, Money
from payments.models import Channel, Discrepancy
from payments.people.models import Approval, Role, User
from payments.people.permissions import May, may
from payments.text.messages import render_message
from reconciliation.admin import resolve_many
from reconciliation.admin.choices import choice, written
from reconciliation.admin.render import column
from reconciliation.admin.steps import resolution, steps
from reconciliation.models import SettlementFile
from reconciliation.services import payouts
from reconciliation.services.assign import assign
from reconciliation.services.candidates import candidates
from reconciliation.services.open_balance import open_balance, possible
from reconciliation.services.resolve import Resolution, resolve
from reconciliation.services.severity import Severity, due_on, severity
from reconciliation.services.undo import can_undo, undo

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

_SEVERITIES = {
    Severity.LOW: _("low"),
    Severity.MEDIUM: _("medium"),
    Severity.HIGH: _("high"),
    Severity.CRITICAL: _("critical"),
}
_COLORS = {"open": "danger", "proposed": "warning", "resolved": "success"}


class AssignedTo(DropdownFilter):
    """Whose work it is: one's own, or nobody's, or that of a colleague."""

    parameter_name = "assigned_to"
    title = _("assigned to")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        user = person(request)
        beside = Role.objects.filter(user=OuterRef("pk"), merchant_id__in=merchants(user).values("id"))
        others = User.objects.filter(Exists(beside), is_active=True).exclude(id=user.id).order_by("username")
        return [("me", gettext("me")), ("nobody", gettext("nobody")), *((row.id, called(row)) for row in others)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "nobody":
            return queryset.filter(assigned_to=None)
        wanted = person(request).id if self.value() == "me" else self.value()
        return queryset.filter(assigned_to=wanted) if wanted else queryset


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyModelAdmin):
    """The discrepancies, newest first."""

    empty_text = gettext_lazy("Nothing differs. Differences between till, provider and bank appear here by themselves.")
    list_display = (
        *("kind", "shown_status", "amount_shown", "shown_detail", "shown_payment", "assigned", "made"),
        "merchant",
    )
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        AssignedTo,
        ("merchant", OwnRelated),
        ("created_at", DayRange),
        AmountRange,
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
        return render.moment(row.created_at, row.merchant.zone)

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
            (_("severity"), is_open and _SEVERITIES[severity(row, now=timezone.now())]),
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
        resolving, undoing = (self.admin_site.admin_view(require_POST(view)) for view in (self.resolve, self.undo))
        return [
            path("<str:discrepancy_id>/resolve/", resolving, name="payments_discrepancy_resolve"),
            path("<str:discrepancy_id>/undo/", undoing, name="payments_discrepancy_undo"),
            *super().get_urls(),
        ]

    def page_context(self, request: HttpRequest, row: Discrepancy) -> dict[str, Any]:
        """The actions that make sense, to those who may take them."""
        allowed = self._may_resolve(request, row)
        if allowed and can_undo(row):
            waiting = Approval.objects.filter(subject_id=row.id, action=Approval.Action.UNDO_RESOLUTION, decision=None)
            approval = waiting.first()
            undoing = {"undoable": True, "undo_waits": row_link(approval) if approval is not None else ""}
        else:
            undoing = {}
        if not allowed or row.status != Discrepancy.Status.OPEN:
            return undoing
        balance = open_balance(row)
        return undoing | {
            "asked": (row.resolution or {}).get("asked"),
            "actions_possible": [(action, _LABELS[action]) for action in possible(row)],
            "candidates": [choice(one) for one in candidates(row)],
            "open_amount": written(Money(balance.amount, balance.account.currency)) if balance is not None else "",
            "takes_part": balance is not None and balance.amount != 0,
            # What the candidates are to come to, signed as they are: money in suspense stands on the other side.
            "open_minor": (balance.amount if row.kind in payouts.KINDS else -balance.amount) if balance else 0,
            "decimals": EXPONENTS.get(row.currency or "", 2),
        }

    def resolve(self, request: HttpRequest, discrepancy_id: str) -> HttpResponse:
        """Resolve it as the form requests, or show why that is refused."""
        row = self.row(request, discrepancy_id)
        try:
            wanted = Resolution(
                action=request.POST.get("action", ""),
                note=request.POST.get("note", ""),
                with_=tuple(" ".join(request.POST.getlist("with")).split()),
                until=_day(request.POST.get("until", "")),
                amount=AmountField(required=False, currency=row.currency or "EUR").clean(
                    request.POST.get("amount", "")
                ),
            )
            done = resolve(merchant=row.merchant, discrepancy_id=row.id, resolution=wanted, actor=person(request).id)
        except ValidationError as fault:
            messages.error(request, " ".join(fault.messages))
        except OnetillError as refusal:
            messages.error(request, _explain(refusal, row))
        else:
            messages.success(request, done.get_status_display())
        return redirect(row_url(Discrepancy, row.id))

    def undo(self, request: HttpRequest, discrepancy_id: str) -> HttpResponse:
        """Undo what was done about it, or show why that is refused."""
        row = self.row(request, discrepancy_id)
        try:
            note = NoteField().clean(request.POST.get("note", ""))
            done = undo(merchant=row.merchant, discrepancy_id=row.id, note=note, actor=person(request).id)
        except ValidationError as fault:
            messages.error(request, " ".join(fault.messages))
        except OnetillError as refusal:
            messages.error(request, _explain(refusal, row))
        else:
            waits = isinstance(done, Approval)
            messages.success(request, _("This waits for a second person.") if waits else _("Undone."))
        return redirect(row_url(Discrepancy, row.id))

    def _may_resolve(self, request: HttpRequest, row: Discrepancy) -> bool:
        return may(person(request), May.RESOLVE, merchant_id=row.merchant_id, channel_id=row.channel_id)


def _explain(refusal: OnetillError, row: Discrepancy) -> str:
    """Return the text of a refusal; of an amount beyond what stands open, with how much that is."""
    if refusal.code != "amount_exceeds_open" or row.currency is None:
        return explain(refusal)
    left = render.amount(abs(refusal.members["open"]), row.currency)
    return gettext("This is more than what stands open: %(amount)s.") % {"amount": left}


def _day(text: str) -> Any:
    try:
        return parse_date(text)
    except ValueError:
        return None


def called(user: User) -> str:
    """What to call a colleague."""
    return user.get_full_name() or user.get_username()


def _terminal(row: Discrepancy) -> str | None:
    """The terminal by its label, as the floor that keeps terminals knows it."""
    return dict(object_index.choices("trm", merchant_id=row.merchant_id)).get(row.terminal_id or "")


def _may_read_log(request: HttpRequest, row: Discrepancy) -> bool:
    return may(person(request), May.SEE_AUDIT_LOG, merchant_id=row.merchant_id, channel_id=None)

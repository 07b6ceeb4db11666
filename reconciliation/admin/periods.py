"""A channel's day and a merchant's month: what was checked, who closed it, what came later, and the buttons."""

from collections.abc import Sequence
from datetime import date
from typing import Any, ClassVar, Final

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.base import render
from payments.admin.base.access import person, whole_merchants
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import row_url
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import ActionForm, NoteField
from payments.admin.base.links import list_link, open_page_link, overview_link
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.ledger.days import Status
from payments.models import Channel, Discrepancy, Payment
from payments.people.models import Approval, User
from payments.people.permissions import May
from payments.text.messages import render_message
from reconciliation.admin import calendar
from reconciliation.admin.late_entries import late_entries
from reconciliation.closing import Scope, State, Why
from reconciliation.models import BankStatement, Payout, Period
from reconciliation.services.checklist import failed, stored
from reconciliation.services.close_period import close
from reconciliation.services.periods import find, is_over, scope_of, state_of
from reconciliation.services.reopen_period import reopen

CHECKS: Final[dict[str, Any]] = {
    "shifts": gettext_lazy("terminals"),
    "settlements": gettext_lazy("settlements and payouts"),
    "bank": gettext_lazy("bank statements"),
    "discrepancies": gettext_lazy("open differences"),
    "unknowns": gettext_lazy("unknown outcomes"),
    "provisional": gettext_lazy("offline sales"),
    "earlier_day_open": gettext_lazy("earlier days"),
    "days_open": gettext_lazy("days of the channels"),
}
# The list behind each check: of what, and which of it.
_BEHIND: Final[dict[str, tuple[type[Model], dict[str, str]]]] = {
    "shifts": (Discrepancy, {"status__exact": "open"}),
    "settlements": (Payout, {"status__exact": "announced"}),
    "bank": (BankStatement, {}),
    "discrepancies": (Discrepancy, {"status__exact": "open"}),
    "unknowns": (Payment, {"status__exact": "unknown"}),
    "provisional": (Payment, {"provisional__exact": "1"}),
}
_COLORS: Final = {"closed": "success", "open": "warning", "reopened": "warning"}


def status_label(status: str) -> SafeString:
    """Open or closed, in its color."""
    return render.label(_("closed") if status == Status.CLOSED else _("open"), _COLORS[status])


def checks_table(checks: Sequence[dict[str, Any]], scope: Scope) -> Section:
    """Each check with its sentence; one that failed leads to the list behind it."""
    return Section(
        id="checklist",
        title=_("Checklist"),
        columns=[_("check"), _("result"), _("explanation")],
        rows=[
            [_behind(each, scope), _result(each), render_message(each["detail"], each["message"])] for each in checks
        ],
    )


def _result(check: dict[str, Any]) -> SafeString:
    return render.label(_("in order"), "success") if check["passed"] else render.label(_("not in order"), "danger")


def _behind(check: dict[str, Any], scope: Scope) -> Any:
    name, called = check["check"], str(CHECKS[check["check"]])
    if check["passed"]:
        return called
    if name not in _BEHIND:
        return overview_link(Period, calendar.days_address(scope), called)  # an approval shows it to others, too
    model, filters = _BEHIND[name]
    return list_link(model, called, **filters, merchant__id__exact=scope.merchant.id)


class ReasonForm(ActionForm):
    """Why something out of the ordinary is asked for."""

    reason = NoteField(label=gettext_lazy("why"))

    def why(self) -> Why:
        """Who asks, by name, and why."""
        return Why(operator=self.user.get_full_name() or self.user.get_username(), reason=self.cleaned_data["reason"])


def _close(*, user: User, row: Period, form: forms.Form) -> str:
    close(scope_of(row), actor=user)
    return _("%(name)s is closed. What comes later is booked on the next open day.") % {"name": row}


def _override(*, user: User, row: Period, form: Any) -> str:
    done = close(scope_of(row), actor=user, override=form.why())
    if isinstance(done, Approval):
        return _("A second person was asked to agree.")
    return _("%(name)s is closed. What comes later is booked on the next open day.") % {"name": row}


def _reopen(*, user: User, row: Period, form: Any) -> str:
    reopen(scope_of(row), actor=user, why=form.why())
    return _("A second person was asked to agree.")


def _where(row: Period) -> tuple[str, str | None]:
    """Closing is the merchant's matter, also of one channel's day."""
    return row.merchant_id, None


def _is_closable(row: Any) -> bool:
    return row.state.status == Status.OPEN and is_over(row.state.scope) and row.state.waiting is None


CLOSE: Final = AdminAction(
    name="close",
    title=gettext_lazy("Close this period"),
    needs=May.RESOLVE,
    act=_close,
    where=_where,
    possible=lambda row: _is_closable(row) and not failed(row.state.checks),
    explanation=gettext_lazy(
        "After this nothing is booked on it any more: what comes later goes to the next open day."
    ),
)
OVERRIDE: Final = AdminAction(
    name="override",
    title=gettext_lazy("Close in spite of the checklist"),
    needs=May.RESOLVE,
    act=_override,
    form=ReasonForm,
    where=_where,
    possible=lambda row: _is_closable(row) and bool(failed(row.state.checks)),
    explanation=gettext_lazy("A second person sees the checklist and your reason, and decides."),
    dangerous=True,
)
REOPEN: Final = AdminAction(
    name="reopen",
    title=gettext_lazy("Reopen"),
    needs=May.RESOLVE,
    act=_reopen,
    form=ReasonForm,
    where=_where,
    possible=lambda row: row.state.status == Status.CLOSED and row.state.waiting is None,
    explanation=gettext_lazy("A second person decides. Figures that were handed over can change afterwards."),
    dangerous=True,
)


@admin.register(Period)
class PeriodAdmin(ReadOnlyModelAdmin):
    """The days and months that were closed or asked about; of every other there is a page, too, by its own name."""

    empty_text = gettext_lazy("There are no days to close yet. They begin with the first sale.")
    sees: ClassVar[May] = May.SEE_BOOKS
    channel_path: ClassVar[str | None] = None
    page_actions = (CLOSE, OVERRIDE, REOPEN)
    ordering = ("-first", "-id")
    list_display = ("called", "where", "shown_status", "closed_at", "merchant")
    list_filter = (("merchant", OwnRelated), ("channel", OwnRelated), ("first", DayRange))
    list_select_related = ("merchant", "channel__merchant")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Period]:
        rows: QuerySet[Period] = super().get_queryset(request).prefetch_related("changes")
        return rows

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view
        return [
            path("days/", view(calendar.days_page), name="reconciliation_period_days"),
            path("months/", view(calendar.months_page), name="reconciliation_period_months"),
            *super().get_urls(),
        ]

    def row(self, request: HttpRequest, object_id: str) -> Period:
        """A period by its id, or by what it is: `chn_….2026-11-29`, `mer_….2026-11`."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_queryset(request).filter(id=object_id).first() or _named(request, object_id)
        if row is None:
            raise Http404
        row.state = state_of(scope_of(row))  # type: ignore[attr-defined]
        return row

    @admin.display(description=gettext_lazy("day or month"), ordering="first")
    def called(self, row: Period) -> str:
        return title_of(row)

    @admin.display(description=gettext_lazy("channel"), ordering="channel__name")
    def where(self, row: Period) -> str:
        return row.channel.name if row.channel is not None else _("all")

    @admin.display(description=gettext_lazy("status"))
    def shown_status(self, row: Period) -> SafeString | str:
        changes = list(row.changes.all())
        return status_label(changes[-1].status) if changes else render.NOTHING

    @admin.display(description=gettext_lazy("closed at"))
    def closed_at(self, row: Period) -> str:
        changes = list(row.changes.all())
        return render.moment(changes[-1].at, row.merchant.zone) if changes else render.NOTHING

    def page(self, request: HttpRequest, row: Period) -> Page:
        """The checklist, who decided what, and what was booked later although it happened then."""
        state: State = row.state  # type: ignore[attr-defined]
        facts = [
            (_("channel"), row.channel and render.link(row.channel.id, row.channel.name)),
            (_("merchant"), render.link(row.merchant_id, row.merchant.name)),
            (
                _("overview"),
                open_page_link(calendar.overview_address(state.scope), calendar.overview_name(state.scope)),
            ),
            (_("waits for"), state.waiting and _waits_for(state.waiting)),
        ]
        notes = [] if is_over(state.scope) else [_("This is not over yet. It can be closed afterwards.")]
        return Page(
            title=title_of(row),
            label=status_label(state.status),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[checks_table(stored(state.checks), state.scope), _history(state), late_entries(state)],
            notes=notes,
        )


def title_of(row: Period) -> str:
    """`29 Nov 2026`, or the month in words."""
    return calendar.named(row.first, is_month=row.channel_id is None)


def _waits_for(approval: Approval) -> SafeString:
    link = open_page_link(row_url(Approval, approval.id), str(approval.get_action_display()))
    return format_html("{}: {}", _("a second person"), link)


def _history(state: State) -> Section:
    called = render.people({name for row in state.changes for name in (row.actor, row.approved_by) if name})
    return Section(
        id="history",
        title=_("Closed and reopened"),
        columns=[_("at"), _("what"), _("by"), _("agreed by"), _("why")],
        rows=[
            [
                render.moment(row.at, state.scope.merchant.zone),
                row.get_status_display(),
                called[row.actor],
                called.get(row.approved_by, render.NOTHING),
                row.reason or render.NOTHING,
            ]
            for row in state.changes
        ],
        empty=_("Closed along with a later day, as nothing was sold on it.")
        if state.status == Status.CLOSED
        else _("Never closed."),
    )


def _named(request: HttpRequest, name: str) -> Period | None:
    """The period of that name, made for this page alone where nothing was ever asked or decided about it."""
    owner, _dot, when = name.partition(".")
    first = _first(when if owner.startswith("chn_") else f"{when}-01")
    if first is None:
        return None
    merchants = whole_merchants(person(request), PeriodAdmin.sees)
    if owner.startswith("chn_"):
        channel = Channel.objects.select_related("merchant").filter(merchant__in=merchants, id=owner).first()
        scope = Scope(merchant=channel.merchant, channel=channel, first=first) if channel is not None else None
    else:
        merchant = merchants.filter(id=owner).first()
        scope = Scope(merchant=merchant, channel=None, first=first) if merchant is not None else None
    if scope is None:
        return None
    return find(scope) or Period(id=name, merchant=scope.merchant, channel=scope.channel, first=first)


def _first(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.isoformat() == text else None

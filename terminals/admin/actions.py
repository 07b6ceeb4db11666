"""What terminals were asked to do: a payment taken by a button, watched on a page of its own, asked about, stopped."""

import secrets
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base import render
from payments.admin.base.actions import AdminAction
from payments.admin.base.addresses import row_url
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import ActionForm, AmountField, NoteField, in_major_units
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.ranges import DayRange
from payments.admin.base.read_only_admin import ReadOnlyModelAdmin
from payments.admin.customers.link_actions import AnyChannel
from payments.admin.sales.orders import OrderAdmin
from payments.models import Order
from payments.people.models import User
from payments.people.permissions import May, within
from payments.services.create import Acknowledgement
from payments.services.idempotency import FormSubmission
from payments.services.orders import OrderName
from terminals.happenings import cause_of
from terminals.models import ActionStatus, Terminal, TerminalAction
from terminals.services.actions.request import SaleRequest, request_abort, request_sale, request_status

COLORS = {
    ActionStatus.QUEUED: "info",
    ActionStatus.PRESENTED: "info",
    ActionStatus.SUCCEEDED: "success",
    ActionStatus.DECLINED: "danger",
    ActionStatus.UNKNOWN: "warning",
}


class TakeForm(ActionForm):
    """How much, and on which order."""

    amount = AmountField(label=gettext_lazy("amount"))
    order_reference = NoteField(
        label=gettext_lazy("order reference"),
        max_length=64,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Empty: the payment has an order of its own."),
    )
    unknown_reason = NoteField(
        label=gettext_lazy("why, although an earlier payment is unknown"),
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Only where you take it upon yourself to charge beside a payment of unknown outcome."),
    )
    once = forms.RegexField("^[0-9a-f]{32}$", widget=forms.HiddenInput)  # one form makes one payment

    def __init__(self, *args: Any, row: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        self._field("amount").currency = row.merchant.currency
        self._field("once").initial = secrets.token_hex(16)

    def _field(self, name: str) -> Any:
        return self.fields[name]


def _take(*, user: User, row: Terminal, form: TakeForm) -> HttpResponse:
    named = OrderName(reference=form.cleaned_data["order_reference"] or None)
    return _drive(row.id, named, row.merchant.currency, user=user, form=form)


class TakeOnOrderForm(TakeForm):
    """At which terminal, and how much of what the order has due."""

    field_order = ("terminal", "amount")

    terminal = forms.ModelChoiceField(
        Terminal.objects.none(), label=gettext_lazy("terminal"), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, row: Order, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        del self.fields["order_reference"]
        own = Terminal.objects.filter(within(user, May.REQUEST_PAYMENT), merchant=row.merchant_id)
        self._field("terminal").queryset = own.filter(status=Terminal.Status.ACTIVE).order_by("label")
        self._field("amount").currency = row.currency
        if row.unpaid:
            self._field("amount").initial = in_major_units(max(0, row.unpaid), row.currency)


def _take_on_order(*, user: User, row: Order, form: TakeOnOrderForm) -> HttpResponse:
    terminal = form.cleaned_data["terminal"]
    return _drive(terminal.id, OrderName(order_id=row.id), row.currency, user=user, form=form)


def _drive(terminal_id: str, order: OrderName, currency: str, *, user: User, form: TakeForm) -> HttpResponse:
    given, why = form.cleaned_data, form.cleaned_data["unknown_reason"]
    action = request_sale(
        SaleRequest(
            terminal_id=terminal_id,
            amount=given["amount"],
            currency=currency,
            order=order,
            operator=user.get_full_name() or user.get_username(),
            acknowledge_unknown=Acknowledgement(operator=user.get_username(), reason=why) if why else None,
        ),
        actor=user.id,
        guard=FormSubmission(merchant_id=form.row.merchant_id, form_id=given["once"]),
    )
    return redirect(row_url(TerminalAction, action.id))


def _abort(*, user: User, row: TerminalAction, form: ActionForm) -> str:
    request_abort(terminal_id=row.terminal_id, target_id=row.id, actor=user.id)
    return _("The terminal was asked to stop.")


def _ask(*, user: User, row: TerminalAction, form: ActionForm) -> str:
    request_status(terminal_id=row.terminal_id, target_id=row.id, actor=user.id)
    return _("The terminal was asked what came of it.")


TAKE_PAYMENT = AdminAction(
    name="take-payment",
    title=gettext_lazy("Take a payment"),
    needs=May.REQUEST_PAYMENT,
    act=_take,
    form=TakeForm,
    possible=lambda row: row.status == Terminal.Status.ACTIVE,
    explanation=gettext_lazy("The terminal asks the customer for the card. The next page shows what came of it."),
)
TAKE_ON_ORDER = AnyChannel(
    name="terminal",
    title=gettext_lazy("Take a payment on a terminal"),
    needs=May.REQUEST_PAYMENT,
    act=_take_on_order,
    form=TakeOnOrderForm,
    possible=lambda row: row.unpaid is None or row.unpaid > 0,
    explanation=gettext_lazy("The terminal asks the customer for the card. The next page shows what came of it."),
)
ABORT = AdminAction(
    name="abort",
    title=gettext_lazy("Stop"),
    needs=May.REQUEST_PAYMENT,
    act=_abort,
    possible=lambda row: row.moves_money and row.is_open,
    explanation=gettext_lazy("If the card has been charged by then, the payment stands, and the page says so."),
)
ASK = AdminAction(
    name="ask",
    title=gettext_lazy("Ask what came of it"),
    needs=May.REQUEST_PAYMENT,
    act=_ask,
    possible=lambda row: row.moves_money and row.status in (ActionStatus.PRESENTED, ActionStatus.UNKNOWN),
)


OrderAdmin.offer(TAKE_ON_ORDER)


@admin.register(TerminalAction)
class TerminalActionAdmin(ReadOnlyModelAdmin):
    """Each thing a terminal was asked to do, how far it has come, and why it ended so."""

    empty_text = gettext_lazy(
        "No terminal has been asked for anything yet. Open a terminal and take a payment, or let a till ask."
    )
    page_actions = (ABORT, ASK)
    list_display = ("made", "device", "kind", "state", "sum", "paid", "who")
    list_display_links = ("made",)
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("type", ChoicesDropdownFilter),
        ("channel", OwnRelated),
        ("created_at", DayRange),
    )
    list_select_related = ("merchant", "channel", "terminal", "order", "refund_part", "target")
    search_fields = ("=id", "=payment__id", "=terminal__id", "terminal__label", "=order__reference")
    search_help_text = gettext_lazy("Terminal, payment or order reference")

    @admin.display(description=gettext_lazy("time"), ordering="id")
    def made(self, row: TerminalAction) -> str:
        """On the merchant's clocks."""
        return render.moment(row.created_at, row.merchant.zone)

    @admin.display(description=gettext_lazy("terminal"))
    def device(self, row: TerminalAction) -> str | SafeString:
        return render.link(row.terminal_id, row.terminal.label)

    @admin.display(description=gettext_lazy("type"), ordering="type")
    def kind(self, row: TerminalAction) -> str:
        return capfirst(row.get_type_display())

    @admin.display(description=gettext_lazy("status"), ordering="status")
    def state(self, row: TerminalAction) -> SafeString:
        """How far it has come."""
        return state_of(row)

    @admin.display(description=gettext_lazy("amount"), ordering="amount")
    def sum(self, row: TerminalAction) -> SafeString | str:
        return render.NOTHING if row.amount is None else render.money(row.amount, row.currency or "")

    @admin.display(description=gettext_lazy("payment or refund"))
    def paid(self, row: TerminalAction) -> str | SafeString:
        """What it made; of a question or a stop, what that is about."""
        if row.target is not None:
            return render.link(row.target_id)
        return render.link(row.refund_part.refund_id if row.refund_part is not None else row.payment_id)

    @admin.display(description=gettext_lazy("operator"))
    def who(self, row: TerminalAction) -> str:
        return row.operator or render.people([row.requested_by])[row.requested_by]

    def page(self, request: HttpRequest, row: TerminalAction) -> Page:
        """What was asked, by whom, and every step with its cause."""
        zone = row.merchant.zone
        order = row.order
        facts: list[tuple[Any, Any]] = [
            (_("terminal"), self.device(row)),
            (_("channel"), render.link(row.channel_id, row.channel.name)),
            (_("amount"), row.amount and render.amount(row.amount, row.currency or "")),
            (_("order"), order and render.link(order.id, order.reference or render.short(order.id))),
            (_("payment"), row.payment_id and render.link(row.payment_id)),
            (_("refund"), row.refund_part and render.link(row.refund_part.refund_id)),
            (_("about"), row.target_id and render.link(row.target_id)),
            (_("operator"), row.operator),
            (_("reason"), row.reason),
            (_("expires at"), row.expires_at and render.moment(row.expires_at, zone)),
            (_("presented at"), row.presented_at and render.moment(row.presented_at, zone)),
            (_("completed at"), row.completed_at and render.moment(row.completed_at, zone)),
            (_("merchant"), row.merchant.name),
            ("id", row.id),
        ]
        return Page(
            title=f"{self.kind(row)} · {row.terminal.label}",
            label=self.state(row),
            facts=[Fact(name, value) for name, value in facts if value],
            sections=[_steps(row)],
        )


def state_of(row: TerminalAction) -> SafeString:
    """An action's status, in the color of how it stands."""
    return render.label(row.get_status_display(), COLORS.get(ActionStatus(row.status), ""))


def of_terminal(terminal: Terminal) -> Section:
    """What a terminal was asked to do of late."""
    rows = TerminalAction.objects.filter(terminal=terminal).order_by("-id")[:20]
    return Section(
        id="actions",
        title=_("Asked of it"),
        columns=[_("time"), _("type"), _("status"), _("amount"), _("by")],
        rows=[
            [
                render.link(row.id, render.moment(row.created_at, terminal.merchant.zone)),
                capfirst(row.get_type_display()),
                state_of(row),
                render.NOTHING if row.amount is None else render.money(row.amount, row.currency or ""),
                row.operator or render.people([row.requested_by])[row.requested_by],
            ]
            for row in rows
        ],
        empty=_("Nothing was asked of this terminal yet."),
    )


def _steps(row: TerminalAction) -> Section:
    called = render.people(line["actor"] for line in row.history)
    return Section(
        id="steps",
        title=_("What happened"),
        columns=[_("time"), _("status"), _("why"), _("by")],
        rows=[
            [
                render.moment(datetime.fromisoformat(line["at"]), row.merchant.zone),
                capfirst(str(ActionStatus(line["status"]).label)),
                _(cause_of(row, line["cause"])),
                called[line["actor"]],
            ]
            for line in row.history
        ],
    )

"""Tills: what is in them by the books, and buttons for what a person counts, pays in or out, or takes to the bank."""

import secrets
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from payments.admin.base import render, tables
from payments.admin.base.actions import ActionHandler, AdminAction
from payments.admin.base.filters import OwnRelated
from payments.admin.base.forms import ActionForm, AmountField
from payments.admin.base.page import Fact, Page, Section
from payments.admin.base.read_only_admin import ReadOnlyChangeList, ReadOnlyModelAdmin
from payments.core.money import Money
from payments.core.pan import has_card_number
from payments.models import Till, TillMovement
from payments.people.models import User
from payments.people.permissions import May
from payments.queries import tills
from payments.services.idempotency import FormSubmission
from payments.services.till import TillReport, move, set_float

Kind = TillMovement.Kind
SHOWN = 100


class CashForm(ActionForm):
    """How much, and what for; in the merchant's currency."""

    amount = AmountField(label=gettext_lazy("amount"))
    reason = forms.CharField(
        label=gettext_lazy("reason"),
        max_length=200,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("What it is for; of a deposit what stands on its bag or slip."),
    )
    once = forms.RegexField("^[0-9a-f]{32}$", widget=forms.HiddenInput)  # one form moves cash once

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["amount"]
        field.currency = self.row.merchant.currency
        self.fields["once"].initial = secrets.token_hex(16)

    def clean_reason(self) -> str:
        text: str = self.cleaned_data["reason"]
        if has_card_number(text):
            raise ValidationError(_("This contains a card number. Leave it out."))
        return text


class CountForm(CashForm):
    """What was counted; a till may be empty, and a count needs no reason."""

    amount = AmountField(label=gettext_lazy("counted"), or_zero=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["reason"]


class FloatForm(ActionForm):
    """What stays in the drawer overnight."""

    amount = AmountField(label=gettext_lazy("float"), or_zero=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["amount"]
        field.currency = self.row.merchant.currency


def _moves(kind: Kind) -> ActionHandler:
    """Record one kind of movement, done now by the person."""

    def act(*, user: User, row: Till, form: CashForm) -> str:
        given, currency = form.cleaned_data, row.merchant.currency
        report = TillReport(
            channel=row.channel,
            kind=kind,
            amount=Money(given["amount"], currency),
            occurred_at=timezone.now(),
            operator=str(user),
            reason=given.get("reason", ""),
        )
        made = move(report, actor=user.id, guard=FormSubmission(merchant_id=row.merchant_id, form_id=given["once"]))
        if made.difference:
            return _("Counted. The difference of %(amount)s is booked.") % {
                "amount": render.amount(made.difference, currency)
            }
        return _("Recorded. By the books the till holds %(amount)s now.") % {
            "amount": render.amount(tills.till_balance(row.channel, currency), currency)
        }

    return act


def _set_float(*, user: User, row: Till, form: FloatForm) -> str:
    set_float(row, form.cleaned_data["amount"], actor=user.id)
    return _("The float is set.")


class TillChangeList(ReadOnlyChangeList):
    """The rows of one page with what each till holds, in two queries for all of them."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows: list[Any] = list(self.result_list)  # type: ignore[has-type]
        held = tills.held(rows)
        for row in rows:
            row.balances = held[row.id]
        self.result_list = rows


@admin.register(Till)
class TillAdmin(ReadOnlyModelAdmin):
    """The till of each store, what it holds by the books, and everything that was counted and moved there."""

    empty_text = gettext_lazy("There is no store yet. Each store has a till: add a channel of the kind store.")
    list_display = ("store", "holds", "stays")
    list_display_links = ("store",)
    list_filter = (("channel", OwnRelated),)
    list_select_related = ("merchant", "channel")
    search_fields = ("=id", "channel__name")
    search_help_text = gettext_lazy("Store")
    page_actions = (
        AdminAction(
            name="count",
            title=gettext_lazy("Count"),
            explanation=gettext_lazy(
                "What you counted becomes the balance; the difference is booked as a till difference."
            ),
            needs=May.MOVE_CASH,
            form=CountForm,
            act=_moves(Kind.COUNT),
        ),
        AdminAction(
            name="paid_in",
            title=gettext_lazy("Pay in"),
            explanation=gettext_lazy("Cash that comes into the till without a sale; finance assigns what it was for."),
            needs=May.MOVE_CASH,
            form=CashForm,
            act=_moves(Kind.PAID_IN),
        ),
        AdminAction(
            name="paid_out",
            title=gettext_lazy("Pay out"),
            explanation=gettext_lazy("Cash that leaves the till without a refund; finance assigns what it was for."),
            needs=May.MOVE_CASH,
            form=CashForm,
            act=_moves(Kind.PAID_OUT),
        ),
        AdminAction(
            name="deposit",
            title=gettext_lazy("Take to the bank"),
            explanation=gettext_lazy(
                "Cash on its way to the merchant's bank account, until the bank statement shows it."
            ),
            needs=May.MOVE_CASH,
            form=CashForm,
            act=_moves(Kind.DEPOSIT),
        ),
        AdminAction(
            name="float",
            title=gettext_lazy("Set the float"),
            explanation=gettext_lazy("What stays in the drawer overnight; nothing is booked by it."),
            needs=May.MOVE_CASH,
            form=FloatForm,
            act=_set_float,
        ),
    )

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> Any:
        return TillChangeList

    @admin.display(description=gettext_lazy("store"), ordering="id")
    def store(self, row: Till) -> str:
        return row.channel.name

    @admin.display(description=gettext_lazy("holds by the books"))
    def holds(self, row: Any) -> str | SafeString:
        """One amount per currency in which cash was ever moved."""
        own: dict[str, int] = row.balances
        if len(own) > 1:
            return " · ".join(render.amount(amount, currency) for currency, amount in own.items())
        currency = next(iter(own), row.merchant.currency)
        return render.money(own.get(currency, 0), currency)

    @admin.display(description=gettext_lazy("float"), ordering="float_amount")
    def stays(self, row: Till) -> SafeString:
        return render.money(row.float_amount, row.merchant.currency)

    def page(self, request: HttpRequest, row: Till) -> Page:
        """What it holds, and its movements."""
        held = tills.held([row])[row.id] or {row.merchant.currency: 0}
        facts: list[tuple[Any, Any]] = [
            (_("holds by the books"), " · ".join(render.amount(amount, currency) for currency, amount in held.items())),
            (_("float"), render.amount(row.float_amount, row.merchant.currency)),
            (_("over the float"), render.amount(_over(row, held), row.merchant.currency)),
            (_("channel"), render.link(row.channel_id, row.channel.name)),
            (_("merchant"), row.merchant.name),
        ]
        return Page(
            title=_("Till of %(store)s") % {"store": row.channel.name},
            facts=[Fact(name, value) for name, value in facts],
            sections=[_movements(row), tables.audit(row.id, row.merchant.zone)],
        )


def _over(row: Till, held: dict[str, int]) -> int:
    """What could be taken to the bank, leaving the float."""
    return max(0, held.get(row.merchant.currency, 0) - row.float_amount)


def _movements(row: Till) -> Section:
    rows = row.movements.order_by("-id")[:SHOWN]
    return Section(
        id="movements",
        title=capfirst(_("movements")),
        columns=[_("time"), _("kind"), _("amount"), _("expected"), _("difference"), _("operator"), _("reason")],
        rows=[
            [
                render.moment(one.occurred_at, row.merchant.zone),
                one.get_kind_display(),
                render.money(one.amount, one.currency),
                render.money(one.expected, one.currency),
                render.NOTHING if one.difference is None else render.money(one.difference, one.currency),
                one.operator,
                one.reason or render.NOTHING,
            ]
            for one in rows
        ],
        empty=_("Nothing was counted or moved here yet."),
    )

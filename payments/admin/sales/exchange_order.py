"""The exchange form: what comes back, what is taken along, and what moves; its second step does it."""

import secrets
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments.admin.base import render
from payments.admin.base.error_messages import explain
from payments.admin.base.forms import ActionForm, AmountField, in_major_units
from payments.admin.sales.create_refund import (
    ROUTES,
    GiveBack,
    own_channels,
    refundable,
    without_card_number,
)
from payments.core.errors import OnetillError
from payments.models import Channel, Order
from payments.people.models import User
from payments.people.permissions import May
from payments.services.idempotency import FormSubmission
from payments.services.orders import OrderName
from payments.services.refunds.exchange import ExchangeRequest, exchange, plan_difference
from payments.services.refunds.plan import Plan
from payments.services.refunds.sentences import planned


class ExchangeForm(ActionForm):
    """What comes back and what is taken along. The first step says what moves, the second one does it."""

    returned = AmountField(label=gettext_lazy("what comes back"))
    total = AmountField(label=gettext_lazy("what is taken along costs"))
    channel = forms.ModelChoiceField(
        Channel.objects.none(), label=gettext_lazy("channel"), widget=UnfoldAdminSelectWidget
    )
    reference = forms.CharField(
        label=gettext_lazy("reference of the new order"),
        max_length=64,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Empty: it gets none."),
    )
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
    route = forms.ChoiceField(
        label=gettext_lazy("route of the difference"),
        choices=ROUTES,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Where less is taken along than comes back."),
    )
    once = forms.RegexField("^[0-9a-f]{32}$", widget=forms.HiddenInput)
    confirmed = forms.CharField(required=False, widget=forms.HiddenInput)

    shown = False
    plan: Plan | None = None

    def __init__(self, *args: Any, row: Order, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        fields: dict[str, Any] = self.fields
        own = own_channels(user, row.merchant_id)
        fields["channel"].queryset, fields["channel"].initial = own, own.values_list("id", flat=True).first()
        left = refundable(row)
        for name in ("returned", "total"):
            fields[name].currency = row.currency
        fields["returned"].initial = in_major_units(left, row.currency)
        fields["returned"].help_text = _("At most %(amount)s.") % {"amount": render.amount(left, row.currency)}
        fields["once"].initial = secrets.token_hex(16)

    def clean_reason(self) -> str:
        return without_card_number(self.cleaned_data["reason"])

    def clean_reference(self) -> str:
        return without_card_number(self.cleaned_data["reference"])

    def clean(self) -> dict[str, Any]:
        """Plan it, so that the next step shows what moves."""
        given: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.plan = plan_difference(self.exchange_request(given), actor=self.user)
                self.shown = True
            except OnetillError as refusal:
                self.add_error(None, explain(refusal))
        return given

    def complete(self) -> bool:
        """Whether what moves was shown and the person confirmed exactly this."""
        return self.shown and self.cleaned_data["confirmed"] == self.fingerprint

    @property
    def fingerprint(self) -> str:
        """What was shown, in one line."""
        parts = self.plan.parts if self.plan is not None else ()
        routes = " ".join(f"{part.payment.id}:{part.amount}:{part.route}" for part in parts)
        return f"{self.cleaned_data['returned']}:{self.cleaned_data['total']} {routes}".strip()

    @property
    def sentence(self) -> str:
        """What moves, in words."""
        returned, total = self.cleaned_data["returned"], self.cleaned_data["total"]
        difference = render.amount(abs(returned - total), self.row.currency)
        if returned == total:
            return _("Nothing moves: what comes back pays for what is taken along.")
        if returned < total:
            return _("%(amount)s is still to be paid for what is taken along.") % {"amount": difference}
        return _("%(amount)s goes back to the customer.") % {"amount": difference}

    @property
    def sentences(self) -> list[str]:
        """What moves, and how the difference travels, as a cashier reads it out."""
        parts = self.plan.parts if self.plan is not None else ()
        return [self.sentence, *(planned(part, self.row.currency) for part in parts)]

    def exchange_request(self, given: dict[str, Any]) -> ExchangeRequest:
        """The cleaned form as the request that the service takes."""
        return ExchangeRequest(
            order=self.row,
            channel=given["channel"],
            returned=given["returned"],
            new_order=OrderName(reference=given["reference"] or None),
            total=given["total"],
            reason=given["reason"],
            route=given["route"],
            operator=self.user.get_full_name() or self.user.get_username(),
        )


def _exchange(*, user: User, row: Order, form: Any) -> str:
    guard = FormSubmission(merchant_id=row.merchant_id, form_id=form.cleaned_data["once"])
    done = exchange(form.exchange_request(form.cleaned_data), actor=user, guard=guard)
    new = done.order.reference or render.short(done.order.id)
    return _("Exchanged for order %(order)s. %(sentence)s") % {"order": new, "sentence": form.sentence}


EXCHANGE = GiveBack(
    name="exchange",
    title=pgettext_lazy("of goods", "Exchange"),
    explanation=gettext_lazy("Something comes back and something else is taken along. You see first what moves."),
    needs=May.REFUND,
    form=ExchangeForm,
    act=_exchange,
    possible=lambda row: refundable(row) > 0,
    template="payments/admin/exchange.html",
)

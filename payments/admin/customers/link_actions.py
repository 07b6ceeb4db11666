"""Asking a customer to pay by a link: made, sent, taken back."""

import secrets
from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from payments.admin.base import render
from payments.admin.base.access import merchants
from payments.admin.base.actions import AdminAction
from payments.admin.base.forms import ActionForm, AmountField, NoteField, in_major_units
from payments.models import Channel, Order, PaymentLink
from payments.models.payment import Method
from payments.people.models import User
from payments.people.permissions import May, within
from payments.services.idempotency import FormSubmission
from payments.services.link import OFFERED, LinkRequest, cancel_link, create_link
from payments.services.orders import OrderName
from payments.services.send_link import send_link

Status = PaymentLink.Status
LANGUAGES = [("", gettext_lazy("the merchant's usual language")), *settings.LANGUAGES]


class MomentInput(UnfoldAdminTextInputWidget):
    """A day and an hour, chosen in the browser's own calendar."""

    input_type = "datetime-local"


class WordField(NoteField):
    """One line, never with a card number in it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": UnfoldAdminTextInputWidget, **kwargs})


class MailField(forms.EmailField):
    """Where a letter goes."""

    widget = UnfoldAdminEmailInputWidget


class SendForm(ActionForm):
    """To whom, and in which language."""

    to = MailField(label=gettext_lazy("e-mail"), max_length=254)
    language = forms.ChoiceField(
        label=gettext_lazy("language"), choices=LANGUAGES, required=False, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, row: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        customer = getattr(row, "customer", None)
        self.fields["to"].initial = customer.email if customer is not None else ""


class OrderLinkForm(SendForm):
    """The form of a payment link for a known order."""

    field_order: Sequence[str] = ("channel", "description", "amount")

    channel = forms.ModelChoiceField(
        Channel.objects.none(), label=gettext_lazy("channel"), widget=UnfoldAdminSelectWidget
    )
    description = WordField(
        label=gettext_lazy("description"), max_length=500, help_text=gettext_lazy("The customer reads this.")
    )
    amount = AmountField(label=gettext_lazy("amount"), required=False)
    expires_at = forms.DateTimeField(label=gettext_lazy("expires at"), required=False, widget=MomentInput)
    methods = forms.MultipleChoiceField(
        label=gettext_lazy("ways to pay"),
        choices=[(method.value, method.label) for method in map(Method, OFFERED)],
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("None chosen: all payment methods."),
    )
    once = forms.RegexField("^[0-9a-f]{32}$", widget=forms.HiddenInput)  # one form makes one link

    def __init__(self, *args: Any, row: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        own = Channel.objects.filter(within(user, May.REQUEST_PAYMENT, channel="id"), active=True)
        self._field("channel").queryset = self.channels(own).select_related("merchant").order_by("name")
        self._field("once").initial = secrets.token_hex(16)
        self._field("to").required = False
        self._field("to").help_text = _("Empty: it is not sent. You can copy the address from the link's page.")
        for name in ("amount", "amount_min", "amount_max"):
            if name in self.fields:
                self._field(name).currency = self.currency()
        self.prefill()

    def channels(self, own: Any) -> Any:
        """Where the payment will count."""
        return own.filter(merchant_id=self.row.merchant_id)

    def currency(self) -> str:
        """What amounts are typed in."""
        return str(self.row.currency)

    def prefill(self) -> None:
        """What is still due, in the channel of the order."""
        due = None if self.row.unpaid is None else max(0, self.row.unpaid)
        self._field("channel").initial = self.row.channel_id
        self._field("description").initial = _("Order %(name)s") % {"name": self.row.reference or self.row.id}
        self._field("amount").initial = in_major_units(due, self.row.currency) if due else ""
        if due is not None:
            self._field("amount").help_text = _("Empty: the amount still due when the customer pays.")

    def clean_expires_at(self) -> Any:
        """Not before now."""
        until = self.cleaned_data["expires_at"]
        if until is not None and until <= timezone.now():
            raise ValidationError(_("Choose a moment in the future."))
        return until

    def clean(self) -> dict[str, Any]:
        """Something must say how much."""
        given: dict[str, Any] = super().clean() or {}
        if not self.errors and given["amount"] is None and self.row.total is None:
            self.add_error("amount", _("The total of this order is not known. Enter an amount."))
        return given

    def link_request(self) -> LinkRequest:
        """The cleaned form as the request that the service takes."""
        return LinkRequest(order=OrderName(order_id=self.row.id), currency=self.row.currency, **self.shared())

    def shared(self) -> dict[str, Any]:
        """What every link has."""
        given = self.cleaned_data
        return {name: given[name] for name in ("channel", "description", "amount", "expires_at", "methods")}

    def _field(self, name: str) -> Any:
        return self.fields[name]


class NewLinkForm(OrderLinkForm):
    """The form of a payment link for an order's reference, or for no known order."""

    field_order = ("channel", "description", "amount", "amount_min", "amount_max", "order_reference")

    amount_min = AmountField(label=gettext_lazy("at least"), required=False)
    amount_max = AmountField(
        label=gettext_lazy("at most"),
        required=False,
        help_text=gettext_lazy("Instead of a fixed amount: the customer chooses one between these two."),
    )
    order_reference = WordField(
        label=gettext_lazy("order reference"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("Empty: the payment gets its own order."),
    )
    reusable = forms.BooleanField(
        label=gettext_lazy("may be used again"),
        required=False,
        widget=UnfoldBooleanSwitchWidget,
        help_text=gettext_lazy("For a poster or a donation: everyone who opens it may pay."),
    )

    def channels(self, own: Any) -> Any:
        return own

    def currency(self) -> str:
        chosen = self._field("channel").queryset.filter(id=self.data.get("channel") or "").first()
        return chosen.merchant.currency if chosen is not None else "EUR"

    def prefill(self) -> None:
        """The only channel there is."""
        first = list(self._field("channel").queryset[:2])
        self._field("channel").initial = first[0] if len(first) == 1 else None

    def clean(self) -> dict[str, Any]:
        """One amount, or two bounds."""
        given: dict[str, Any] = super(OrderLinkForm, self).clean() or {}
        if not self.errors:
            least, most = given["amount_min"], given["amount_max"]
            if (least is None) != (most is None) or (given["amount"] is None) == (least is None):
                self.add_error(
                    "amount", _("Enter an amount, or both the lowest and the highest amount that may be paid.")
                )
            elif least is not None and least > most:
                self.add_error("amount_max", _("The lowest amount is higher than the highest amount."))
        return given

    def link_request(self) -> LinkRequest:
        given = self.cleaned_data
        reference = given["order_reference"]
        return LinkRequest(
            order=OrderName(reference=reference) if reference else None,
            currency=given["channel"].merchant.currency,
            amount_min=given["amount_min"],
            amount_max=given["amount_max"],
            reusable=given["reusable"],
            **self.shared(),
        )


def make(form: OrderLinkForm, user: User) -> PaymentLink:
    """Make the link that a form asks for, and send it where the form says so."""
    given, link_request = form.cleaned_data, form.link_request()
    guard = FormSubmission(merchant_id=link_request.channel.merchant_id, form_id=given["once"])
    made = create_link(link_request, actor=user.id, guard=guard)
    if given["to"]:
        send_link(made, to=given["to"], language=given["language"] or None, actor=user.id)
    return made


def _of_order(*, user: User, row: Order, form: Any) -> str:
    made = make(form, user)
    return _("The payment link is made: %(name)s") % {"name": made.description}


def _send(*, user: User, row: PaymentLink, form: Any) -> str:
    given = form.cleaned_data
    send_link(row, to=given["to"], language=given["language"] or None, actor=user.id)
    return _("Sent to %(to)s.") % {"to": given["to"]}


def _cancel(*, user: User, row: PaymentLink, form: Any) -> str:
    cancel_link(row, actor=user.id)
    return _("Canceled. The link can no longer be paid.")


def _is_active(row: PaymentLink) -> bool:
    return row.status == Status.ACTIVE


class AnyChannel(AdminAction):
    """A link may be made in any channel of the merchant."""

    def allowed(self, user: User, row: Any) -> bool:
        return merchants(user, self.needs).filter(id=row.merchant_id).exists()


OF_ORDER = AnyChannel(
    name="link",
    title=gettext_lazy("Payment link"),
    explanation=gettext_lazy("The customer pays this order at an address that you send, show or print."),
    needs=May.REQUEST_PAYMENT,
    form=OrderLinkForm,
    act=_of_order,
    possible=lambda row: row.unpaid is None or row.unpaid > 0,
)
ACTIONS = (
    AdminAction(
        name="send",
        title=gettext_lazy("Send by e-mail"),
        needs=May.REQUEST_PAYMENT,
        form=SendForm,
        act=_send,
        possible=_is_active,
    ),
    AdminAction(
        name="cancel",
        title=gettext_lazy("Cancel"),
        explanation=gettext_lazy("The link can no longer be paid. A payment that is already under way is not stopped."),
        needs=May.REQUEST_PAYMENT,
        act=_cancel,
        possible=_is_active,
        dangerous=True,
    ),
)


def amount(row: PaymentLink) -> str:
    """What a link asks for."""
    if row.amount is not None:
        return render.amount(row.amount, row.currency)
    if row.amount_min is not None:
        return f"{render.amount(row.amount_min, row.currency)} – {render.amount(row.amount_max, row.currency)}"
    return _("what is due")

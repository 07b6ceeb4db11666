"""What may be done with a payment: captured, released, given back."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldBooleanSwitchWidget

from payments.admin.base import render
from payments.admin.base.actions import AdminAction
from payments.admin.base.forms import ActionForm, AmountField, in_major_units
from payments.admin.sales.create_refund import GIVE_BACK
from payments.models import Payment
from payments.models.payment import PaymentStatus
from payments.people.models import User
from payments.people.permissions import May
from payments.services.cancel import cancel_payment
from payments.services.capture import capture_payment

_WAITING = frozenset({PaymentStatus.REQUIRES_ACTION, PaymentStatus.PROCESSING, PaymentStatus.AUTHORIZED})


class CaptureForm(ActionForm):
    """How much, and whether the rest is released."""

    amount = AmountField(label=gettext_lazy("amount"), required=False)
    final = forms.BooleanField(
        label=gettext_lazy("release the rest"), required=False, initial=True, widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, *args: Any, row: Payment, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        field = self.fields["amount"]
        assert isinstance(field, AmountField)
        field.currency = row.currency
        field.initial = in_major_units(row.amount_capturable, row.currency)
        field.help_text = _("At most %(amount)s.") % {"amount": render.amount(row.amount_capturable, row.currency)}


def _capture(*, user: User, row: Payment, form: Any) -> str:
    given = form.cleaned_data
    done = capture_payment(row, amount=given["amount"], final=given["final"], actor=user.id)
    values = {"amount": render.amount(done.amount_captured, done.currency), "status": done.get_status_display()}
    return _("Capture requested. %(amount)s of this payment is captured now; its status is %(status)s.") % values


def _cancel(*, user: User, row: Payment, form: Any) -> str:
    done = cancel_payment(row, actor=user.id)
    return _("Cancellation requested. The payment's status is %(status)s.") % {"status": done.get_status_display()}


def _may_be_released(row: Payment) -> bool:
    return row.status in _WAITING or row.amount_capturable > 0


ACTIONS = (
    AdminAction(
        name="capture",
        title=gettext_lazy("Capture"),
        explanation=gettext_lazy("The provider collects what the customer authorized."),
        needs=May.RESOLVE,
        form=CaptureForm,
        act=_capture,
        possible=lambda row: row.amount_capturable > 0,
    ),
    AdminAction(
        name="cancel",
        title=gettext_lazy("Cancel"),
        explanation=gettext_lazy(
            "What is not yet captured is released to the customer. To give back what was captured, make a refund."
        ),
        needs=May.RESOLVE,
        act=_cancel,
        possible=_may_be_released,
        dangerous=True,
    ),
    GIVE_BACK,
)

"""Actions on a refund: approve or reject it, release its bank transfer, abandon a part."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from payments.admin.base import render
from payments.admin.base.actions import AdminAction
from payments.admin.base.forms import ActionForm, NoteField
from payments.admin.sales.create_refund import result_message
from payments.models import Refund, RefundPart
from payments.models.refund import PartStatus, RefundStatus, Route
from payments.people.models import User
from payments.people.permissions import May
from payments.services.refunds.approve import approve_refund
from payments.services.refunds.cancel import cancel_refund
from payments.services.refunds.decline import decline_refund
from payments.services.refunds.release import release_bank_part

_OPEN = frozenset({PartStatus.REQUIRES_APPROVAL, PartStatus.QUEUED, PartStatus.PENDING, PartStatus.FAILED})


class AgreeForm(ActionForm):
    """An optional note for the audit log."""

    note = NoteField(required=False)


class DeclineForm(ActionForm):
    """Why not."""

    note = NoteField()


class ReleaseForm(ActionForm):
    """Which transfer was given to the bank."""

    part = forms.ModelChoiceField(
        RefundPart.objects.none(), label=gettext_lazy("bank transfer"), widget=UnfoldAdminSelectWidget
    )

    def __init__(self, *args: Any, row: Refund, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        field: Any = self.fields["part"]
        field.queryset = row.parts.filter(route=Route.BANK, status=PartStatus.PENDING).select_related(
            "refund__merchant"
        )
        field.label_from_instance = lambda part: f"{render.amount(part.amount, row.currency)} ({render.short(part.id)})"
        field.initial = field.queryset.first()
        field.empty_label = None


def _approve(*, user: User, row: Refund, form: Any) -> str:
    return result_message(approve_refund(row, user=user, note=form.cleaned_data["note"]))


def _decline(*, user: User, row: Refund, form: Any) -> str:
    decline_refund(row, user=user, note=form.cleaned_data["note"])
    return _("Rejected. Nothing is given back, and the amount is free again.")


def _release(*, user: User, row: Refund, form: Any) -> str:
    release_bank_part(form.cleaned_data["part"], user=user)
    return _("Released. The bank statement will show the transfer.")


def _cancel(*, user: User, row: Refund, form: Any) -> str:
    done = cancel_refund(row, actor=user.id)
    return _("Canceled. The refund's status is %(status)s.") % {"status": done.get_status_display()}


def _waits(row: Refund) -> bool:
    return row.status == RefundStatus.REQUIRES_APPROVAL


def _has_transfer(row: Refund) -> bool:
    return any(part.route == Route.BANK and part.status == PartStatus.PENDING for part in row.parts.all())


def _is_open(row: Refund) -> bool:
    return any(part.status in _OPEN for part in row.parts.all())


ACTIONS = (
    AdminAction(
        name="approve",
        title=gettext_lazy("Approve"),
        explanation=gettext_lazy("The refund is approved and carried out at once."),
        needs=May.APPROVE_REFUNDS,
        form=AgreeForm,
        act=_approve,
        possible=_waits,
        second_factor=True,
    ),
    AdminAction(
        name="reject",
        title=gettext_lazy("Reject"),
        explanation=gettext_lazy("Nothing is given back, and the amount is free again."),
        needs=May.APPROVE_REFUNDS,
        form=DeclineForm,
        act=_decline,
        possible=_waits,
        dangerous=True,
        second_factor=True,
    ),
    AdminAction(
        name="release",
        title=gettext_lazy("Release the bank transfer"),
        explanation=gettext_lazy("Say here that you have told the bank to pay. Onetill gives the bank no orders."),
        needs=May.RELEASE_TRANSFERS,
        form=ReleaseForm,
        act=_release,
        possible=_has_transfer,
        second_factor=True,
    ),
    AdminAction(
        name="cancel",
        title=gettext_lazy("Cancel the refund"),
        explanation=gettext_lazy(
            "What has not been paid yet, or has failed, is canceled. What has been paid stays as it is."
        ),
        needs=May.REFUND,
        act=_cancel,
        possible=_is_open,
        dangerous=True,
    ),
)

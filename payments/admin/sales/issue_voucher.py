"""The form that gives a voucher away: printed at once, or sent by e-mail."""

import secrets
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from payments.admin.base.actions import AdminAction
from payments.admin.base.forms import ActionForm, AmountField
from payments.admin.finance.sales import DayInput
from payments.admin.sales.create_refund import voucher_code_message, without_card_number
from payments.models import Channel
from payments.people.models import User
from payments.people.permissions import May
from payments.services.idempotency import FormSubmission
from payments.services.issue_voucher import VoucherGift, issue_voucher
from payments.text.form_fields import DayField

USUAL = timedelta(days=2 * 365)  # how long a voucher is good where nobody says otherwise


class VoucherForm(ActionForm):
    """How much, why, until when, and whether it is printed or sent."""

    amount = AmountField(label=gettext_lazy("amount"))
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
    last_day = DayField(
        label=gettext_lazy("valid until"),
        required=False,
        widget=DayInput,
        help_text=gettext_lazy("The last day; empty: without end."),
    )
    to = forms.EmailField(
        label=gettext_lazy("e-mail address"),
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("Empty: you get a PDF to print. The code is shown nowhere afterwards."),
    )
    once = forms.RegexField("^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, row: Channel, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        fields: dict[str, Any] = self.fields
        fields["amount"].currency = row.merchant.currency
        fields["last_day"].initial = (row.merchant.business_day(timezone.now()) + USUAL).isoformat()
        fields["once"].initial = secrets.token_hex(16)

    def clean_reason(self) -> str:
        return without_card_number(self.cleaned_data["reason"])


def _issue(*, user: User, row: Channel, form: Any) -> str | HttpResponse:
    given, expires_at = form.cleaned_data, None
    if given["last_day"] is not None:
        # Good through its last day: it ends with the next one's first moment.
        expires_at = datetime.combine(given["last_day"] + timedelta(days=1), time.min, row.merchant.zone)
    gift = VoucherGift(
        channel=row, amount=given["amount"], reason=given["reason"], expires_at=expires_at, to=given["to"]
    )
    guard = FormSubmission(merchant_id=row.merchant_id, form_id=given["once"])
    made, content = issue_voucher(gift, user=user, guard=guard)
    if given["to"]:
        sent = _("The voucher is on its way to %(to)s.") % {"to": given["to"]}
        return f"{sent} {voucher_code_message(made.code)}"
    name = f"voucher-{made.voucher.code_end}.pdf"
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


ISSUE = AdminAction(
    name="issue-voucher",
    title=gettext_lazy("Give a voucher"),
    explanation=gettext_lazy("The shop gives it away: it is booked to promotions, and owed to whoever has its code."),
    needs=May.APPROVE_REFUNDS,
    form=VoucherForm,
    act=_issue,
    possible=lambda row: row.active,
    where=lambda row: (row.merchant_id, row.id),
    second_factor=True,
)

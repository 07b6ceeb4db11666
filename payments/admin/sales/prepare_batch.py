"""The page that makes a batch: which of the waiting transfers leave together, from which account, on which day."""

import secrets
from datetime import date
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from payments.admin.base import render
from payments.admin.base.access import person, require_second_factor, whole_merchants
from payments.admin.base.addresses import list_url, row_url
from payments.admin.base.error_messages import explain, words
from payments.admin.base.links import same_page_link
from payments.admin.base.page import Section
from payments.admin.sales.account_looks import grouped, note_looks
from payments.core.bank_days import after_bank_days, bank_day_from
from payments.core.errors import OnetillError
from payments.models import BankTransfer, Merchant, RefundPart, TransferBatch
from payments.people.permissions import May
from payments.services.idempotency import FormSubmission, KeyTaken
from payments.services.transfer import account_of
from payments.services.transfer_batches.candidates import LeftOut, debtor_accounts, sorted_out
from payments.services.transfer_batches.prepare import prepare_batch

CHOICES = 10  # bank days that are offered


class BatchForm(forms.Form):
    """What leaves, from where and when. All that fits is ticked."""

    iban = forms.ChoiceField(label=gettext_lazy("From account"), widget=UnfoldAdminSelectWidget)
    execute_on = forms.ChoiceField(label=gettext_lazy("To be executed on"), widget=UnfoldAdminSelectWidget)
    parts = forms.MultipleChoiceField(label=gettext_lazy("Transfers"), widget=forms.CheckboxSelectMultiple)
    once = forms.RegexField("^[0-9a-f]{32}$", widget=forms.HiddenInput)

    def __init__(self, *args: Any, merchant: Merchant, fitting: list[RefundPart], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._field("iban").choices = [(iban, grouped(iban)) for iban in debtor_accounts(merchant)]
        first = bank_day_from(merchant.business_day(timezone.now()))
        days = [after_bank_days(first, count) for count in range(CHOICES)]
        self._field("execute_on").choices = [(day.isoformat(), render.day(day)) for day in days]
        self._field("parts").choices = [(part.id, _line(part)) for part in fitting]
        self._field("parts").initial = [part.id for part in fitting]
        self._field("once").initial = secrets.token_hex(16)

    def _field(self, name: str) -> Any:
        return self.fields[name]


def prepare_view(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show what waits at one of the reader's merchants, and make the batch that was chosen."""
    user = person(request)
    own = list(whole_merchants(user, May.RELEASE_TRANSFERS).order_by("name"))
    if not own:
        raise PermissionDenied
    if step_up := require_second_factor(request, back=request.get_full_path()):
        return step_up
    merchant = next((row for row in own if row.id == request.GET.get("merchant")), own[0])
    fitting, left_out = sorted_out(merchant)
    data = request.POST if request.method == "POST" else None
    form = BatchForm(data, merchant=merchant, fitting=fitting)
    if form.is_valid() and (done := _make(request, form, merchant)) is not None:
        return done
    note_looks(user, fitting)
    context |= {
        "title": _("Make a batch for the bank"),
        "form": form,
        "merchant": merchant,
        "others": [same_page_link(f"merchant={row.id}", row.name) for row in own if row != merchant],
        "fitting": fitting,
        "accounts": form.fields["iban"].choices,  # type: ignore[attr-defined]
        "sections": [_left_out(left_out)] if left_out else [],
        "back": list_url(BankTransfer),
    }
    status = 422 if form.errors else 200
    return TemplateResponse(request, "payments/admin/prepare_batch.html", context, status=status)


def _make(request: HttpRequest, form: BatchForm, merchant: Merchant) -> HttpResponse | None:
    given = form.cleaned_data
    try:
        batch = prepare_batch(
            merchant=merchant,
            iban=given["iban"],
            part_ids=given["parts"],
            execute_on=date.fromisoformat(given["execute_on"]),
            user=person(request),
            guard=FormSubmission(merchant_id=merchant.id, form_id=given["once"]),
        )
    except KeyTaken:
        return redirect(list_url(TransferBatch))
    except OnetillError as refusal:
        form.add_error(None, explain(refusal))
        return None
    return redirect(row_url(TransferBatch, batch.id))


def _line(part: RefundPart) -> str:
    account = account_of(part)
    figures = (render.amount(part.amount, part.refund.currency), account.name, grouped(account.iban))
    return " · ".join([*figures, _("order %(order)s") % {"order": part.refund.order.reference or part.refund.order_id}])


def _left_out(rows: list[LeftOut]) -> Section:
    return Section(
        id="left-out",
        title=_("What no batch can hold"),
        columns=[_("refund"), _("amount"), _("why")],
        rows=[
            [
                render.link(row.part.refund_id),
                render.money(row.part.amount, row.part.refund.currency),
                words(row.code, row.detail),
            ]
            for row in rows
        ],
    )

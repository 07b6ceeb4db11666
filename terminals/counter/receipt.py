"""Receipts at the counter: looked at, printed, or sent by e-mail."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from payments.core.errors import OnetillError
from payments.core.ids import is_id
from payments.models import Payment, Refund
from payments.people.pictures import qr
from payments.receipts.contents import of_payment, of_refund
from payments.services.idempotency import FormSubmission, KeyTaken
from payments.services.send_receipt import address_of, is_available, receipt_of, send_receipt
from terminals.counter import sentences
from terminals.counter.desk import Desk, at_counter, refusal_of
from terminals.counter.forms import OnceField, new_once
from terminals.counter.page import page


class MailForm(forms.Form):
    """Where it goes; empty: to the address that the customer is known by."""

    to = forms.EmailField(max_length=254, required=False)
    once = OnceField()


@require_safe
@at_counter
def show(request: HttpRequest, desk: Desk, object_id: str) -> HttpResponse:
    """`/counter/receipts/{id}`: the receipt as it is printed."""
    return _show(request, desk, _row(desk, object_id))


@require_safe
@at_counter
def pdf(request: HttpRequest, desk: Desk, object_id: str) -> HttpResponse:
    """`/counter/receipts/{id}/pdf`."""
    receipt, content = receipt_of(_row(desk, object_id), language=get_language())
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="{receipt.number}.pdf"'
    return response


@require_POST
@at_counter
def mail(request: HttpRequest, desk: Desk, object_id: str) -> HttpResponse:
    """`/counter/receipts/{id}/mail`: have it written and sent, once for each form."""
    if not desk.can_send_mail:
        raise PermissionDenied
    row = _row(desk, object_id)
    form = MailForm(request.POST)
    if not form.is_valid():
        return _show(request, desk, row, error=_("Type the customer's e-mail address."), status=422)
    guard = FormSubmission(merchant_id=desk.merchant.id, form_id=form.cleaned_data["once"])
    try:
        send_receipt(row, actor=desk.user.id, to=form.cleaned_data["to"] or None, language=get_language(), guard=guard)
    except KeyTaken:
        pass  # by the same form before; nothing is sent twice
    except OnetillError as error:
        return _show(request, desk, row, error=refusal_of(error), status=422)
    return redirect(f"{reverse('counter_order', args=[row.order_id])}?sent=receipt")


def _show(
    request: HttpRequest, desk: Desk, row: Payment | Refund, *, error: str = "", status: int = 200
) -> HttpResponse:
    receipt = of_payment(row) if isinstance(row, Payment) else of_refund(row)
    context: dict[str, Any] = {
        "desk": desk,
        "row": row,
        "receipt": receipt,
        "order_name": sentences.name_of(row.order),
        "qr": qr(receipt.number),
        "known": address_of(row),
        "typed": request.POST.get("to", ""),
        "once": new_once(),
        "error": error,
    }
    return page(request, "receipt.html", context, title=receipt.title, status=status)


def _row(desk: Desk, object_id: str) -> Payment | Refund:
    """What the receipt is of, of any channel of the desk's merchant; there is none before money has moved."""
    rows: Any
    if is_id(object_id, "ref"):
        rows = Refund.objects.select_related("merchant", "channel", "order__customer")
    elif is_id(object_id, "pay"):
        rows = Payment.objects.select_related("merchant", "channel", "order__customer", "customer", "voucher")
    else:
        raise Http404
    row: Payment | Refund | None = rows.filter(id=object_id, merchant=desk.merchant).first()
    if row is None or not is_available(row):
        raise Http404
    return row

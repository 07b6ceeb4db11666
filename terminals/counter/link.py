"""A payment link made at the counter: the customer scans its code and pays on their own phone."""

import contextlib
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments.core.errors import Conflict, OnetillError
from payments.models import Order, PaymentLink
from payments.queries.due import due
from payments.queries.links import with_status
from payments.services.idempotency import FormSubmission, KeyTaken
from payments.services.link import LinkRequest, address, cancel_link, create_link
from payments.services.orders import OrderName
from payments.text.form_fields import AmountField
from payments.text.formatting import amount
from terminals.counter import sentences
from terminals.counter.desk import Desk, at_counter, refusal_of
from terminals.counter.forms import OnceField, WordsField, filled, typed
from terminals.counter.order import amount_of_link, of_merchant, open_links
from terminals.counter.page import page


class LinkForm(forms.Form):
    """How much, and what for."""

    amount = AmountField(max_length=20)
    description = WordsField(max_length=500)
    reference = WordsField(max_length=64, required=False)
    once = OnceField()

    def __init__(self, data: Any = None, *, currency: str) -> None:
        super().__init__(data)
        amounts: Any = self.fields["amount"]
        amounts.currency = currency


@require_http_methods(["GET", "POST"])
@at_counter
def of_order(request: HttpRequest, desk: Desk, order_id: str) -> HttpResponse:
    """`/counter/orders/{id}/link`: for what is due on an order."""
    return _make(request, desk, of_merchant(desk, order_id))


@require_http_methods(["GET", "POST"])
@at_counter
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """`/counter/link`: for something new, with an order of its own."""
    return _make(request, desk, None)


@require_POST
@at_counter
def cancel(request: HttpRequest, desk: Desk, link_id: str) -> HttpResponse:
    """`/counter/links/{id}/cancel`: take it back, so that nobody pays by it any more."""
    if not desk.can_request_payment:
        raise PermissionDenied
    row = with_status(PaymentLink.objects.filter(id=link_id.replace("\0", ""), merchant=desk.merchant)).first()
    if row is None:
        raise Http404
    # One that is canceled or paid by now is shown as that.
    with contextlib.suppress(Conflict):
        cancel_link(row, actor=desk.user.id)
    return redirect("counter_linked", link_id=row.id)


@require_safe
@at_counter
def watch(request: HttpRequest, desk: Desk, link_id: str) -> HttpResponse:
    """`/counter/links/{id}`: the code to scan, until it is paid."""
    rows = PaymentLink.objects.filter(id=link_id.replace("\0", ""), merchant=desk.merchant)
    row = with_status(rows).first()
    if row is None:
        raise Http404
    context = {
        "desk": desk,
        "link": row,
        "address": address(row),
        "amount": amount(amount_of_link(row), row.currency),
        "stands": sentences.link_status(row),
        "is_active": row.status == PaymentLink.Status.ACTIVE,
        "is_paid": row.status == PaymentLink.Status.PAID,
        "state": row.status if row.status == PaymentLink.Status.ACTIVE else "",
    }
    return page(request, "link_watch.html", context, title=_("Payment link"))


def _make(request: HttpRequest, desk: Desk, order: Order | None) -> HttpResponse:
    if not desk.can_request_payment:
        raise PermissionDenied
    currency = order.currency if order is not None else desk.merchant.currency
    form = LinkForm(request.POST if request.method == "POST" else None, currency=currency)
    if request.method != "POST":
        return _form(request, desk, order, form)
    submission = FormSubmission(merchant_id=desk.merchant.id, form_id=request.POST.get("once", "")[:32])
    made = submission.made()
    if made is None and form.is_valid():
        made = _create(desk, order, form, submission)
    if made is None:
        return _form(request, desk, order, form, status=422)
    return redirect("counter_linked", link_id=made)


def _create(desk: Desk, order: Order | None, form: LinkForm, submission: FormSubmission) -> str | None:
    """Make the link and return its id; None where it was refused, with the refusal on the form."""
    given = form.cleaned_data
    left = due(order, order.payments.all()) if order is not None else None
    if order is not None and left is not None and given["amount"] > left:
        form.add_error(
            "amount", _("At most %(amount)s is still to be paid.") % {"amount": amount(left, order.currency)}
        )
        return None
    name = OrderName(order_id=order.id) if order is not None else None
    if name is None and given["reference"]:
        name = OrderName(reference=given["reference"])
    request = LinkRequest(
        channel=desk.channel,
        currency=order.currency if order is not None else desk.merchant.currency,
        description=given["description"],
        order=name,
        amount=given["amount"],
    )
    try:
        return create_link(request, actor=desk.user.id, guard=submission).id
    except KeyTaken:
        return submission.made()
    except OnetillError as error:
        form.add_error(None, ValidationError(refusal_of(error), code=error.code))
        return None


def _form(request: HttpRequest, desk: Desk, order: Order | None, form: LinkForm, *, status: int = 200) -> HttpResponse:
    left = due(order, order.payments.all()) if order is not None else None
    first = {
        "amount": typed(left, order.currency) if order is not None and left else "",
        "description": sentences.name_of(order) if order is not None else "",
    }
    context = {
        "desk": desk,
        "order": order,
        "name": sentences.name_of(order) if order is not None else "",
        **filled(form, first),
        "open_links": open_links(PaymentLink.objects.filter(order=order)) if order is not None else [],
    }
    return page(request, "link.html", context, title=_("Payment link"), status=status)

"""The first page: find an order."""

from datetime import date, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from payments.models import Order, Payment, PaymentLink
from payments.models.payment import PaymentStatus
from payments.services.refunds.sentences import paid_with
from payments.text.form_fields import AmountField, DayField
from payments.text.formatting import amount, short_moment
from terminals.counter import sentences
from terminals.counter.desk import Desk, at_counter
from terminals.counter.finding import Found, Sought
from terminals.counter.finding import find as find_orders
from terminals.counter.order import open_links
from terminals.counter.page import page


class FindForm(forms.Form):
    """What is known of an order. All of it is looked for at once."""

    q = forms.CharField(max_length=255, required=False)
    amount = AmountField(required=False, max_length=20)
    day = DayField(required=False, max_length=20)
    at = forms.TimeField(required=False)
    last4 = forms.RegexField(r"^[0-9]{4}$", required=False)

    def __init__(self, data: Any, *, currency: str) -> None:
        super().__init__(data)
        amounts: Any = self.fields["amount"]
        amounts.currency = currency

    def clean(self) -> dict[str, Any]:
        """A time is of a day."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("at") is not None and given.get("day") is None and "day" not in self.errors:
            raise ValidationError(_("Say on which day, too."))
        return given

    def sought(self) -> Sought:
        """The cleaned form as what is looked for."""
        given = self.cleaned_data
        day: date | None = given["day"]
        at: time | None = given["at"]
        return Sought(text=given["q"], amount=given["amount"], day=day, at=at, last4=given["last4"])


@require_safe
@at_counter
def find(request: HttpRequest, desk: Desk) -> HttpResponse:
    """`/counter/`: what to look for, and what was found; what was named exactly opens by itself."""
    form = FindForm(None, currency=desk.merchant.currency)
    is_search = any(request.GET.get(name, "").strip() for name in form.fields)
    if is_search:
        form = FindForm(request.GET, currency=desk.merchant.currency)
    found = None
    if is_search and form.is_valid():
        found = find_orders(desk.merchant, form.sought())
        if found.exact:
            return redirect("counter_order", order_id=found.orders[0].id)
    context = {
        "desk": desk,
        "form": form,
        "found": found,
        "rows": _rows(found, desk) if found else [],
        "open_links": [] if found else open_links(PaymentLink.objects.filter(channel=desk.channel)),
    }
    status = 422 if form.is_bound and form.errors else 200
    return page(request, "find.html", context, title=_("Find an order"), status=status)


def _rows(found: Found, desk: Desk) -> list[dict[str, Any]]:
    return [_row(order, found.payments[order.id], desk) for order in found.orders]


def _row(order: Order, payments: list[Payment], desk: Desk) -> dict[str, Any]:
    """What tells one order from the next: when, where, how much, and what it was paid with."""
    paid = [row for row in payments if row.amount_captured] or payments
    last = paid[-1] if paid else None
    return {
        "id": order.id,
        "name": sentences.name_of(order, payments),
        "amount": amount(order.captured or (last.amount if last else order.total), order.currency),
        "when": short_moment(last.occurred_at if last else order.created_at, desk.merchant.zone),
        "where": last.channel.name if last else order.channel.name,
        "paid_with": ", ".join(dict.fromkeys(paid_with(row) for row in paid)),
        "stands": _stands(order, payments),
        "in_doubt": any(row.status == PaymentStatus.UNKNOWN for row in payments),
    }


def _stands(order: Order, payments: list[Payment]) -> str:
    if any(row.status == PaymentStatus.UNKNOWN for row in payments):
        return _("not known whether it came through")
    if not order.captured:
        return sentences.payment_status(payments[-1]) if payments else _("nothing paid yet")
    given_back = order.refunded + order.refund_reserved
    if not given_back:
        return _("paid")
    if not order.refundable:
        return _("given back")
    return _("%(amount)s given back") % {"amount": amount(given_back, order.currency)}

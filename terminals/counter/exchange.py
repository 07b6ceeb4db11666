"""Exchange at the counter: something comes back, something else is taken, and only the difference moves."""

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_http_methods

from payments.core.errors import OnetillError
from payments.models import Order, Refund
from payments.services.idempotency import FormSubmission, KeyTaken
from payments.services.orders import OrderName
from payments.services.refunds.exchange import ExchangeRequest, exchange, plan_difference
from payments.services.refunds.plan import Plan
from payments.services.refunds.sentences import planned
from payments.text.form_fields import AmountField
from payments.text.formatting import amount
from terminals.counter import reasons, sentences, shown_once
from terminals.counter.desk import Desk, at_counter, refusal_of
from terminals.counter.forms import OnceField, WordsField, filled, typed
from terminals.counter.order import of_merchant
from terminals.counter.page import page


class ExchangeForm(reasons.ReasonForm):
    """What comes back is worth, what is taken instead costs, and why."""

    returned = AmountField(max_length=20)
    total = AmountField(max_length=20)
    reference = WordsField(max_length=64, required=False)
    once = OnceField()
    confirmed = forms.CharField(required=False)

    def __init__(self, data: Any = None, *, order: Order, desk: Desk) -> None:
        super().__init__(data, merchant=desk.merchant)
        self.order, self.desk = order, desk
        self.plan: Plan | None = None
        for name in ("returned", "total"):
            amounts: Any = self.fields[name]
            amounts.currency = order.currency

    def clean(self) -> dict[str, Any]:
        """Plan what goes back beyond the new purchase, so that the next step says how."""
        given: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                self.plan = plan_difference(self.request(given), actor=self.desk.user)
            except OnetillError as error:
                raise ValidationError(refusal_of(error), code=error.code) from error
        return given

    def request(self, given: dict[str, Any]) -> ExchangeRequest:
        """The cleaned form as the request that the service takes."""
        return ExchangeRequest(
            order=self.order,
            channel=self.desk.channel,
            returned=given["returned"],
            new_order=OrderName(reference=given["reference"] or None),
            total=given["total"],
            reason=given["reason"],
            operator=self.desk.operator,
        )

    @property
    def fingerprint(self) -> str:
        """What was read out in one line: what has changed meanwhile is read out again."""
        given = self.cleaned_data
        parts = self.plan.parts if self.plan is not None else ()
        ways = " ".join(f"{part.payment.id}:{part.amount}:{part.route}" for part in parts)
        return f"{given['returned']}:{given['total']} {ways}".strip()


@require_http_methods(["GET", "POST"])
@at_counter
def ask(request: HttpRequest, desk: Desk, order_id: str) -> HttpResponse:
    """`/counter/orders/{id}/exchange`: what comes back and what is taken; then what moves; then it is done."""
    if not desk.can_refund:
        raise PermissionDenied
    order = of_merchant(desk, order_id)
    if request.method != "POST":
        return _form(request, desk, ExchangeForm(order=order, desk=desk))
    submission = FormSubmission(merchant_id=desk.merchant.id, form_id=request.POST.get("once", "")[:32])
    if (done := _done(submission)) is not None:  # sent twice: by a double touch, a slow line, a reload
        return done
    form = ExchangeForm(request.POST, order=order, desk=desk)
    if form.is_valid() and "change" not in request.POST:
        agreed = form.cleaned_data["confirmed"] == form.fingerprint
        return _do(request, desk, form, submission) if agreed else _read_out(request, desk, form)
    if (done := _done(submission)) is not None:  # meanwhile, so that nothing is left to exchange
        return done
    return _form(request, desk, form, status=200 if "change" in request.POST and form.is_valid() else 422)


def _done(submission: FormSubmission) -> HttpResponse | None:
    """The new order's page, where this form has been carried out."""
    made = submission.made()
    if made is None:
        return None
    return redirect("counter_order", order_id=Refund.objects.get(id=made).exchange_for_id or "")


def _do(request: HttpRequest, desk: Desk, form: ExchangeForm, submission: FormSubmission) -> HttpResponse:
    try:
        done = exchange(form.request(form.cleaned_data), actor=desk.user, guard=submission)
    except KeyTaken:
        return _done(submission) or redirect("counter_order", order_id=form.order.id)
    except OnetillError as error:
        form.add_error(None, ValidationError(refusal_of(error), code=error.code))
        return _form(request, desk, form, status=422)
    if done.given_back is None:
        return redirect("counter_order", order_id=done.order.id)
    return shown_once.to_refund(done.given_back)


def _read_out(request: HttpRequest, desk: Desk, form: ExchangeForm) -> HttpResponse:
    given, currency = form.cleaned_data, form.order.currency
    used = min(given["returned"], given["total"])
    lines = [_("%(amount)s of what comes back pays for the new purchase.") % {"amount": amount(used, currency)}]
    if given["total"] > given["returned"]:
        more = amount(given["total"] - given["returned"], currency)
        lines.append(_("The customer pays %(amount)s more, on the next page.") % {"amount": more})
    elif form.plan is None:
        lines.append(_("It is worth the same: no money moves."))
    else:
        lines += [planned(part, currency) for part in form.plan.parts]
    context = {
        "desk": desk,
        "order": form.order,
        "name": sentences.name_of(form.order),
        "sentences": lines,
        "reason": reasons.in_words(desk.merchant, given["reason"]),
        "fields": [(name, form.data.get(name, "")) for name in form.fields if name != "confirmed"],
        "fingerprint": form.fingerprint,
        "do": pgettext("of goods", "Exchange"),
    }
    return page(request, "refund_plan.html", context, title=_("What moves"))


def _form(request: HttpRequest, desk: Desk, form: ExchangeForm, *, status: int = 200) -> HttpResponse:
    order = form.order
    context = {
        "desk": desk,
        "order": order,
        "name": sentences.name_of(order),
        "left": amount(order.refundable, order.currency),
        "nothing_left": order.refundable <= 0,
        **filled(form, {"returned": typed(order.refundable, order.currency)}),
        "typed_before": reasons.typed_before(desk),
    }
    return page(request, "exchange.html", context, title=pgettext("of goods", "Exchange"), status=status)

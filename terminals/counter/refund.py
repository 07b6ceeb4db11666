"""Give back at the counter: ask, read out how the money goes back, do it once, and watch it arrive."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_safe

from payments import payloads
from payments.core.errors import Invalid, OnetillError
from payments.models import Order, Payment, Refund, RefundPart
from payments.models.refund import PartStatus, RefundStatus, Route
from payments.services.idempotency import FormSubmission, KeyTaken
from payments.services.refunds.alternatives import obstacles
from payments.services.refunds.plan import BankAccount, Plan, RefundRequest
from payments.services.refunds.request import plan_refund, request_refund, second_person_needed
from payments.services.refunds.routes import AUTO
from payments.services.refunds.sentences import paid_with, planned
from payments.services.send_receipt import is_available
from payments.text.form_fields import AmountField, IbanField
from payments.text.formatting import amount
from terminals.counter import reasons, sentences, shown_once
from terminals.counter.desk import Desk, at_counter, refusal_of
from terminals.counter.forms import OnceField, WordsField, filled, typed
from terminals.counter.order import of_merchant
from terminals.counter.page import page
from terminals.models import Terminal, TerminalAction

WAYS: Final = {
    Route.ORIGINAL: gettext_lazy("The way it was paid"),
    Route.TERMINAL: gettext_lazy("On the card, at the terminal"),
    Route.BANK: gettext_lazy("By bank transfer"),
    Route.VOUCHER: gettext_lazy("On a voucher"),
    Route.CASH: gettext_lazy("In cash"),
}
_CHOOSE: Final = ("route_required", "route_not_possible", "bank_account_required", "till_too_low")
FINAL: Final = (PartStatus.SUCCEEDED, PartStatus.FAILED, PartStatus.CANCELED)


class RefundForm(reasons.ReasonForm):
    """How much, of which payment, why, and by which way."""

    amount = AmountField(max_length=20)
    payment = forms.ChoiceField(required=False)
    route = forms.ChoiceField(choices=[(AUTO, ""), *Route.choices], required=False)
    why = WordsField(max_length=200, required=False)
    terminal = forms.ChoiceField(required=False)
    iban = IbanField(max_length=42, required=False)
    account_name = WordsField(max_length=140, required=False)
    once = OnceField()
    confirmed = forms.CharField(required=False)

    def __init__(self, data: Any = None, *, order: Order, desk: Desk) -> None:
        super().__init__(data, merchant=desk.merchant)
        self.order, self.desk = order, desk
        self.plan: Plan | None = None
        self.payments = [row for row in _payments(order) if row.refundable]
        self.terminals = list(Terminal.objects.filter(channel=desk.channel, status=Terminal.Status.ACTIVE))
        self._field("amount").currency = order.currency
        self._field("payment").choices = [("", ""), *((row.id, row.id) for row in self.payments)]
        self._field("terminal").choices = [("", ""), *((row.id, row.label) for row in self.terminals)]

    def clean(self) -> dict[str, Any]:
        """Plan it, so that the next step says how it would go."""
        given: dict[str, Any] = super().clean() or {}
        if given.get("route") not in (None, "", AUTO) and not given.get("why"):
            self.add_error("why", _("Say why it does not go back the usual way."))
        if given.get("iban") and not given.get("account_name"):
            self.add_error("account_name", _("Say whose account it is."))
        if not self.errors:
            try:
                self.plan = plan_refund(self.refund_request(given), actor=self.desk.user)
            except OnetillError as error:
                raise ValidationError(_refusal(error), code=error.code) from error
        return given

    def refund_request(self, given: dict[str, Any]) -> RefundRequest:
        """The cleaned form as the request that the services take."""
        by_id = {row.id: row for row in self.payments}
        account = BankAccount(iban=given["iban"], name=given["account_name"]) if given["iban"] else None
        return RefundRequest(
            order=self.order,
            channel=self.desk.channel,
            reason=given["reason"],
            payment=by_id.get(given["payment"]),
            amount=given["amount"],
            route=given["route"] or AUTO,
            terminal_id=given["terminal"] or self.only_terminal,
            bank_account=account,
            operator=self.desk.operator,
            metadata={"other_route_because": given["why"]} if given["why"] else {},
        )

    @property
    def only_terminal(self) -> str | None:
        """The terminal of the store, where nobody need be asked which."""
        return self.terminals[0].id if len(self.terminals) == 1 else None

    @property
    def fingerprint(self) -> str:
        """The plan in one line: a plan that has changed meanwhile is read out again before it is done."""
        parts = self.plan.parts if self.plan is not None else ()
        return " ".join(f"{part.payment.id}:{part.amount}:{part.route}" for part in parts)

    def complete(self) -> bool:
        """Whether exactly this plan was read out and agreed to."""
        return self.plan is not None and self.cleaned_data["confirmed"] == self.fingerprint

    @property
    def needs_a_choice(self) -> bool:
        """Whether it was refused because somebody has to choose another way."""
        faults = self.errors.as_data().get("__all__", []) if self.is_bound else []
        return any(error.code in _CHOOSE for error in faults)

    def _field(self, name: str) -> Any:
        return self.fields[name]


@require_http_methods(["GET", "POST"])
@at_counter
def ask(request: HttpRequest, desk: Desk, order_id: str) -> HttpResponse:
    """`/counter/orders/{id}/refund`: what is to be given back; then how; then it is done."""
    if not desk.can_refund:
        raise PermissionDenied
    order = of_merchant(desk, order_id)
    if request.method != "POST":
        return _form(request, desk, RefundForm(order=order, desk=desk))
    submission = FormSubmission(merchant_id=desk.merchant.id, form_id=request.POST.get("once", "")[:32])
    made = submission.made()
    if made is not None:  # sent twice: by a double touch, a slow line, a reload
        return redirect("counter_refunded", refund_id=made)
    form = RefundForm(request.POST, order=order, desk=desk)
    if form.is_valid() and "change" not in request.POST:
        return _do(request, desk, form, submission) if form.complete() else _read_out(request, desk, form)
    made = submission.made()  # meanwhile, so that nothing is left to plan
    if made is not None:
        return redirect("counter_refunded", refund_id=made)
    return _form(request, desk, form, status=200 if "change" in request.POST and form.is_valid() else 422)


@require_safe
@at_counter
def watch(request: HttpRequest, desk: Desk, refund_id: str) -> HttpResponse:
    """`/counter/refunds/{id}`: how it stands; the page looks again until everything is decided."""
    rows = Refund.objects.select_related(*payloads.REFUND_RELATED).prefetch_related(*payloads.REFUND_PREFETCH)
    row = rows.filter(id=refund_id.replace("\0", ""), merchant=desk.merchant).first()
    if row is None:
        raise Http404
    return _watched(request, desk, row, shown_once.read(request, row.id))


def _watched(request: HttpRequest, desk: Desk, row: Refund, voucher_code: str | None) -> HttpResponse:
    parts = list(row.parts.all())
    actions = _on_terminals(desk, parts)
    context = {
        "desk": desk,
        "refund": row,
        "amount": amount(row.amount, row.currency),
        "order_name": sentences.name_of(row.order),
        "parts": [
            {
                "goes": sentences.going(part, row.currency),
                "stands": " ".join(sentences.on_terminal(actions[part.id]))
                if part.id in actions and part.status not in FINAL
                else sentences.part_status(part, row.currency),
                "status": part.status,
                "action": actions[part.id].id if part.id in actions else "",
            }
            for part in parts
        ],
        "state": _state(parts, actions),
        "voucher_code": voucher_code,
        "with_voucher": any(part.route == Route.VOUCHER and part.status == PartStatus.SUCCEEDED for part in parts),
        "receipt": is_available(row),
        "waits": row.status == RefundStatus.REQUIRES_APPROVAL,
    }
    return page(request, "refund_watch.html", context, title=_("Refund of %(amount)s") % {"amount": context["amount"]})


def _on_terminals(desk: Desk, parts: Iterable[RefundPart]) -> dict[str, TerminalAction]:
    """What a terminal of this store was asked to do of each part, the last time."""
    rows = TerminalAction.objects.filter(refund_part__in=list(parts), channel=desk.channel).select_related("terminal")
    return {row.refund_part_id or "": row for row in rows.order_by("id")}


def _state(parts: Sequence[RefundPart], actions: Mapping[str, TerminalAction]) -> str:
    """A text that differs whenever anything has changed; "" where nothing will any more."""
    if all(part.status in FINAL for part in parts):
        return ""
    return " ".join([*(part.status for part in parts), *(f"{row.status} {row.id}" for row in actions.values())])


def _do(request: HttpRequest, desk: Desk, form: RefundForm, submission: FormSubmission) -> HttpResponse:
    try:
        result = request_refund(form.refund_request(form.cleaned_data), actor=desk.user, guard=submission)
    except KeyTaken:
        return redirect("counter_refunded", refund_id=submission.made() or "")
    except OnetillError as error:
        form.add_error(None, ValidationError(refusal_of(error), code=error.code))
        return _form(request, desk, form, status=422)
    return shown_once.to_refund(result)


def _read_out(request: HttpRequest, desk: Desk, form: RefundForm) -> HttpResponse:
    """The plan in sentences, and the button that does it."""
    plan = form.plan
    assert plan is not None
    given = form.cleaned_data
    waits = second_person_needed(form.refund_request(given), plan, actor=desk.user)
    context = {
        "desk": desk,
        "order": form.order,
        "name": sentences.name_of(form.order),
        "sentences": [planned(part, plan.currency) for part in plan.parts],
        "reasons": list(_why_not_better(plan)),
        "reason": reasons.in_words(desk.merchant, given["reason"]),
        "do": _("Give back %(amount)s") % {"amount": amount(plan.amount, plan.currency)},
        "fields": [(name, form.data.get(name, "")) for name in form.fields if name != "confirmed"],
        "fingerprint": form.fingerprint,
        "second_person": waits,
    }
    return page(request, "refund_plan.html", context, title=_("How the money goes back"))


def _refusal(error: OnetillError) -> str:
    """Why it does not go; the other ways stand on the page, each with its own reason."""
    if error.code == "route_required":
        return _("This cannot go back by itself. Ask the customer, and choose another way below.")
    return refusal_of(error)


def _why_not_better(plan: Plan) -> Iterator[str]:
    """Why a better way was not possible, each once."""
    reasons = {reason["code"]: reason for part in plan.parts for reason in part.reasons}
    for reason in reasons.values():
        yield refusal_of(Invalid(reason["code"], reason["detail"]))


def _form(request: HttpRequest, desk: Desk, form: RefundForm, *, status: int = 200) -> HttpResponse:
    order = form.order
    context = {
        "desk": desk,
        "order": order,
        "name": sentences.name_of(order),
        "left": amount(order.refundable, order.currency),
        "nothing_left": order.refundable <= 0,
        **filled(form, {"amount": typed(order.refundable, order.currency)}),
        "payments": [
            {"id": row.id, "paid_with": paid_with(row), "left": amount(row.refundable, row.currency)}
            for row in form.payments
        ],
        "ways": _ways(form),
        "typed_before": reasons.typed_before(desk),
        "terminals": form.terminals,
    }
    return page(request, "refund.html", context, title=_("Give back"), status=status)


def _ways(form: RefundForm) -> list[dict[str, Any]]:
    """The other ways that could be asked for, and why each of the others cannot: as the service itself answers."""
    if not form.payments or form.order.refundable <= 0:
        return []
    request = RefundRequest(order=form.order, channel=form.desk.channel, reason="-")
    terminal = form.terminals[0].id if form.terminals else None
    refused = obstacles(request, actor=form.desk.user, terminal_id=terminal)
    found = []
    for route, label in WAYS.items():
        refusal = refused[route]
        found.append({"route": route.value, "label": label, "why_not": refusal_of(refusal) if refusal else ""})
    return found


def _payments(order: Order) -> list[Payment]:
    rows = Payment.objects.filter(order=order).select_related("channel", "provider_account", "voucher", "merchant")
    return list(rows.order_by("-occurred_at"))

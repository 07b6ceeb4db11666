"""Take a payment on a terminal of the store, and watch it until it is known."""

from typing import Any, Final

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from payments.core.errors import OnetillError
from payments.models import Order
from payments.models.refund import PartStatus
from payments.queries.due import due
from payments.queries.orders import oldest_in_doubt
from payments.services.idempotency import FormSubmission, KeyTaken
from payments.services.orders import OrderName
from payments.services.send_receipt import is_available
from payments.text.form_fields import AmountField
from payments.text.formatting import amount
from terminals.counter import sentences
from terminals.counter.desk import Desk, at_counter, refusal_of
from terminals.counter.forms import OnceField, WordsField, filled, new_once, typed
from terminals.counter.order import of_merchant
from terminals.counter.page import page
from terminals.models import ActionStatus, ActionType, Terminal, TerminalAction
from terminals.queries import terminals
from terminals.services.actions.refunds import present_again
from terminals.services.actions.request import SaleRequest, request_abort, request_sale, request_status

UNMADE: Final = (ActionStatus.CANCELED, ActionStatus.EXPIRED, ActionStatus.DECLINED)


class ChargeForm(forms.Form):
    """On which terminal, and how much."""

    terminal = forms.ChoiceField()
    amount = AmountField(max_length=20)
    reference = WordsField(max_length=64, required=False)
    once = OnceField()

    def __init__(self, data: Any = None, *, desk: Desk, currency: str) -> None:
        super().__init__(data)
        self.busy_with = ""  # what the terminal is at that was asked for
        self.terminals = list(terminals(status=Terminal.Status.ACTIVE, channel_id=desk.channel.id).order_by("label"))
        self._field("terminal").choices = [(row.id, row.label) for row in self.terminals]
        self._field("amount").currency = currency

    def _field(self, name: str) -> Any:
        return self.fields[name]


@require_http_methods(["GET", "POST"])
@at_counter
def of_order(request: HttpRequest, desk: Desk, order_id: str) -> HttpResponse:
    """`/counter/orders/{id}/pay`: what is due on an order, or a part of it."""
    return _take(request, desk, of_merchant(desk, order_id))


@require_http_methods(["GET", "POST"])
@at_counter
def new(request: HttpRequest, desk: Desk) -> HttpResponse:
    """`/counter/pay`: something new."""
    return _take(request, desk, None)


@require_safe
@at_counter
def watch(request: HttpRequest, desk: Desk, action_id: str) -> HttpResponse:
    """`/counter/actions/{id}`: what the terminal does; the page follows it until it is known."""
    return _watched(request, desk, _action(desk, action_id))


@require_POST
@at_counter
def abort(request: HttpRequest, desk: Desk, action_id: str) -> HttpResponse:
    """`/counter/actions/{id}/abort`: have the terminal stop."""
    return _ask(request, desk, _action(desk, action_id), request_abort)


@require_POST
@at_counter
def ask_again(request: HttpRequest, desk: Desk, action_id: str) -> HttpResponse:
    """`/counter/actions/{id}/ask`: have the terminal say what came of it."""
    return _ask(request, desk, _action(desk, action_id), request_status)


@require_POST
@at_counter
def again(request: HttpRequest, desk: Desk, action_id: str) -> HttpResponse:
    """`/counter/actions/{id}/again`: have the terminal ask for the card once more, of a refund that still waits."""
    action = _action(desk, action_id)
    if action.refund_part is None:
        raise Http404
    guard = FormSubmission(merchant_id=desk.merchant.id, form_id=request.POST.get("once", "")[:32])
    made = guard.made()
    if made is None:
        try:
            made = present_again(
                terminal_id=action.terminal_id,
                refund=action.refund_part.refund,
                operator=desk.operator,
                actor=desk.user,
                guard=guard,
            ).id
        except KeyTaken:
            made = guard.made()
        except OnetillError as error:
            return _watched(request, desk, action, error=_refusal(error), status=409)
    return redirect("counter_action", action_id=made or action.id)


def _take(request: HttpRequest, desk: Desk, order: Order | None) -> HttpResponse:
    if not desk.can_request_payment:
        raise PermissionDenied
    currency = order.currency if order is not None else desk.merchant.currency
    form = ChargeForm(request.POST if request.method == "POST" else None, desk=desk, currency=currency)
    if request.method != "POST":
        return _form(request, desk, order, form)
    submission = FormSubmission(merchant_id=desk.merchant.id, form_id=request.POST.get("once", "")[:32])
    made = submission.made()  # sent twice: by a double touch, a slow line, a reload
    if made is None and form.is_valid():
        made = _request(desk, order, form, submission)
    if made is None:
        return _form(request, desk, order, form, status=422)
    return redirect("counter_action", action_id=made)


def _request(desk: Desk, order: Order | None, form: ChargeForm, submission: FormSubmission) -> str | None:
    """Have the terminal charge, and return the action's id; None where it was refused, with the refusal on the form."""
    given = form.cleaned_data
    name = OrderName(order_id=order.id) if order is not None else OrderName(reference=given["reference"] or None)
    request = SaleRequest(
        terminal_id=given["terminal"],
        amount=given["amount"],
        currency=order.currency if order is not None else desk.merchant.currency,
        order=name,
        operator=desk.operator,
    )
    try:
        return request_sale(request, actor=desk.user.id, guard=submission).id
    except KeyTaken:
        return submission.made()
    except OnetillError as error:
        form.busy_with = str(error.members.get("action", "")) if error.code == "terminal_busy" else ""
        form.add_error(None, ValidationError(_refusal(error), code=error.code))
        return None


def _form(
    request: HttpRequest, desk: Desk, order: Order | None, form: ChargeForm, *, status: int = 200
) -> HttpResponse:
    payments = list(order.payments.all()) if order is not None else []
    left = due(order, payments) if order is not None else None
    first = {"amount": typed(left, order.currency) if order is not None and left else ""}
    if len(form.terminals) == 1:
        first["terminal"] = form.terminals[0].id
    context = {
        "desk": desk,
        "order": order,
        "name": sentences.name_of(order) if order is not None else "",
        "in_doubt": oldest_in_doubt(payments),
        **filled(form, first),
    }
    return page(request, "charge.html", context, title=_("Pay on a terminal"), status=status)


def _ask(request: HttpRequest, desk: Desk, action: TerminalAction, ask: Any) -> HttpResponse:
    """Ask something about an action; where it is over by now, its page says so by itself."""
    try:
        ask(terminal_id=action.terminal_id, target_id=action.id, actor=desk.user.id)
    except OnetillError as error:
        if error.code != "action_ended":
            return _watched(request, desk, action, error=_refusal(error), status=error.status)
    return redirect("counter_action", action_id=action.id)


def _watched(
    request: HttpRequest, desk: Desk, action: TerminalAction, *, error: str = "", status: int = 200
) -> HttpResponse:
    payment, part = action.payment, action.refund_part
    written = amount(action.amount, action.currency or desk.merchant.currency)
    is_sale = action.type == ActionType.SALE
    context = {
        "desk": desk,
        "action": action,
        "amount": written,
        "error": error,
        "is_sale": is_sale,
        "says": sentences.on_terminal(action),
        "good": action.status == ActionStatus.SUCCEEDED,
        "bad": action.status in (*UNMADE, ActionStatus.UNKNOWN),
        "unknown": action.status == ActionStatus.UNKNOWN,
        "can_abort": action.is_open and desk.can_request_payment,
        "can_go_again": part is not None and part.status == PartStatus.QUEUED and not action.is_open,
        "can_pay_again": is_sale and action.status in UNMADE and desk.can_request_payment,
        "being_stopped": action.is_open and action.about.filter(type=ActionType.ABORT).exists(),
        "receipt": payment.id if is_sale and payment is not None and is_available(payment) else "",
        "history": sentences.course(action, desk.merchant.zone),
        "state": "" if action.status in (ActionStatus.SUCCEEDED, *UNMADE) else sentences.state_of(action),
        "once": new_once(),
    }
    title = _("Payment of %(amount)s") if is_sale else _("Refund of %(amount)s")
    return page(request, "action.html", context, title=title % {"amount": written}, status=status)


def _action(desk: Desk, action_id: str) -> TerminalAction:
    """The sale or refund, of a terminal of this store."""
    rows = TerminalAction.objects.select_related("terminal", "order", "payment__merchant", "refund_part__refund")
    money = rows.filter(channel=desk.channel, type__in=(ActionType.SALE, ActionType.REFUND))
    row = money.filter(id=action_id.replace("\0", "")).first()
    if row is None:
        raise Http404
    return row


def _refusal(error: OnetillError) -> str:
    """Why the terminal does not take it, and what to do."""
    texts = {
        "terminal_busy": _("This terminal is at something else. Wait until it is done, or stop that first."),
        "terminal_not_active": _("No device is paired with this terminal. Choose another one."),
        "outcome_unknown": _(
            "It is not known yet whether an earlier payment came through. Do not charge the card again: ask for cash, "
            "or wait for the terminal's answer."
        ),
        "refund_not_waiting": _("Nothing of this refund waits for the terminal any more."),
    }
    return texts.get(error.code) or refusal_of(error)

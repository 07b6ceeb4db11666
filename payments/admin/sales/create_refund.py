"""The refund form: its first step shows the plan, its second carries it out."""

import secrets
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from payments import object_index
from payments.admin.base import render
from payments.admin.base.access import merchants
from payments.admin.base.actions import AdminAction
from payments.admin.base.error_messages import explain, words
from payments.admin.base.forms import ActionForm, AmountField, in_major_units
from payments.core.errors import OnetillError
from payments.core.pan import has_card_number
from payments.models import Channel, Merchant, Order, Payment, RefundReason
from payments.models.refund import RefundStatus, Route
from payments.people.models import User
from payments.people.permissions import May, within
from payments.services.idempotency import FormSubmission
from payments.services.refunds.alternatives import obstacles
from payments.services.refunds.plan import BankAccount, Plan, RefundRequest
from payments.services.refunds.request import plan_refund, request_refund, second_person_needed
from payments.services.refunds.result import RefundResult
from payments.services.refunds.routes import AUTO, Circumstances, obstacle
from payments.services.refunds.sentences import planned
from payments.text.form_fields import IbanField

ROUTES = [(AUTO, gettext_lazy("the best way that is possible")), *Route.choices]
# How a payment that only its card gives back is refused any other way.
CARD_REQUIRED: Final = "card_required"


class RefundForm(ActionForm):
    """What is to be given back, and how. The first step shows the plan, the second one carries it out."""

    amount = AmountField(label=gettext_lazy("amount"))
    channel = forms.ModelChoiceField(
        Channel.objects.none(),
        label=gettext_lazy("channel"),
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Where the goods were returned."),
    )
    route = forms.ChoiceField(label=gettext_lazy("route"), choices=ROUTES, widget=UnfoldAdminSelectWidget)
    allocation = forms.ChoiceField(
        label=gettext_lazy("spread over payments"), required=False, widget=UnfoldAdminSelectWidget
    )
    reason_code = forms.ChoiceField(label=gettext_lazy("reason"), required=False, widget=UnfoldAdminSelectWidget)
    reason = forms.CharField(label=gettext_lazy("reason"), max_length=200, widget=UnfoldAdminTextInputWidget)
    terminal = forms.ChoiceField(
        label=gettext_lazy("terminal"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Where the customer presents the card."),
    )
    iban = IbanField(
        label="IBAN",
        max_length=42,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )
    account_name = forms.CharField(
        label=gettext_lazy("account holder"), max_length=140, required=False, widget=UnfoldAdminTextInputWidget
    )
    once = forms.RegexField("^[0-9a-f]{32}$", widget=forms.HiddenInput)  # one plan is carried out once
    confirmed = forms.CharField(required=False, widget=forms.HiddenInput)

    plan: Plan | None = None

    def __init__(self, *args: Any, row: Payment | Order, user: User, **kwargs: Any) -> None:
        super().__init__(*args, row=row, user=user, **kwargs)
        self.order = row if isinstance(row, Order) else row.order
        own = own_channels(user, row.merchant_id)
        self._field("channel").queryset = own
        self._field("channel").initial = _counter(own, row.channel_id)
        left = refundable(row)
        self._field("amount").currency = row.currency
        self._field("amount").initial = in_major_units(left, row.currency)
        self._field("amount").help_text = _("At most %(amount)s.") % {"amount": render.amount(left, row.currency)}
        self._offer_reasons()
        self._offer_allocation()
        own_terminals = object_index.choices("trm", merchant_id=row.merchant_id, channel__in=own, status="active")
        self._field("terminal").choices = [("", "—"), *own_terminals]
        self._propose(own)
        self._field("once").initial = secrets.token_hex(16)

    def _propose(self, own: QuerySet[Channel]) -> None:
        """The right route, and the fields that it needs: a sale that a terminal read goes back on a terminal."""
        counter = own.filter(id=self._field("channel").initial).first()
        lacking = _lacking(self._tenders(), counter) if counter is not None else []
        here = (
            object_index.choices("trm", merchant_id=self.order.merchant_id, channel=counter, status="active")
            if counter is not None
            else []
        )
        by_card = bool(here) and CARD_REQUIRED in lacking
        self._field("route").initial = Route.TERMINAL if by_card and set(lacking) == {CARD_REQUIRED} else AUTO
        if by_card and len(here) == 1:
            self._field("terminal").initial = here[0][0]
        # The best way of a payment may be the card or an account, too: there is asked for what it lacks.
        self.needed = {
            "terminal": [Route.TERMINAL.value, *([AUTO] if CARD_REQUIRED in lacking else [])],
            "iban": [Route.BANK.value, *([AUTO] if any(lacking) else [])],
        }
        self.needed["account_name"] = self.needed["iban"]

    def _tenders(self) -> list[Payment]:
        """What may give something back."""
        rows = [self.row] if isinstance(self.row, Payment) else self.row.payments.select_related("provider_account")
        return [row for row in rows if row.refundable > 0]

    @property
    def shown_fields(self) -> list[tuple[Any, str]]:
        """Each field with the routes that need it, for the style sheet; "" for those that all need."""
        return [(self[name], " ".join(self.needed.get(name, ()))) for name in self.fields]

    def _offer_reasons(self) -> None:
        """The merchant's list, where it has one; what fits none of it is said in words."""
        known = [
            (row.code, str(row))
            for row in RefundReason.objects.filter(merchant_id=self.order.merchant_id, active=True).order_by("code")
        ]
        if not known:
            del self.fields["reason_code"]
            return
        self._field("reason_code").choices = [("", _("in other words")), *known]
        self._field("reason").required = False
        self._field("reason").label = gettext_lazy("in other words")

    def _offer_allocation(self) -> None:
        """Only of an order that was paid in several ways is there anything to spread."""
        if not isinstance(self.row, Order) or sum(row.refundable > 0 for row in self.row.payments.all()) < 2:
            del self.fields["allocation"]
            return
        usual = _("as usual: %(rule)s") % {"rule": self.row.merchant.get_allocation_display()}
        self._field("allocation").choices = [("", usual), *Merchant.Allocation.choices]

    def clean_reason(self) -> str:
        return without_card_number(self.cleaned_data["reason"])

    def clean_account_name(self) -> str:
        return without_card_number(self.cleaned_data["account_name"])

    def clean(self) -> dict[str, Any]:
        """Plan it, so that the next step shows how it would go."""
        given: dict[str, Any] = super().clean() or {}
        if not self.errors and not self._reason(given):
            self.add_error("reason", _("Choose a reason, or say it in other words."))
        if not self.errors:
            try:
                self.plan = plan_refund(self.refund_request(given), actor=self.user)
            except OnetillError as refusal:
                self.add_error(None, _with_rule(refusal))
        return given

    def _reason(self, given: dict[str, Any]) -> str:
        return str(given.get("reason_code") or given["reason"])

    def complete(self) -> bool:
        """Whether the plan was shown and the person confirmed exactly this plan."""
        return self.plan is not None and self.cleaned_data["confirmed"] == self.plan_fingerprint

    @property
    def plan_fingerprint(self) -> str:
        """The plan in one line: a plan that has changed meanwhile is shown again."""
        parts = self.plan.parts if self.plan is not None else ()
        return " ".join(f"{part.payment.id}:{part.amount}:{part.route}" for part in parts)

    @property
    def shown_amount(self) -> str:
        """What the button says is refunded."""
        return render.amount(self.plan.amount, self.plan.currency) if self.plan is not None else ""

    @property
    def sentences(self) -> list[str]:
        """The plan, part by part, as a cashier reads it out; then why a better way was not possible."""
        if self.plan is None:
            return []
        return [planned(part, self.plan.currency) for part in self.plan.parts]

    @property
    def better(self) -> list[str]:
        """Why a better way was not possible, each once."""
        reasons = [reason for part in self.plan.parts for reason in part.reasons] if self.plan is not None else []
        return list(dict.fromkeys(words(reason["code"], reason["detail"]) for reason in reasons))

    @property
    def not_otherwise(self) -> list[tuple[str, str | SafeString]]:
        """The routes that this refund cannot take, and why."""
        if self.plan is None:
            return []
        taken = {part.route for part in self.plan.parts}
        request = self.refund_request(self.cleaned_data)
        terminal = next((value for value, _label in self._field("terminal").choices if value), None)
        others = [route for route in Route if route not in taken]
        refused = obstacles(request, actor=self.user, terminal_id=terminal, routes=others)
        return [(str(route.label), _with_rule(refusal)) for route, refusal in refused.items() if refusal is not None]

    @property
    def second_person(self) -> bool:
        """Whether a second person has to approve before any money moves."""
        if self.plan is None:
            return False
        return second_person_needed(self.refund_request(self.cleaned_data), self.plan, actor=self.user)

    def refund_request(self, given: dict[str, Any]) -> RefundRequest:
        """The cleaned form as the request that the service takes."""
        route = given["route"]
        # What was typed for a route that was left again is on no screen any more, and does not count.
        to_bank = given["iban"] and route in self.needed["iban"]
        account = BankAccount(iban=given["iban"], name=given["account_name"]) if to_bank else None
        return RefundRequest(
            order=self.order,
            channel=given["channel"],
            reason=self._reason(given),
            allocation=given.get("allocation") or None,
            payment=self.row if isinstance(self.row, Payment) else None,
            amount=given["amount"],
            route=route,
            terminal_id=given["terminal"] or None if route in self.needed["terminal"] else None,
            bank_account=account,
            operator=self.user.get_full_name() or self.user.get_username(),
        )

    def _field(self, name: str) -> Any:
        return self.fields[name]


def _lacking(payments: Sequence[Payment], counter: Channel) -> list[str]:
    """By what each payment is refused to go back the way it came, without a card or an account; "" where it goes."""
    circumstances = Circumstances(channel=counter, terminal_id=None, has_bank_account=False, now=timezone.now())
    found = [obstacle(Route.ORIGINAL, payment, circumstances) for payment in payments]
    return [reason["code"] if reason is not None else "" for reason in found]


def _with_rule(refusal: OnetillError) -> str | SafeString:
    """Why not, and by which rule; it leads to the rule, whose page offers to change it to those who may."""
    rule = refusal.members.get("rule")
    if rule is None:
        return explain(refusal)
    return format_html("{} {}", words(refusal.code, refusal.detail), render.link(rule["id"], rule["name"]))


def own_channels(user: User, merchant_id: str) -> QuerySet[Channel]:
    """The merchant's channels in which a person may refund."""
    own = Channel.objects.filter(within(user, May.REFUND, channel="id"), merchant_id=merchant_id, active=True)
    return own.select_related("merchant").order_by("name")


def _counter(own: QuerySet[Channel], channel_id: str) -> str | None:
    """Where the goods most likely come back: where they were bought, if the person works there, else at their own."""
    ids = list(own.order_by("name").values_list("id", flat=True))
    return channel_id if channel_id in ids else next(iter(ids), None)


def refundable(row: Payment | Order) -> int:
    """What of it may still be given back."""
    return min(row.refundable, row.order.refundable) if isinstance(row, Payment) else row.refundable


def without_card_number(text: str) -> str:
    """The text, unless it holds a card number."""
    if has_card_number(text):
        raise ValidationError(_("This contains a card number. Leave it out."))
    return text


def _give_back(*, user: User, row: Payment | Order, form: Any) -> str:
    guard = FormSubmission(merchant_id=row.merchant_id, form_id=form.cleaned_data["once"])
    made = request_refund(form.refund_request(form.cleaned_data), actor=user, guard=guard)
    return result_message(made)


def result_message(result: RefundResult) -> str:
    """What became of a refund, and the code of a voucher made for it, which nobody can be shown again."""
    refund = result.refund
    amount = render.amount(refund.amount, refund.currency)
    if refund.status == RefundStatus.REQUIRES_APPROVAL:
        return _("The refund of %(amount)s waits for a second person.") % {"amount": amount}
    message = _("The refund of %(amount)s has been made. Its status is %(status)s.") % {
        "amount": amount,
        "status": refund.get_status_display(),
    }
    return f"{message} {voucher_code_message(result.voucher_code)}".rstrip()


def voucher_code_message(code: str | None) -> str:
    """The code of a voucher that was just made, if any."""
    return "" if code is None else _("The voucher's code, shown only now: %(code)s") % {"code": code}


class GiveBack(AdminAction):
    """Anyone who may refund in one channel of the merchant may refund: goods come back to any shop."""

    def allowed(self, user: User, row: Any) -> bool:
        return merchants(user, self.needs).filter(id=row.merchant_id).exists()


GIVE_BACK = GiveBack(
    name="refund",
    title=gettext_lazy("Refund"),
    explanation=gettext_lazy("You see first how the money goes back; nothing happens before you confirm it."),
    needs=May.REFUND,
    form=RefundForm,
    act=_give_back,
    possible=lambda row: refundable(row) > 0,
    template="payments/admin/refund.html",
)

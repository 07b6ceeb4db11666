"""What services refuse, told to people in their language; what has no words here is told as the service says it."""

from collections.abc import Iterable
from typing import Any, Final

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.admin.show import amount
from payments.errors import OnetillError, ValidationFailed
from payments.models.refund import Route
from payments.services.refund_routes import RouteChoice

_WORDS: Final[dict[str, Any]] = {
    "payment_not_capturable": gettext_lazy("Nothing of this payment can be captured."),
    "capture_not_supported": gettext_lazy("This provider captures once, and the whole amount."),
    "payment_not_cancelable": gettext_lazy("Nothing of this payment is left to release."),
    "refund_not_cancelable": gettext_lazy("The money may already have moved, or nothing is left to give up."),
    "refund_not_waiting": gettext_lazy("This refund waits for nobody's approval."),
    "transfer_not_releasable": gettext_lazy("This part waits for no bank transfer."),
    "approval_not_open": gettext_lazy("Nothing waits for a second person here."),
    "approval_waiting": gettext_lazy("An earlier request like this waits for a second person. Have it decided first."),
    "own_request": gettext_lazy("A second person has to decide; this is your own request, or your own key's."),
    "not_independent": gettext_lazy(
        "Who asked for this made or changed your account shortly before. Somebody else has to decide."
    ),
    "person_required": gettext_lazy("No API key may do this. A person does it, signed in to the admin."),
    "role_missing": gettext_lazy("Your role does not allow this. Ask an owner, or finance."),
    "second_factor_required": gettext_lazy("Prove with your second factor who you are, then try again."),
    "permission_missing": gettext_lazy("You may not do this there. Ask an owner of that merchant."),
    "bank_account_required": gettext_lazy("Give the customer's IBAN and name."),
    "card_number_refused": gettext_lazy("This holds a card number. Leave it out."),
    "iban_invalid": gettext_lazy("This is no valid IBAN. Check every character."),
    "terminal_required": gettext_lazy("Name the terminal at which the customer presents the card."),
    "not_paid_by_card": gettext_lazy("A terminal gives back on cards only."),
    "route_not_allowed": gettext_lazy("This channel does not give back in this way; see its refund routes."),
    "no_till": gettext_lazy("This channel has no till to pay from; choose a store."),
    "card_required": gettext_lazy("This card was read at a terminal, and only a terminal can give back on it."),
    "provider_cannot_refund": gettext_lazy("This payment's provider cannot give it back by itself."),
    "provider_account_inactive": gettext_lazy("The provider account is no longer active."),
    "refund_window_passed": gettext_lazy("The provider gives back for a limited time after the sale, which is over."),
    "voucher_expired": gettext_lazy("The voucher it was paid with has expired."),
    "payment_link_not_active": gettext_lazy("This payment link cannot be paid any more. Make a new one."),
    "payment_link_not_cancelable": gettext_lazy("This payment link is paid, expired or canceled already."),
    "receipt_not_available": gettext_lazy("There is a receipt once the money has moved."),
    "method_not_supported": gettext_lazy("No provider account of this merchant takes all of these."),
    "order_currency_differs": gettext_lazy("This order is in another currency."),
    "discrepancy_not_open": gettext_lazy("This discrepancy is not open any more."),
    "currency_unknown": gettext_lazy("Use an ISO 4217 code, as EUR."),
    "file_too_large": gettext_lazy("This file is too large. Split it by period."),
    "format_unknown": gettext_lazy("There is no such format. Let it be recognized."),
    "fee_without_account": gettext_lazy("It is not known whose fee this is. Write it off instead."),
    "action_not_possible": gettext_lazy("That is not for this kind of discrepancy."),
    "nothing_proposed": gettext_lazy("Nothing waits for a second person here."),
    "replanned": gettext_lazy("A later refund took this debt over."),
    "amount_exceeds_capturable": gettext_lazy("This is more than can be captured."),
    "amount_exceeds_due": gettext_lazy("This is more than is due on the order."),
    "payment_in_progress": gettext_lazy("Another payment of this order is under way. Wait until it is known."),
    "outcome_unknown": gettext_lazy("It is not known yet whether an earlier payment of this order came through."),
    "channel_kind": gettext_lazy("Nobody stands at a counter in this channel. Choose a store."),
    "email_unknown": gettext_lazy("The customer's e-mail address is not known. Enter one."),
    "provider_test_only": gettext_lazy("It moves no money, and so is only for test merchants."),
    "invalid_choice": gettext_lazy("This is none of the choices."),
    "too_long": gettext_lazy("This is empty, or too long."),
}


def explain(refusal: OnetillError) -> str:
    """What to tell whoever pressed the button."""
    if isinstance(refusal, ValidationFailed):
        return " ".join(words(fault.code, fault.detail) for fault in refusal.faults)
    left = refusal.members.get("amount_refundable")
    if refusal.code == "amount_exceeds_refundable" and left:
        return _("At most %(amount)s can be given back.") % {"amount": amount(left, refusal.members["currency"])}
    if refusal.code == "amount_exceeds_refundable":
        return _("Nothing is left to give back.")
    if refusal.code == "route_required":
        return _which_route(refusal.members["routes"])
    reasons = refusal.members.get("reasons") or ()
    return " ".join(words(reason["code"], reason["detail"]) for reason in reasons) or words(
        refusal.code, refusal.detail
    )


def _which_route(routes: Iterable[RouteChoice]) -> str:
    """What `auto` could not decide: which routes may be chosen, and why each of the others may not."""
    possible = ", ".join(str(Route(choice["route"]).label) for choice in routes if choice["possible"])
    asked = _("Ask the customer and choose a route: %(routes)s.") % {"routes": possible} if possible else ""
    others = [
        f"{capfirst(Route(choice['route']).label)}: {words(choice['code'] or '', choice['detail'] or '')}"
        for choice in routes
        if not choice["possible"]
    ]
    return " ".join(filter(None, [_("This cannot go back by itself."), asked, *others]))


def words(code: str, detail: str) -> str:
    """The words for a code, or its own, which some catalog may know."""
    return str(_WORDS[code]) if code in _WORDS else detail and _(detail)

"""Refusals of services in the reader's language; a code without a text here keeps the service's own text."""

from collections.abc import Iterable
from typing import Any, Final

from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from payments.admin.base.render import amount
from payments.core.errors import OnetillError, ValidationFailed
from payments.models.refund import Route
from payments.services.refunds.routes import RouteChoice

_WORDS: Final[dict[str, Any]] = {
    "payment_not_capturable": gettext_lazy("Nothing of this payment can be captured."),
    "capture_not_supported": gettext_lazy("This provider can capture only once, and only the whole amount."),
    "payment_not_cancelable": gettext_lazy("Nothing of this payment is left to release."),
    "refund_not_cancelable": gettext_lazy("The money may already be on its way, or there is nothing left to cancel."),
    "refund_not_waiting": gettext_lazy("This refund is not waiting for approval."),
    "transfer_not_releasable": gettext_lazy("This part of the refund is not waiting for a bank transfer."),
    "account_not_own": gettext_lazy("Choose one of the merchant's own bank accounts in euros."),
    "bank_account_forgotten": gettext_lazy("The account was erased. Cancel the refund and ask the customer again."),
    "batch_changed": gettext_lazy("One of its transfers has left already. Decline this batch, and make another."),
    "batch_downloaded": gettext_lazy(
        "It was fetched before. Say why you need it again: given to the bank twice, it pays twice."
    ),
    "batch_not_released": gettext_lazy("There is no file before a second person has released the batch."),
    "batch_not_waiting": gettext_lazy("This batch was released or canceled already."),
    "execution_day_invalid": gettext_lazy("Choose a bank day from today to a month ahead."),
    "name_not_for_banks": gettext_lazy("The holder's name has no letter that SEPA knows. Transfer it by hand."),
    "transfer_in_batch": gettext_lazy("This transfer is in a batch for the bank. Cancel the batch first."),
    "transfer_not_batchable": gettext_lazy(
        "One of these transfers waits no more, or is in another batch. Choose again."
    ),
    "transfer_not_in_euros": gettext_lazy("A batch is in euros. Transfer this one in the bank's own program."),
    "transfer_outside_sepa": gettext_lazy("The account is outside of SEPA. Transfer it in the bank's own program."),
    "iban_blocked": gettext_lazy("A refund rule blocks this bank account. Give back in another way. Rule:"),
    "refund_limit_exceeded": gettext_lazy("A refund rule allows less. Give back less, or ask an owner. Rule:"),
    "refund_right_missing": gettext_lazy("A refund rule does not let you give this back here. Ask a colleague. Rule:"),
    "refund_reason_exists": gettext_lazy("There is a reason with this code already. Use another code."),
    "refund_rule_ended": gettext_lazy("This rule has ended already."),
    "rule_original_only": gettext_lazy("A refund rule lets you give back only as it was paid. Ask a colleague."),
    "refund_rule_invalid": gettext_lazy("A limit needs an amount and what lies beyond it; a blocked account its IBAN."),
    "balance_too_short": gettext_lazy("The balance at the provider is too short. It is tried again for three days."),
    "partial_refund_not_possible": gettext_lazy("The provider refunds this payment only as a whole."),
    "refund_too_small": gettext_lazy("The provider refunds no amount as small as this."),
    "refunds_used_up": gettext_lazy("The provider has refunded this payment as often as it does."),
    "route_failed": gettext_lazy("The first way failed; this takes its place."),
    "voucher_above_limit": gettext_lazy("This is more than one person gives away alone. Give less."),
    "voucher_code_mistyped": gettext_lazy("This code has a character that is wrong. Read it again."),
    "order_exists": gettext_lazy("The new order was paid for or priced already. Use another reference."),
    "total_required": gettext_lazy("Enter what the new order costs."),
    "approval_not_open": gettext_lazy("Nothing here is waiting for a second person."),
    "approval_waiting": gettext_lazy("An earlier request like this waits for a second person. Have it decided first."),
    "own_request": gettext_lazy("A second person has to decide; this is your own request, or your own key's."),
    "not_independent": gettext_lazy(
        "The requester made or changed your account shortly before. Another person has to decide."
    ),
    "changed_meanwhile": gettext_lazy(
        "It was changed since this was requested. Reject this request and make it again."
    ),
    "second_person_required": gettext_lazy("A second person has to agree to this. Ask for one."),
    "person_required": gettext_lazy("No API key may do this. A person does it, signed in to the admin."),
    "too_many_mails": gettext_lazy("Ten e-mails about this were sent within the hour. Wait, then send again."),
    "second_factor_required": gettext_lazy("Confirm with your second factor that it is you, then try again."),
    "permission_missing": gettext_lazy("You may not do this there. Ask an owner of that merchant."),
    "connector_exists": gettext_lazy("This administration is connected already. Change that connector."),
    "connector_not_connected": gettext_lazy("Sign in first, or switch it on."),
    "connector_without_sign_in": gettext_lazy("Nobody signs in at this package: its credentials are enough."),
    "document_not_failed": gettext_lazy("This document did not fail, or is taken up again already."),
    "sign_in_failed": gettext_lazy("The package did not accept the sign-in. Try again."),
    "sign_in_state_unknown": gettext_lazy(
        "This sign-in was not begun by you, or too long ago. Begin it again at the connector."
    ),
    "bank_account_required": gettext_lazy("Enter the customer's IBAN and name."),
    "card_number_refused": gettext_lazy("This contains a card number. Leave it out."),
    "iban_invalid": gettext_lazy("This is not a valid IBAN. Check every character."),
    "terminal_required": gettext_lazy("Choose the terminal at which the customer presents the card."),
    "not_paid_by_card": gettext_lazy("A terminal can refund only to a card."),
    "route_not_allowed": gettext_lazy("This channel does not give back in this way; see its refund routes."),
    "no_till": gettext_lazy("This channel has no till to pay from. Choose a store."),
    "till_too_low": gettext_lazy("The till does not hold this much. Count it, or choose another way."),
    "card_required": gettext_lazy("This card was read at a terminal. Only a terminal can refund to it."),
    "provider_cannot_refund": gettext_lazy("This payment's provider cannot refund it."),
    "provider_account_inactive": gettext_lazy("The provider account is no longer active."),
    "refund_window_passed": gettext_lazy("The time in which the provider refunds this sale is over."),
    "voucher_not_cancelable": gettext_lazy("The voucher was used, was made for a refund, or is over already."),
    "voucher_expired": gettext_lazy("The voucher it was paid with has expired."),
    "payment_link_not_active": gettext_lazy("This payment link can no longer be paid. Make a new one."),
    "payment_link_not_cancelable": gettext_lazy(
        "This payment link has already been paid, has expired or was canceled."
    ),
    "receipt_not_available": gettext_lazy("There is no receipt yet: the money has not been received or paid."),
    "method_not_supported": gettext_lazy("No provider account of this merchant accepts all of these payment methods."),
    "order_currency_differs": gettext_lazy("This order is in another currency."),
    "discrepancy_not_open": gettext_lazy("This discrepancy is not open any more."),
    "currency_unknown": gettext_lazy("Use a currency code such as EUR."),
    "export_not_ready": gettext_lazy("There is no file: the export is being made, or was not released."),
    "currency_not_possible": gettext_lazy("This kind has fewer decimals than the currency. Choose another kind."),
    "span_invalid": gettext_lazy("The last day is before the first one."),
    "spans_years": gettext_lazy("An audit file is of one financial year. Export each year by itself."),
    "file_too_large": gettext_lazy("This file is too large. Split it by period."),
    "format_unknown": gettext_lazy("This format is not known. Choose “recognize it”."),
    "fee_without_account": gettext_lazy("It is not known which provider charged this fee. Write it off instead."),
    "action_not_possible": gettext_lazy("This cannot be done with this kind of discrepancy."),
    "nothing_to_undo": gettext_lazy(
        "Nothing that was done about this is left to undo, or it waits for a second person."
    ),
    "resolved_since": gettext_lazy("What followed from this was resolved since. Undo that first."),
    "payout_received_since": gettext_lazy("Another bank line was received for this payout since. Undo that first."),
    "undo_not_possible": gettext_lazy("This explained itself by what came in later, and cannot be undone."),
    "exceeds_amount": gettext_lazy("More is named than the amount. Leave out what does not belong to it."),
    "named_twice": gettext_lazy("Name each only once."),
    "not_for_action": gettext_lazy("Only a booking or a match can be of a part."),
    "nothing_proposed": gettext_lazy("Nothing here is waiting for a second person."),
    "replanned": gettext_lazy("A later refund replaces this part."),
    "amount_exceeds_capturable": gettext_lazy("This is more than can be captured."),
    "amount_exceeds_due": gettext_lazy("This is more than is due on the order."),
    "payment_in_progress": gettext_lazy("Another payment of this order is under way. Wait until it is known."),
    "outcome_unknown": gettext_lazy("It is not known yet whether an earlier payment of this order came through."),
    "channel_kind": gettext_lazy("Nobody stands at a counter in this channel. Choose a store."),
    "email_unknown": gettext_lazy("The customer's e-mail address is not known. Enter one."),
    "provider_test_only": gettext_lazy("This provider moves no money and is only for test merchants."),
    "invalid_choice": gettext_lazy("This is not one of the choices."),
    "api_key_ended": gettext_lazy("This key has expired or was revoked. Make a new one."),
    "endpoint_disabled": gettext_lazy("The address of this delivery is disabled. Enable it first, then send again."),
    "order_total_below_paid": gettext_lazy("More than this has already been paid on the order."),
    "provider_account_required": gettext_lazy("Choose a provider account. The merchant has no PIN contract yet."),
    "counter_browser_unpaired": gettext_lazy("It has been unpaired already. Pair another browser."),
    "staff_code_invalid": gettext_lazy("Choose six to ten digits."),
    "staff_code_weak": gettext_lazy("Choose a code that nobody tries first: no row of digits."),
    "terminal_revoked": gettext_lazy("This terminal was revoked for good. Add it again as a new one."),
    "unknown_field": gettext_lazy("A fee rate can have method, brand, type, fixed and basis_points, and nothing else."),
    "invalid_type": gettext_lazy("A value does not have the expected form. Check the example beside the field."),
    "out_of_range": gettext_lazy("A number is too high or too low."),
    "validation_failed": gettext_lazy("This cannot be done with what was filled in."),
    "not_found": gettext_lazy("What this is about does not exist, or you may not see it."),
    "too_long": gettext_lazy("This is empty or too long."),
}


_GENERAL: Final = frozenset({"validation_failed", "not_found", "invalid_type", "out_of_range", "unknown_field"})


def explain(refusal: OnetillError) -> str:
    """Return the text of a refusal for the person who pressed the button."""
    if isinstance(refusal, ValidationFailed):
        return " ".join(words(fault.code, fault.detail) for fault in refusal.faults)
    left = refusal.members.get("amount_refundable")
    if refusal.code == "amount_exceeds_refundable" and left:
        return _("At most %(amount)s can be given back.") % {"amount": amount(left, refusal.members["currency"])}
    if refusal.code == "amount_exceeds_refundable":
        return _("Nothing is left to give back.")
    if "balance" in refusal.members:
        return _till_holds(refusal)
    if refusal.code == "bank_account_required" and refusal.param is None:
        return _("Enter the merchant's own IBAN first: a deposit is on its way to that account.")
    if refusal.code == "route_required":
        return _which_route(refusal.members["routes"])
    rule = refusal.members.get("rule")
    if rule is not None:
        return f"{words(refusal.code, refusal.detail)} {rule['name']}"
    reasons = refusal.members.get("reasons") or ()
    return " ".join(words(reason["code"], reason["detail"]) for reason in reasons) or words(
        refusal.code, refusal.detail
    )


def _till_holds(refusal: OnetillError) -> str:
    held = amount(refusal.members["balance"], refusal.members["currency"])
    texts = {
        "till_balance_too_low": _("The till holds %(amount)s by the books. Count it, or take out less."),
        "till_too_low": _("The till holds %(amount)s by the books. Count it, or choose another way."),
    }
    return texts[refusal.code] % {"amount": held}


def _which_route(routes: Iterable[RouteChoice]) -> str:
    """What `auto` could not decide: which routes may be chosen, and why each of the others may not."""
    possible = ", ".join(str(Route(choice["route"]).label) for choice in routes if choice["possible"])
    question = _("Ask the customer and choose a route: %(routes)s.") % {"routes": possible} if possible else ""
    others = [
        f"{capfirst(Route(choice['route']).label)}: {words(choice['code'] or '', choice['detail'] or '')}"
        for choice in routes
        if not choice["possible"]
    ]
    return " ".join(filter(None, [_("This cannot go back by itself."), question, *others]))


def words(code: str, detail: str) -> str:
    """The words for a code; of a code that stands for several things, those of its detail where a catalog has them."""
    if code in _GENERAL and detail and (get_language() == "en" or _(detail) != detail):
        return _(detail)
    return str(_WORDS[code]) if code in _WORDS else detail and _(detail)

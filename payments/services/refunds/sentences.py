"""How a planned refund travels, in sentences that a cashier can read out to the customer."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.models import Payment
from payments.models.payment import Method
from payments.models.refund import Route
from payments.services.refunds.plan import PlannedPart
from payments.text.formatting import amount, day, title

# How each method gives back, where its provider does it without the customer's card.
_ORIGINAL: Final[Mapping[str, Any]] = {
    Method.IDEAL: gettext_lazy("%(amount)s goes back to the iDEAL account it came from, %(when)s."),
    Method.CARD: gettext_lazy("%(amount)s goes back to the card that was used (%(card)s), %(when)s."),
    Method.BANCONTACT: gettext_lazy("%(amount)s goes back to the Bancontact card that was used, %(when)s."),
    Method.SEPA_DEBIT: gettext_lazy("%(amount)s goes back to the bank account it was collected from, %(when)s."),
    Method.BANK_TRANSFER: gettext_lazy("%(amount)s goes back to the bank account it came from, %(when)s."),
    Method.KLARNA: gettext_lazy("%(amount)s goes back over Klarna, which takes it off the customer's bill, %(when)s."),
    Method.PAYPAL: gettext_lazy("%(amount)s goes back to the PayPal account it came from, %(when)s."),
    Method.VOUCHER: gettext_lazy("%(amount)s goes back on the voucher it was paid with (%(card)s), at once."),
}
_ROUTES: Final[Mapping[str, Any]] = {
    Route.CASH: gettext_lazy("You give the customer %(handed)s from the till, once you have confirmed it."),
    Route.TERMINAL: gettext_lazy(
        "%(amount)s goes back on the card, which the customer holds to the terminal once you have confirmed it."
    ),
    Route.BANK: gettext_lazy("%(amount)s is transferred to %(account)s once a colleague has released it, %(when)s."),
    Route.VOUCHER: gettext_lazy("%(amount)s goes on a new voucher. Its code is shown once, on the next page."),
}
_WEEK: Final = 7  # days within which a weekday is enough


def planned(part: PlannedPart, currency: str) -> str:
    """How this part of a refund would travel, in one sentence."""
    templates = _ORIGINAL if part.route == Route.ORIGINAL else _ROUTES
    name = (part.payment.method or "") if part.route == Route.ORIGINAL else part.route
    template = templates.get(name, gettext_lazy("%(amount)s goes back the way it came, %(when)s."))
    account = part.bank_account
    return str(template) % {
        "amount": amount(part.amount, currency),
        "handed": amount(part.amount + part.rounding, currency),
        "card": paid_with(part.payment),
        "account": f"{account.iban} ({account.name})" if account is not None else "",
        "when": by(part.expected_at),
    }


def paid_with(payment: Payment) -> str:
    """How it was paid: `Visa •4242`, `iDEAL`, `voucher …7KQP`."""
    method = title(str(payment.get_method_display() or _("not chosen yet")))
    if payment.voucher is not None:
        return f"{method} …{payment.voucher.code_end}"
    if payment.card_brand or payment.card_last4:
        name = (payment.card_brand or method).replace("_", " ").title()
        return f"{name} •{payment.card_last4}" if payment.card_last4 else name
    return method


def by(at: datetime) -> str:
    """When it is there at the latest: `today`, `by Thursday`, `by 12 Dec 2026`."""
    there = at.astimezone(timezone.get_current_timezone()).date()
    left = (there - timezone.localdate()).days
    if left <= 0:
        return _("today")
    if left == 1:
        return _("by tomorrow")
    return _("by %(day)s") % {"day": _weekday(there) if left < _WEEK else day(there)}


def _weekday(value: date) -> str:
    return formats.date_format(value, "l")

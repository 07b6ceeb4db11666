"""Texts for customers when something is refused: in their language, with what to do."""

from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments.core.errors import NotFound, OnetillError

_TEXTS: Final = {
    "amount_out_of_bounds": gettext_lazy("Choose an amount between the two that are shown."),
    "method_not_supported": gettext_lazy("Choose one of the ways to pay that are shown."),
    "outcome_unknown": gettext_lazy(
        "We do not know yet whether an earlier payment came through. Wait a minute and look again, so that you do not "
        "pay twice."
    ),
    "payment_in_progress": gettext_lazy(
        "Another payment for this is under way. Wait a minute and look again, so that you do not pay twice."
    ),
    "payment_link_not_active": gettext_lazy("This request cannot be paid any more."),
    "too_many_payments": gettext_lazy("Too many payments were begun here. Wait a moment, then try again."),
    "voucher_currency_differs": gettext_lazy("This gift card is worth another currency."),
    "voucher_expired": gettext_lazy("This gift card has expired."),
    "voucher_insufficient": gettext_lazy("Nothing is left on this gift card."),
}


def explain(refusal: OnetillError | None) -> str:
    """Return one sentence for the customer; None is for too many wrong codes."""
    if refusal is None:
        return _("Too many wrong codes. Wait a moment, then try again.")
    if isinstance(refusal, NotFound):
        return _("We do not know this gift card. Check the code.")
    return str(_TEXTS.get(refusal.code, _("This did not work. Try again, or choose another way to pay.")))

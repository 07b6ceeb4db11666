"""How totals of shifts are named to people, in the admin and in reports."""

from typing import Any, Final

from django.utils.translation import gettext_lazy as _

from payments.text.formatting import amount
from terminals.shift_report import DECLINED, REFUND, REVERSAL, SALE

TYPES: Final[dict[str, Any]] = {
    SALE: _("sale"),
    REFUND: _("refund"),
    REVERSAL: _("reversal"),
    DECLINED: _("declined"),
}


def written_difference(each: dict[str, Any]) -> str:
    """One difference of a shift: its card and type, and how much more or less the device counts."""
    card = (each["brand"] or "").title()
    less = amount(each["device"]["amount"] - each["books"]["amount"], each["currency"])
    return f"{card} {TYPES[each['type']]} {less}".strip()

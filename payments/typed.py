"""What people type into a form and we must not misread."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _

from payments.money import EXPONENTS, MAX_AMOUNT, Money


class AmountField(forms.CharField):
    """An amount in major units, written as the reader's language writes numbers; becomes whole minor units."""

    def __init__(self, *, currency: str = "EUR", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.currency = currency

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            value = Decimal(str(formats.sanitize_separators(text.replace(" ", ""))))
            if len(str(value).partition(".")[2]) > EXPONENTS[self.currency]:
                raise ValueError("1.250 is a thousand to some readers, and one and a quarter to others")
            amount = Money.from_decimal(value, self.currency)
        except (InvalidOperation, ValueError):
            raise ValidationError(
                _("Write an amount with at most %(decimals)d decimals.") % {"decimals": EXPONENTS[self.currency]}
            ) from None
        if not 0 < amount.amount <= MAX_AMOUNT:
            raise ValidationError(_("The amount must be above zero."))
        return amount.amount

"""What a button asks before it does anything."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from payments import typed
from payments.money import EXPONENTS, Money
from payments.pan import has_card_number
from payments.people.models import User


class DeedForm(forms.Form):
    """Knows the row it is about and who fills it in."""

    def __init__(self, *args: Any, row: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row, self.user = row, user

    def complete(self) -> bool:
        """Whether all is asked; a form of two steps says no after the first."""
        return True


class AmountField(typed.AmountField):
    """An amount as the admin asks for one."""

    widget = UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"})


def in_major_units(minor: int, currency: str) -> str:
    """An amount as one would type it into an `AmountField`."""
    return formats.number_format(Money(minor, currency).to_decimal(), EXPONENTS[currency], use_l10n=True)


class NoteField(forms.CharField):
    """Why; never with a card number in it."""

    def __init__(self, **kwargs: Any) -> None:
        given = {"label": gettext_lazy("note"), "max_length": 1000, "widget": UnfoldAdminTextareaWidget({"rows": 3})}
        super().__init__(**{**given, **kwargs})

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_card_number(text):
            raise ValidationError(_("This holds a card number. Leave it out."))
        return text

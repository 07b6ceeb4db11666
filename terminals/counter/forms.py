"""What people type at the counter, by field: nothing with a card number in it is taken."""

import secrets
from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _

from payments.core.money import EXPONENTS, Money
from payments.core.pan import has_card_number


class WordsField(forms.CharField):
    """A line of text, never with a card number in it."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if has_card_number(text):
            raise ValidationError(_("This contains a card number. Leave it out."))
        return text


class OnceField(forms.RegexField):
    """The name of a form as it was shown, so that it does one thing however often it is sent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(r"^[0-9a-f]{32}$", **kwargs)


def filled(form: forms.Form, first: Mapping[str, str]) -> dict[str, Any]:
    """What a page shows of a form that does one thing: as it was typed, or else as it stands there `first`."""
    value = form.data.get if form.is_bound else first.get
    return {
        "form": form,
        "values": {name: value(name) or "" for name in form.fields},
        "once": (form.data.get("once") if form.is_bound else "") or new_once(),
    }


def new_once() -> str:
    """Return the name of a form that is about to be shown."""
    return secrets.token_hex(16)


def typed(minor: int, currency: str) -> str:
    """An amount as one would type it."""
    return formats.number_format(Money(minor, currency).to_decimal(), EXPONENTS[currency], use_l10n=True)

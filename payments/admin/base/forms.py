"""What a button asks before it does anything."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from payments.core.money import EXPONENTS, Money
from payments.core.pan import has_card_number
from payments.models import Merchant
from payments.people.models import User
from payments.people.services import authority
from payments.text import form_fields


class OfMerchantForm(forms.Form):
    """What a page of figures is about: one of the merchants of its reader, and what a subclass asks beside.

    Who has no merchant is asked nothing, whichever one the address names: no other page's link shows them its id.
    """

    merchant = forms.ChoiceField(label=gettext_lazy("merchant"))

    def __init__(self, data: Mapping[str, Any], own: Sequence[Merchant]) -> None:
        super().__init__(data if own else {})
        field: Any = self.fields["merchant"]
        field.choices = [(row.id, row.name) for row in own]

    def clean(self) -> dict[str, Any]:
        """What was chosen; a parameter that the page does not know is named."""
        given: dict[str, Any] = super().clean() or {}
        for name in set(self.data) - set(self.fields):
            self.add_error(None, _("This page has no choice “%(name)s”.") % {"name": name})
        return given


class PersonForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form about a new row that offers what its reader may choose: `user` is of the class that `bound_to` made.

    Choices are set in `__init__`, on the form's own fields: fields of the class serve every request at once.
    """

    user: ClassVar[User]

    def _post_clean(self) -> None:
        """The row is made by the service, not from the form."""


Form = TypeVar("Form", bound=PersonForm)


def bound_to(form: type[Form], user: User) -> type[Form]:
    """The form of one person, as a class of one request: Django's admin makes the form itself, from a class."""
    kind: Any = type(form)
    own: type[Form] = kind(form.__name__, (form,), {"user": user, "__doc__": form.__doc__})
    return own


def note_refused_choices(form: forms.BaseForm, *, user: User, action: str) -> None:
    """Write down who chose a row that exists and was not offered to them; what does not exist is a slip."""
    for name, field in form.fields.items():
        codes = {error.code for error in form.errors.as_data().get(name, ())}
        if "invalid_choice" not in codes or not isinstance(field, forms.ModelChoiceField):
            continue
        chosen = str(form.data.get(form.add_prefix(name), ""))
        rows: Any = field.queryset
        row = rows.model.objects.filter(pk=chosen.replace("\0", "")).first()
        if row is not None:
            merchant_id = getattr(row, "merchant_id", row.pk)
            authority.note_refusal(actor=user.id, action=action, merchant_id=merchant_id, chosen=chosen)


class ActionForm(forms.Form):
    """Knows the row it is about and who fills it in."""

    def __init__(self, *args: Any, row: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row, self.user = row, user

    def complete(self) -> bool:
        """Whether the form may be carried out; a form of two steps returns False after the first."""
        return True


class AmountField(form_fields.AmountField):
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
            raise ValidationError(_("This contains a card number. Leave it out."))
        return text

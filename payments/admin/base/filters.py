"""Ways to narrow a list down. What a filter cannot read is an error shown at the filter, and empties the list."""

from collections.abc import Iterator
from typing import Any, ClassVar, Final

from django import forms
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    DropdownFilter,
    RelatedDropdownFilter,
)

from payments import object_index
from payments.admin.base import render
from payments.admin.base.access import merchants, own_merchants, person
from payments.models import Channel, Discrepancy, Merchant, ProviderAccount
from payments.people.models import Customer
from payments.people.permissions import May, within
from payments.people.services import customers
from payments.queries.chargebacks import TO_ANSWER
from payments.text.formatting import title

MOST_CUSTOMERS: Final = 200  # who go by one text
CARD_BRANDS: Final = (
    "visa",
    "mastercard",
    "maestro",
    "vpay",
    "amex",
    "bancontact",
    "discover",
    "diners",
    "jcb",
    "unionpay",
)


class TextForm(forms.Form):
    """One text, as it was typed."""

    def __init__(self, *args: Any, name: str, label: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields[name] = TextField(label=label, required=False, max_length=100)


class TextField(forms.CharField):
    """What is looked for by its beginning or whole: never with a sign that no name has."""

    def clean(self, value: Any) -> str:
        text: str = super().clean(value)
        if any(not sign.isprintable() for sign in text):
            raise ValidationError(_("The text to search for has a character that cannot be searched for."))
        return text


class TextFilter(SimpleListFilter):
    """A text that is typed; a subclass says what it is looked for in (`rows`)."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        name = str(self.parameter_name)
        self.form = TextForm(name=name, label=str(self.title), data={name: self.value() or ""})

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return []

    def has_output(self) -> bool:
        return True

    def choices(self, changelist: Any) -> Iterator[Any]:
        yield {"form": self.form}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        text = self.form.cleaned_data[str(self.parameter_name)] if self.form.is_valid() else ""
        return self.rows(request, queryset, text) if text else queryset

    def rows(self, request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        """Those of the rows that the text is about."""
        raise NotImplementedError


class OfCustomer(TextFilter):
    """Whose payments, orders or refunds: by e-mail address or number whole, by name in part."""

    parameter_name = "customer"
    title = gettext_lazy("customer")
    path: ClassVar[str] = "customer"

    def rows(self, request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        own = list(merchants(person(request)).values_list("id", flat=True))
        found = Customer.objects.filter(customers.called(text), merchant_id__in=own).values_list("id", flat=True)
        ids = list(found[: MOST_CUSTOMERS + 1])
        if len(ids) > MOST_CUSTOMERS:
            self.form.add_error(str(self.parameter_name), _("Too many customers go by this. Type more of the name."))
        return queryset.filter(**{f"{self.path}__in": ids})


class OfOperator(TextFilter):
    """Who did it at the counter, by a part of the name."""

    parameter_name = "operator"
    title = gettext_lazy("operator")

    def rows(self, request: HttpRequest, queryset: QuerySet[Any], text: str) -> QuerySet[Any]:
        return queryset.filter(operator__icontains=text)


class OfTerminal(DropdownFilter):
    """At which terminal: the floor that keeps them knows their names."""

    parameter_name = "terminal"
    title = gettext_lazy("terminal")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return object_index.choices_of("trm", [row.id for row in own_merchants(request, model_admin.sees)])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(terminal_id=self.value()) if self.value() else queryset


class OfBrand(DropdownFilter):
    """Which scheme the card was of."""

    parameter_name = "brand"
    title = gettext_lazy("card brand")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(code, render.brand(code)) for code in CARD_BRANDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        code = self.value()
        # As a provider or a terminal writes it.
        return queryset.filter(card_brand__in=[code, code.title(), code.upper()]) if code else queryset


class Provider(DropdownFilter):
    """Who moves the money, whichever of its accounts it is."""

    parameter_name = "provider"
    title = gettext_lazy("provider")
    path: ClassVar[str] = "provider_account__provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        own = ProviderAccount.objects.filter(merchant__in=own_merchants(request, model_admin.sees))
        return [(code, title(code)) for code in sorted(set(own.values_list("provider", flat=True)))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(**{self.path: self.value()}) if self.value() else queryset


class OwnRelated(RelatedDropdownFilter):
    """Offers the merchants, channels or accounts that the person may see, and no one else's names."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        own = own_merchants(request, model_admin.sees)
        if field.remote_field.model is Merchant:
            return [(row.pk, str(row)) for row in own]
        rows = field.remote_field.model.objects.filter(merchant__in=own)
        if field.remote_field.model is Channel:
            rows = rows.filter(within(person(request), May.SEE, channel="id"))
        return [(row.pk, str(row)) for row in rows.order_by("name")]

    def has_output(self) -> bool:
        """A choice of one is no choice, but an active filter is always shown."""
        return bool(self.used_parameters) or len(self.lookup_choices) > 1


class OfMerchant(DropdownFilter):
    """Whose rows, of tables that know merchants by their ids only."""

    parameter_name = "merchant"
    title = gettext_lazy("merchant")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [(row.id, row.name) for row in merchants(person(request), model_admin.sees).order_by("name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(merchant_id=self.value()) if self.value() else queryset


class ToAnswer(DropdownFilter):
    """Whether evidence may still be sent in a dispute."""

    parameter_name = "to_answer"
    title = gettext_lazy("to answer")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("evidence may still be sent"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(TO_ANSWER, respond_by__gt=timezone.now()) if self.value() == "yes" else queryset


class OpenDiscrepancy(DropdownFilter):
    """Filter by whether a discrepancy is open."""

    parameter_name = "open_discrepancies"
    title = gettext_lazy("open discrepancies")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("with open discrepancies")), ("no", _("without"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        rows = Discrepancy.objects.filter(payment=OuterRef("pk")).exclude(status=Discrepancy.Status.RESOLVED)
        return queryset.filter(Exists(rows) if self.value() == "yes" else ~Exists(rows))

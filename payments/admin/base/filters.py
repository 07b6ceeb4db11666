"""Ways to narrow a list down. What a filter cannot read is an error shown at the filter, and empties the list."""

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    DropdownFilter,
    RangeDateFilter,
    RangeNumericListFilter,
    RelatedDropdownFilter,
)
from unfold.contrib.filters.forms import RangeDateForm, RangeNumericForm

from payments.admin.base.access import ScopedAdmin, merchants, person
from payments.core.money import EXPONENTS, MAX_AMOUNT
from payments.models import Channel, Discrepancy, Merchant
from payments.people.models import User
from payments.people.permissions import May, within
from payments.queries.chargebacks import TO_ANSWER
from payments.text.form_fields import DayField, TypedAmount, read_amount

_EXPONENTS: Final = {
    exponent: [currency for currency, own in EXPONENTS.items() if own == exponent] for exponent in (0, 2, 3)
}


class RangeForm(forms.Form):
    """From and to, of one kind of field; the first is not beyond the last."""

    def read_by(self, field: type[forms.CharField]) -> None:
        """Have each end read by such a field, shown as unfold shows it."""
        for name, shown in self.fields.items():
            shown.widget.input_type = "text"
            self.fields[name] = field(label="", required=False, widget=shown.widget)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        (_first, first), (last_name, last) = [(name, given.get(name)) for name in self.fields]
        if first is not None and last is not None and self.beyond(first, last):
            self.add_error(last_name, _("This comes before the first value."))
        return given

    def beyond(self, first: Any, last: Any) -> bool:
        """Tell whether a range from the one to the other holds nothing."""
        return bool(first > last)


class DayRangeForm(RangeForm, RangeDateForm):
    """Days, as people write them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read_by(DayField)


class AnyAmountField(forms.CharField):
    """An amount in major units of any currency."""

    def clean(self, value: Any) -> TypedAmount | None:
        text = super().clean(value)
        if not text:
            return None
        typed = read_amount(text)
        if abs(typed.value) > MAX_AMOUNT:
            raise ValidationError(_("The amount is too large."))
        return typed


class AmountRangeForm(RangeForm, RangeNumericForm):
    """Amounts, as people write them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.read_by(AnyAmountField)

    def beyond(self, first: TypedAmount, last: TypedAmount) -> bool:
        return first.value > last.value


class DayRange(RangeDateFilter):
    """From one business day to another; of a moment's column, by the clock of each row's merchant."""

    form_class = DayRangeForm

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.model_admin: ScopedAdmin = kwargs["model_admin"] if "model_admin" in kwargs else args[4]
        names = self.expected_parameters()
        self.form = DayRangeForm(
            name=str(self.parameter_name), data={name: self.used_parameters.get(str(name)) for name in names}
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = self.form.cleaned_data if self.form.is_valid() else {}
        first, last = (given.get(str(name)) for name in self.expected_parameters())
        if isinstance(self.field, DateTimeField):
            return queryset.filter(_days(person(request), self.model_admin, self.field_path, first, last))
        ends = {f"{self.field_path}__gte": first, f"{self.field_path}__lte": last}
        return queryset.filter(**{name: day for name, day in ends.items() if day is not None})

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"request": self.request, "parameter_name": self.parameter_name, "form": self.form}


def _days(user: User, admin: ScopedAdmin, column: str, first: date | None, last: date | None) -> Q:
    """Rows from the beginning of the first day to the end of the last one, each by its merchant's clock."""
    if first is None and last is None:
        return Q()
    own = merchants(user, admin.sees).order_by()
    zones = list(own.values_list("timezone", flat=True).distinct())
    if len(zones) == 1:
        return _between(column, first, last, ZoneInfo(zones[0]))
    reach = Q(**{f"{admin.merchant_path}__isnull": True}) & _between(column, first, last, ZoneInfo("UTC"))
    for zone in zones:
        here = own.filter(timezone=zone).values("id")
        reach |= Q(**{f"{admin.merchant_path}__in": here}) & _between(column, first, last, ZoneInfo(zone))
    return reach


def _between(column: str, first: date | None, last: date | None, zone: ZoneInfo) -> Q:
    inside = Q()
    if first is not None:
        inside &= Q(**{f"{column}__gte": datetime.combine(first, time(0), zone).astimezone(UTC)})
    if last is not None and last < date.max:
        inside &= Q(**{f"{column}__lt": datetime.combine(last + timedelta(days=1), time(0), zone).astimezone(UTC)})
    return inside


class AmountRange(RangeNumericListFilter):
    """From and to, in major units, whatever the currency's exponent; a currency in the text narrows the rows too."""

    parameter_name = "amount"
    title = gettext_lazy("amount")
    column: ClassVar[str] = "amount"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = self.expected_parameters()
        self.form = AmountRangeForm(
            name=self.parameter_name, data={str(name): self.used_parameters.get(str(name)) for name in names}
        )

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = self.form.cleaned_data if self.form.is_valid() else {}
        for name, lookup in zip(self.expected_parameters(), ("gte", "lte"), strict=True):
            typed = given.get(str(name))
            if typed is not None:
                queryset = queryset.filter(_beyond(self.column, typed, lookup))
        return queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"request": self.request, "parameter_name": self.parameter_name, "form": self.form}


class GrossRange(AmountRange):
    """The same of a settlement's or a line's gross amount."""

    title = gettext_lazy("gross")
    column = "gross"


def _beyond(column: str, typed: TypedAmount, lookup: str) -> Q:
    """Rows on this side of an amount, in minor units of each row's own currency."""
    if typed.currency is not None:
        limit = _minor(typed.value, EXPONENTS[typed.currency], lookup)
        return Q(currency=typed.currency, **{f"{column}__{lookup}": limit})
    sides = Q()
    for exponent, currencies in _EXPONENTS.items():
        of_these = ~Q(currency__in=[*_EXPONENTS[0], *_EXPONENTS[3]]) if exponent == 2 else Q(currency__in=currencies)
        sides |= of_these & Q(**{f"{column}__{lookup}": _minor(typed.value, exponent, lookup)})
    return sides


def _minor(value: Decimal, exponent: int, lookup: str) -> int:
    """The whole minor units at this limit or just inside it."""
    scaled = value.scaleb(exponent)
    return math.ceil(scaled) if lookup == "gte" else math.floor(scaled)


class OwnRelated(RelatedDropdownFilter):
    """Offers the merchants, channels or accounts that the person may see, and no one else's names."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        own = merchants(person(request), model_admin.sees)
        if field.remote_field.model is Merchant:
            return [(row.pk, str(row)) for row in own.order_by("name")]
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

"""Filters from one day or amount to another. What one cannot read is an error shown at it, and empties the list."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, Final
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import DateTimeField, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from unfold.contrib.filters.admin import RangeDateFilter, RangeNumericListFilter
from unfold.contrib.filters.forms import RangeDateForm, RangeNumericForm

from payments.admin.base.access import ScopedAdmin, merchants, person
from payments.admin.base.periods import PERIODS, span
from payments.core.money import EXPONENTS, MAX_AMOUNT
from payments.people.models import User
from payments.text.form_fields import DayField, TypedAmount, read_amount

_EXPONENTS: Final = {
    exponent: [currency for currency, own in EXPONENTS.items() if own == exponent] for exponent in (0, 2, 3)
}


class RangeForm(forms.Form):
    """From and to, of one kind of field; the first is not beyond the last."""

    def read_by(self, field: type[forms.CharField]) -> None:
        """Have each end read by such a field, shown as unfold shows it."""
        for (name, shown), label in zip(list(self.fields.items()), (_("from"), pgettext("range", "to")), strict=True):
            shown.widget.input_type = "text"
            self.fields[name] = field(label=label, required=False, widget=shown.widget)

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        first_name, last_name = list(self.fields)[:2]
        first, last = given.get(first_name), given.get(last_name)
        if first is not None and last is not None and self.beyond(first, last):
            self.add_error(last_name, _("This comes before the first value."))
        return given

    def beyond(self, first: Any, last: Any) -> bool:
        """Tell whether a range from the one to the other holds nothing."""
        return bool(first > last)


class DayRangeForm(RangeForm, RangeDateForm):
    """Days, as people write them; or a period by its name, which stays that period on another day."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.read_by(DayField)
        self.period = f"{kwargs['name']}_period"
        self.fields[self.period] = forms.ChoiceField(choices=PERIODS.items(), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        first, last = list(self.fields)[:2]
        if given.get(self.period) and (given.get(first) or given.get(last)):
            self.add_error(self.period, _("Choose a period or days, not both."))
        return given


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

    def clean(self) -> dict[str, Any]:
        given = super().clean()
        currencies = {typed.currency for typed in given.values() if typed is not None and typed.currency}
        if len(currencies) > 1:
            self.add_error(list(self.fields)[1], _("Write both amounts in one currency."))
        return given

    def beyond(self, first: TypedAmount, last: TypedAmount) -> bool:
        return first.value > last.value


# From a clock's today to the first and last day of what is asked for; None: open at that end.
_Span = Callable[[date], tuple[date | None, date | None]]


class DayRange(RangeDateFilter):
    """From one business day to another; of a moment's column, by the clock of each row's merchant."""

    form_class = DayRangeForm

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: ScopedAdmin, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.model_admin = model_admin
        given = params.pop(f"{field_path}_period", [""])[0]
        if given:
            self.used_parameters[f"{field_path}_period"] = given
        names = self.expected_parameters()
        self.form = DayRangeForm(
            name=str(self.parameter_name), data={name: self.used_parameters.get(str(name)) for name in names}
        )

    def expected_parameters(self) -> list[str | None]:
        return [*super().expected_parameters(), f"{self.parameter_name}_period"]

    @property
    def is_used(self) -> bool:
        """Whether it narrows anything down."""
        return bool(self.used_parameters)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        given = self.form.cleaned_data if self.form.is_valid() else {}
        first, last, period = (given.get(str(name)) or None for name in self.expected_parameters())
        if first is None and last is None and period is None:
            return queryset
        asked: _Span = (lambda today: span(period, today)) if period else (lambda today: (first, last))
        return queryset.filter(_days(person(request), self.model_admin, self._between, asked))

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"request": self.request, "parameter_name": self.parameter_name, "form": self.form}

    def _between(self, first: date | None, last: date | None, zone: ZoneInfo) -> Q:
        if isinstance(self.field, DateTimeField):
            return _moments(self.field_path, first, last, zone)
        ends = {f"{self.field_path}__gte": first, f"{self.field_path}__lte": last}
        return Q(**{name: day for name, day in ends.items() if day is not None})


def _days(
    user: User,
    admin: ScopedAdmin,
    between: Callable[[date | None, date | None, ZoneInfo], Q],
    asked: _Span,
) -> Q:
    """Rows of the asked days, each by its merchant's clock; of no merchant's, by that of everything inside."""
    own = merchants(user, admin.sees).order_by()
    zones = list(own.values_list("timezone", flat=True).distinct())

    def here(name: str) -> Q:
        zone = ZoneInfo(name)
        return between(*asked(timezone.now().astimezone(zone).date()), zone)

    if len(zones) == 1:
        return here(zones[0])
    reach = Q(**{f"{admin.merchant_path}__isnull": True}) & here("UTC")
    for zone in zones:
        reach |= Q(**{f"{admin.merchant_path}__in": own.filter(timezone=zone).values("id")}) & here(zone)
    return reach


def _moments(column: str, first: date | None, last: date | None, zone: ZoneInfo) -> Q:
    """From the beginning of the first day to the end of the last one, on the clocks of a zone."""
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
        first, last = (given.get(str(name)) for name in self.expected_parameters())
        return queryset if first is None and last is None else queryset.filter(_within(self.column, first, last))

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        yield {"request": self.request, "parameter_name": self.parameter_name, "form": self.form}


class GrossRange(AmountRange):
    """The same of a settlement's or a line's gross amount."""

    title = gettext_lazy("gross")
    column = "gross"


def _within(column: str, first: TypedAmount | None, last: TypedAmount | None) -> Q:
    """Rows from the one amount to the other, in minor units of each row's own currency."""
    named = next((typed.currency for typed in (first, last) if typed is not None and typed.currency), None)
    if named is not None:
        return Q(currency=named) & _limits(column, first, last, EXPONENTS[named])
    sides = Q()
    for exponent, currencies in _EXPONENTS.items():
        of_these = ~Q(currency__in=[*_EXPONENTS[0], *_EXPONENTS[3]]) if exponent == 2 else Q(currency__in=currencies)
        # Both limits in one, so that each side of the OR is looked up in an index of amounts.
        sides |= of_these & _limits(column, first, last, exponent)
    return sides


def _limits(column: str, first: TypedAmount | None, last: TypedAmount | None, exponent: int) -> Q:
    ends = Q()
    if first is not None:
        ends &= Q(**{f"{column}__gte": math.ceil(first.value.scaleb(exponent))})
    if last is not None:
        ends &= Q(**{f"{column}__lte": math.floor(last.value.scaleb(exponent))})
    return ends

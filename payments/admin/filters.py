"""Ways to narrow a list down that Django does not have by itself."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter, RangeNumericListFilter
from unfold.contrib.filters.forms import RangeNumericForm

from payments.models import Discrepancy
from payments.money import EXPONENTS
from payments.queries.chargebacks import TO_ANSWER

_EXPONENTS: Final = {
    exponent: [currency for currency, own in EXPONENTS.items() if own == exponent] for exponent in (0, 2, 3)
}


class AmountRange(RangeNumericListFilter):
    """From and to, in major units, whatever the currency's exponent."""

    parameter_name = "amount"
    title = gettext_lazy("amount")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        for end, lookup in (("from", "gte"), ("to", "lte")):
            text = self.used_parameters.get(f"amount_{end}")
            if text:
                queryset = queryset.filter(_beyond(str(text), lookup))
        return queryset

    def choices(self, changelist: Any) -> Iterator[dict[str, Any]]:
        names = ("amount_from", "amount_to")
        data = {name: self.used_parameters.get(name) for name in names}
        form = RangeNumericForm(name="amount", data=data)
        for name in names:  # a number field takes no comma
            form.fields[name].widget.input_type = "text"
        yield {"request": self.request, "parameter_name": "amount", "form": form}


def _beyond(text: str, lookup: str) -> Q:
    """Rows on this side of an amount; what is no amount leaves none."""
    try:
        value = Decimal(str(formats.sanitize_separators(text.strip())))
    except InvalidOperation:
        return Q(pk__in=[])
    if not value.is_finite() or abs(value) > 10**12:
        return Q(pk__in=[])
    sides = Q()
    for exponent, currencies in _EXPONENTS.items():
        of_these = ~Q(currency__in=[*_EXPONENTS[0], *_EXPONENTS[3]]) if exponent == 2 else Q(currency__in=currencies)
        sides |= of_these & Q(**{f"amount__{lookup}": value.scaleb(exponent)})
    return sides


class ToAnswer(DropdownFilter):
    """Whether evidence may still be sent in a dispute."""

    parameter_name = "to_answer"
    title = gettext_lazy("to answer")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("evidence may still be sent"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(TO_ANSWER, respond_by__gt=timezone.now()) if self.value() == "yes" else queryset


class OpenDiscrepancy(DropdownFilter):
    """Whether two sources disagree about it."""

    parameter_name = "open_discrepancies"
    title = gettext_lazy("open discrepancies")

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("yes", _("with open discrepancies")), ("no", _("without"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in ("yes", "no"):
            return queryset
        rows = Discrepancy.objects.filter(payment=OuterRef("pk")).exclude(status=Discrepancy.Status.RESOLVED)
        return queryset.filter(Exists(rows) if self.value() == "yes" else ~Exists(rows))

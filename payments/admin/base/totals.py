"""A list with the totals of what is filtered above it, and days to drill down into."""

import calendar
from datetime import date
from typing import Any, Final

from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils import formats
from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from payments.admin.base.access import merchants, person
from payments.admin.base.read_only_admin import ReadOnlyChangeList
from payments.models import Payment
from payments.queries.totals import Totals, totals
from payments.text.formatting import day_of_year

DAY_PARTS: Final = ("business_day__year", "business_day__month", "business_day__day")
ADD_UP: Final = "add_up"  # asks for the totals of a list that is long and not narrowed


class TotalledList(ReadOnlyChangeList):
    """Totals are one statement over exactly the rows of the list; a long one is totaled when filtered or on request."""

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        self.request = request
        self.requested = ADD_UP in request.GET
        super().__init__(request, *args, **kwargs)

    def get_filters_params(self, params: Any = None) -> Any:
        left = super().get_filters_params(params)
        for name in (ADD_UP, *DAY_PARTS):
            left.pop(name, None)
        return left

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Payment]:
        """Narrowed to the year, month or day; Django's own hierarchy takes days for moments of some zone."""
        rows: QuerySet[Payment] = super().get_queryset(request, exclude_parameters)
        first, last = _span(self)
        if first is not None:
            return rows.filter(business_day__range=(first, last))
        if any(name in request.GET for name in DAY_PARTS):
            self.faults.append(_("The address asks for a day, month or year that does not exist."))
            return rows.none()
        return rows

    @property
    def adds_up(self) -> bool:
        """Whether the totals are shown at once."""
        return bool(self.requested or self.query or self.has_active_filters or self._day or not self.paginator.more)

    @cached_property
    def totals(self) -> list[Totals]:
        """By currency."""
        return totals(self.queryset)

    @property
    def add_up_link(self) -> str:
        return str(self.get_query_string({ADD_UP: "1"}))

    @property
    def _day(self) -> bool:
        return _span(self)[0] is not None

    @cached_property
    def drill(self) -> dict[str, Any] | None:
        """Years, then months, then days, from the first business day to the last; found by index, not by counting."""
        days = Payment.objects.filter(merchant=OuterRef("pk")).order_by("business_day").values("business_day")
        own = merchants(person(self.request)).annotate(first=Subquery(days[:1]), last=Subquery(days.reverse()[:1]))
        ends = [ends for ends in own.values_list("first", "last") if ends[0] is not None]
        return _choices(self, min(first for first, _ in ends), max(last for _, last in ends)) if ends else None


def _span(cl: TotalledList) -> tuple[date | None, date | None]:
    """The first and last day of the requested year, month or day; none where there is no such date."""
    year, month, day = (_number(cl, name) for name in ("year", "month", "day"))
    try:
        first = date(year or 0, 1 if month is None else month, 1 if day is None else day)
    except ValueError:
        return None, None
    if month is None:
        return (first, date(first.year, 12, 31)) if day is None else (None, None)
    return first, first if day else first.replace(day=calendar.monthrange(first.year, first.month)[1])


def _choices(cl: TotalledList, first: date, last: date) -> dict[str, Any]:
    narrowed = _span(cl)[0] is not None
    year, month, day = (_number(cl, name) if narrowed else None for name in ("year", "month", "day"))
    if year and month and day:
        return {
            "back": _to(cl, _month(date(year, month, 1)), year=year, month=month),
            "choices": [{"title": _day_of(date(year, month, day))}],
        }
    if year and month:
        days = range(1, calendar.monthrange(year, month)[1] + 1)
        shown = [at for at in (date(year, month, number) for number in days) if first <= at <= last]
        choices = [_to(cl, _day_of(at), year=at.year, month=at.month, day=at.day) for at in shown]
        return {"back": _to(cl, str(year), year=year), "choices": choices}
    if year or first.year == last.year:
        year = year or first.year
        months = [at for at in (date(year, number, 1) for number in range(1, 13)) if _within(at, first, last)]
        choices = [_to(cl, _month(at), year=year, month=at.month) for at in months]
        return {"back": _to(cl, "…") if first.year != last.year else None, "choices": choices}
    return {"back": None, "choices": [_to(cl, str(at), year=at) for at in range(first.year, last.year + 1)]}


def _within(month: date, first: date, last: date) -> bool:
    return (first.year, first.month) <= (month.year, month.month) <= (last.year, last.month)


def _number(cl: TotalledList, name: str) -> int | None:
    """A part of the requested date; 0 for what is no number, since no year, month or day is 0."""
    text = cl.request.GET.get(f"business_day__{name}")
    if text is None:
        return None
    return int(text) if text.isdecimal() and len(text) <= 4 else 0


def _to(cl: TotalledList, title: str, **parts: int) -> dict[str, str]:
    given = {f"business_day__{name}": str(value) for name, value in parts.items()}
    return {"title": title, "link": cl.get_query_string(given, ["business_day__", "p"])}


def _month(at: date) -> str:
    return formats.date_format(at, "F Y")


def _day_of(at: date) -> str:
    return day_of_year(at)

"""The table of a report: one measure by one or two dimensions, with its totals and what it was in another period.

Sums are kept of each cell, and the measure is made of them last: the average of a total is not the sum of averages.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from payments import statistics
from payments.admin.base import render
from payments.admin.base.page import Section
from payments.admin.finance.sales import called
from payments.models import Channel

Sums = Counter[str]  # of the measures of `statistics.figures`: counts, and amounts in minor units
Row = Mapping[str, Any]  # one of `statistics.figures`

DIMENSIONS: Final[tuple[tuple[str, Any], ...]] = (
    ("channel", gettext_lazy("channel")),
    ("business_day", gettext_lazy("day")),
    ("week", gettext_lazy("week")),
    ("month", gettext_lazy("month")),
    ("hour", gettext_lazy("hour")),
    ("method", gettext_lazy("method")),
    ("brand", gettext_lazy("card brand")),
    ("origin", gettext_lazy("origin")),
)
MEASURES: Final[Mapping[str, tuple[Any, Callable[[Sums], int]]]] = {
    "sales": (gettext_lazy("sold"), lambda sums: sums["sales_amount"]),
    "refunds": (gettext_lazy("given back"), lambda sums: sums["refunds_amount"]),
    "net": (gettext_lazy("net"), lambda sums: sums["net_amount"]),
    "count": (gettext_lazy("number of sales"), lambda sums: sums["sales_count"]),
    "average": (
        gettext_lazy("average"),
        lambda sums: statistics.average(sums["sales_amount"], sums["sales_count"]),
    ),
    "tips": (gettext_lazy("tips"), lambda sums: sums["tips_amount"]),
    "chargebacks": (gettext_lazy("charged back"), lambda sums: sums["chargebacks_amount"]),
}
SUMMED: Final = ("sales_count", "sales_amount", "refunds_amount", "net_amount", "tips_amount", "chargebacks_amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What a table is of: its measure, its rows, its columns ("" for none), and whether it compares."""

    measure: str
    rows: str
    columns: str
    compares: bool
    channels: dict[str, Channel]


def groups(*dimensions: str) -> list[str]:
    """The groups of the statistics that these dimensions are made of; weeks and months are made of days."""
    return list(dict.fromkeys("business_day" if name in ("week", "month") else name for name in dimensions if name))


def table(layout: Layout, currency: str, rows: Sequence[Row], before: Sequence[Row]) -> Section:
    """The table of one currency, a line for each value of the row's dimension in either period."""
    cells = _cells(layout, currency, rows)
    lines, earlier = _lines(cells), _lines(_cells(layout, currency, before))
    heads = sorted({column for _line, column in cells}) if layout.columns else []

    def line(name: Any, parts: Sequence[Sums], total: Sums, then: Sums | None) -> list[Any]:
        shown = [_shown(layout, part, currency) for part in (*parts, total)]
        if not layout.compares:
            return [name, *shown]
        return [name, *shown, *(("", "") if then is None else _compared(layout, total, then, currency))]

    # Days of two periods are never the same: a time line compares as a whole, in its totals.
    is_time = layout.rows in ("business_day", "week", "month")
    keys = sorted(lines if is_time else {*lines, *earlier})
    return Section(
        id=f"report-{currency}",
        title=f"{MEASURES[layout.measure][0]}, {currency}",
        columns=[
            str(dict(DIMENSIONS)[layout.rows]),
            *(_called(layout.columns, head, layout) for head in heads),
            *_ends(layout),
        ],
        rows=[
            line(
                _called(layout.rows, key, layout),
                [cells.get((key, head), Sums()) for head in heads],
                lines.get(key, Sums()),
                None if is_time else earlier.get(key, Sums()),
            )
            for key in keys
        ],
        totals=line(
            _("total"),
            [_sum(sums for (_line, column), sums in cells.items() if column == head) for head in heads],
            _sum(lines.values()),
            _sum(earlier.values()),
        ),
    )


def _ends(layout: Layout) -> list[str]:
    return [_("total"), *((_("before"), _("difference")) if layout.compares else ())]


def _cells(layout: Layout, currency: str, rows: Sequence[Row]) -> dict[tuple[Any, Any], Sums]:
    found: dict[tuple[Any, Any], Sums] = {}
    for row in (row for row in rows if row["currency"] == currency):
        place = _key(layout.rows, row), _key(layout.columns, row) if layout.columns else ""
        found.setdefault(place, Sums()).update({name: row[name] for name in SUMMED})
    return found


def _lines(cells: Mapping[tuple[Any, Any], Sums]) -> dict[Any, Sums]:
    found: dict[Any, Sums] = {}
    for (key, _column), sums in cells.items():
        found.setdefault(key, Sums()).update(sums)
    return found


def _sum(parts: Any) -> Sums:
    total = Sums()
    for part in parts:
        total.update(part)
    return total


def _key(dimension: str, row: Row) -> Any:
    """A week by its Monday and a month by its first day, so that they stand in order."""
    if dimension in ("week", "month"):
        day: date = row["business_day"]
        return day - timedelta(days=day.weekday()) if dimension == "week" else day.replace(day=1)
    return row[statistics.GROUPS[dimension]]


def _called(dimension: str, key: Any, layout: Layout) -> str:
    if dimension == "week":
        return f"{key:%G-W%V}"
    if dimension == "month":
        return formats.date_format(key, "YEAR_MONTH_FORMAT")
    return called(dimension, key, layout.channels)


def _shown(layout: Layout, sums: Sums, currency: str) -> Any:
    value = MEASURES[layout.measure][1](sums)
    return (
        formats.number_format(value, force_grouping=True)
        if layout.measure == "count"
        else render.money(value, currency)
    )


def _compared(layout: Layout, now: Sums, then: Sums, currency: str) -> tuple[Any, Any]:
    """What it was, and the difference in percents; of nothing, there are none."""
    value, was = (MEASURES[layout.measure][1](sums) for sums in (now, then))
    if not was:
        return _shown(layout, then, currency), render.NOTHING
    percents = Decimal(100 * (value - was)) / abs(was)
    return _shown(layout, then, currency), f"{'+' if percents > 0 else ''}{formats.number_format(percents, 1)}%"

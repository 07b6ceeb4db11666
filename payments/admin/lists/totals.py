"""What the rows of a list add up to, by currency: one statement over exactly what is filtered."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, QuerySet, Sum
from django.db.models.expressions import Combinable


@dataclass(frozen=True, slots=True)
class Total:
    """One figure: its name, its title, and the column (or what is made of columns) that is added up."""

    name: str
    title: Any
    of: str | Combinable


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Of one currency: how many rows, and each figure in minor units."""

    currency: str
    count: int
    sums: dict[str, int]
    titles: Sequence[Any]

    @property
    def figures(self) -> list[tuple[Any, int]]:
        """The figures by their titles."""
        return list(zip(self.titles, self.sums.values(), strict=True))


def totals(rows: QuerySet[Any], asked: Sequence[Total]) -> list[Totals]:
    """The totals of these rows, by currency."""
    sums = {total.name: Sum(F(total.of) if isinstance(total.of, str) else total.of) for total in asked}
    found = (
        rows.select_related(None)
        .order_by("currency")
        .values("currency")
        .annotate(total_rows=Count("pk"), **{f"total_{name}": sum_ for name, sum_ in sums.items()})
    )
    return [
        Totals(
            currency=row["currency"],
            count=row["total_rows"],
            sums={name: int(row[f"total_{name}"] or 0) for name in sums},
            titles=[total.title for total in asked],
        )
        for row in found
        if row["currency"] is not None
    ]

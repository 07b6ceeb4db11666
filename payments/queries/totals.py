"""What a list of payments adds up to, in one statement over exactly the rows of the list."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet, Sum

from payments.models import Payment


@dataclass(frozen=True, slots=True)
class Totals:
    """Of one currency."""

    currency: str
    count: int
    captured: int
    refunded: int
    charged_back: int

    @property
    def net(self) -> int:
        """What stays."""
        return self.captured - self.refunded - self.charged_back


def totals(rows: QuerySet[Payment]) -> list[Totals]:
    """The totals of these payments, by currency."""
    sums = (
        rows.order_by("currency")
        .values("currency")
        .annotate(
            count=Count("pk"),
            captured=Sum("amount_captured"),
            refunded=Sum("amount_refunded"),
            charged_back=Sum("amount_charged_back"),
        )
    )
    return [
        Totals(row["currency"], row["count"], int(row["captured"]), int(row["refunded"]), int(row["charged_back"]))
        for row in sums
    ]

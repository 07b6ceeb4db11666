"""What terminals approved offline and no settlement has shown yet: money that an issuer may still decline."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Count, F, Min, Q, QuerySet, Sum

from payments.models import Payment
from payments.models.payment import PaymentStatus

# Up to how many days old, the last without end: a sale of yesterday is usual, one of last week is not.
AGES: Final[tuple[int | None, ...]] = (1, 3, 7, None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aged:
    """What of it is from `from_days` up to (not including) `to_days` old, in minor units."""

    from_days: int
    to_days: int | None
    count: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """What stands provisional of one terminal, in one currency."""

    channel_id: str
    channel_name: str
    channel_kind: str
    terminal_id: str | None
    terminal_label: str
    currency: str
    count: int
    amount: int
    oldest_at: datetime
    ages: Sequence[Aged]


def exposures(payments: "QuerySet[Payment]", *, now: datetime) -> list[Exposure]:
    """Return what stands provisional among these payments by store, terminal and currency, in one query."""
    rows = payments.filter(provisional=True, status=PaymentStatus.CAPTURED, offline_declined_at=None)
    sums: dict[str, Any] = {}
    for at, within in enumerate(_spans(now)):
        sums |= {f"count_{at}": Count("pk", filter=within), f"amount_{at}": Sum("amount_captured", filter=within)}
    found: Iterable[Any] = (
        rows.values("channel_id", "channel__name", "channel__kind", "terminal_id", "currency")
        .annotate(count=Count("pk"), amount=Sum("amount_captured"), oldest=Min("occurred_at"), **sums)
        # A terminal may have been renamed between two sales: it is one all the same.
        .annotate(label=Min("terminal_label"))
        .order_by("channel__name", F("terminal_id").asc(nulls_last=True), "currency")
    )
    return [_exposure(row) for row in found]


def _spans(now: datetime) -> list[Q]:
    """Ages as moments, the youngest first; what a clock dates ahead is young."""
    spans, after = [], 0
    for until in AGES:
        old_enough = Q() if after == 0 else Q(occurred_at__lte=now - timedelta(days=after))
        spans.append(old_enough if until is None else old_enough & Q(occurred_at__gt=now - timedelta(days=until)))
        after = until or after
    return spans


def _exposure(row: dict[str, Any]) -> Exposure:
    starts = (0, *(until for until in AGES if until is not None))
    return Exposure(
        channel_id=row["channel_id"],
        channel_name=row["channel__name"],
        channel_kind=row["channel__kind"],
        terminal_id=row["terminal_id"],
        terminal_label=row["label"] or "",
        currency=row["currency"],
        count=row["count"],
        amount=row["amount"],
        oldest_at=row["oldest"],
        ages=[
            Aged(
                from_days=starts[at],
                to_days=until,
                count=row[f"count_{at}"],
                amount=row[f"amount_{at}"] or 0,
            )
            for at, until in enumerate(AGES)
        ],
    )

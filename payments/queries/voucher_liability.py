"""What a merchant owes to the holders of its vouchers: by age, what ends soon, and what nobody came for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Q, QuerySet, Sum

from payments.accounting.chart_of_accounts import account
from payments.core.ids import earliest
from payments.ledger import balances
from payments.models import Merchant, Voucher

AGES: tuple[tuple[str, int | None], ...] = (("quarter", 91), ("year", 365), ("two_years", 730), ("older", None))
SOON = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Outstanding:
    """Vouchers of one age: how many, and what is left on them in minor units."""

    age: str
    count: int
    amount: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Liability:
    """Of one currency. `booked` is what the books owe: it equals the sum of the ages, as the audit proves."""

    currency: str
    ages: Sequence[Outstanding]
    ends_soon: Outstanding
    booked: int
    breakage: int

    @property
    def amount(self) -> int:
        """What is left on all of them."""
        return sum(row.amount for row in self.ages)


def liabilities(merchant: Merchant, now: datetime) -> list[Liability]:
    """What stands out in each currency; a voucher that has ended counts until it is booked as breakage."""
    rows = Voucher.objects.filter(merchant=merchant)
    currencies = rows.order_by("currency").values_list("currency", flat=True).distinct()
    return [_of(merchant, currency, now) for currency in currencies]


def _of(merchant: Merchant, currency: str, now: datetime) -> Liability:
    open_ones = Voucher.objects.filter(merchant=merchant, currency=currency, balance__gt=0)
    bounds = [None if days is None else earliest("vch", now - timedelta(days=days)) for _name, days in AGES]
    ages, after = [], None
    for (name, _days), since in zip(AGES, bounds, strict=True):
        within = Q() if since is None else Q(id__gte=since)
        ages.append(_sum(name, open_ones.filter(within, Q() if after is None else Q(id__lt=after))))
        after = since
    return Liability(
        currency=currency,
        ages=ages,
        ends_soon=_sum("soon", open_ones.filter(expires_at__lte=now + SOON)),
        booked=-balances.balance(merchant.id, account("vouchers", currency)),
        breakage=-balances.balance(merchant.id, account("breakage", currency)),
    )


def _sum(name: str, rows: QuerySet[Voucher]) -> Outstanding:
    found = rows.aggregate(count=Count("id"), left=Sum("balance"))
    return Outstanding(name, found["count"], found["left"] or 0)

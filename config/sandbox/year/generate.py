"""Live a year, day by day, and settle each month."""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final, TypeVar

from django.utils import timezone

from config.sandbox.year import books, calendar, settle
from config.sandbox.year.books import AT_ONCE, Brought, Sold
from config.sandbox.year.customers import Customers, Sale
from config.sandbox.year.shop import Shop
from payments import statistics
from payments.ledger.balances import fold_age, fold_all
from payments.models import Channel

ONLINE: Final = 0.55  # of all payments
NOON: Final = time(12)

T = TypeVar("T")


def generate(
    shop: Shop, *, payments: int, seed: int, settled: bool = True, say: Callable[[str], None] = lambda _: None
) -> dict[str, int]:
    """Write a year that ended yesterday, with so many payments. Return the numbers of what was written."""
    last = timezone.now().astimezone(shop.merchant.zone).date() - timedelta(days=1)
    year = _Year(shop, Customers(seed, shop.stores), calendar.days(last), payments)
    for day in year.days:
        year.live(day)
        if (day + timedelta(days=1)).day == 1 or day == last:
            fold()
            year.lines += settle.month(shop, day) if settled else 0
            say(f"{day:%B %Y}: {year.sold} payments, {year.returned} refunds so far")
    fold()
    return {"payments": year.sold, "refunds": year.returned, "settlement_lines": year.lines}


def fold() -> None:
    """Bring balances, open items and statistics up to date, as workers do all the time."""
    while fold_age() > 0 and fold_all():
        pass
    statistics.fold_all()


class _Year:
    """The days, who comes on them, and what is still to be brought back."""

    def __init__(self, shop: Shop, customers: Customers, days: list[date], payments: int) -> None:
        self.shop, self.customers, self.days = shop, customers, days
        self.sold = self.returned = self.lines = 0
        self._regrets: dict[date, list[Brought]] = defaultdict(list)
        self._shares = dict(zip(days, zip(*self._by_channel(payments), strict=True), strict=True))
        self._channels = [*shop.webshops, *shop.stores]

    def _by_channel(self, payments: int) -> Iterator[list[int]]:
        online = round(payments * ONLINE)
        for channels, count in ((self.shop.webshops, online), (self.shop.stores, payments - online)):
            for number, channel in enumerate(channels):
                share = count * (number + 1) // len(channels) - count * number // len(channels)
                yield calendar.shares(channel.kind, self.days, share)

    def live(self, day: date) -> None:
        """Take in what is sold, then what is brought back."""
        sales = [sale for channel in self._channels for sale in self._of(day, channel)]
        by_card = [sale for sale in sales if sale.method == "pin"]
        others = sorted((sale for sale in sales if sale.method != "pin"), key=lambda sale: sale.at)
        for chunk in chunks(others):
            self._note(books.sell(self.shop, chunk))
        for store, at_till in _by(by_card, lambda sale: sale.channel.id):
            for chunk in chunks(at_till):
                self._note(books.sell_by_card(self.shop.tills[store], chunk))
        self._take_back(day)

    def _of(self, day: date, channel: Channel) -> Iterator[Sale]:
        count = self._shares[day][self._channels.index(channel)]
        for at in calendar.moments(self.customers.chance, channel.kind, day, count, self.shop.merchant.zone):
            yield self.customers.sale(at, channel)

    def _note(self, sold: Sequence[Sold]) -> None:
        self.sold += len(sold)
        for each in sold:
            back = self.customers.regret(each.sale)
            if back is not None and back.day <= self.days[-1]:
                self._regrets[back.day].append(Brought(each, back))

    def _take_back(self, day: date) -> None:
        brought = self._regrets.pop(day, [])
        self.returned += len(brought)
        at = datetime.combine(day, NOON, self.shop.merchant.zone)
        by_card = [each for each in brought if each.sold.sale.method == "pin"]
        for chunk in chunks([each for each in brought if each.sold.sale.method != "pin"]):
            books.take_back(self.shop, chunk, at)
        for store, at_till in _by(by_card, lambda each: each.back.channel.id):
            for chunk in chunks(at_till):
                books.take_back_by_card(self.shop.tills[store], chunk, at)


def chunks(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """As many at once as one transaction takes."""
    return (rows[first : first + AT_ONCE] for first in range(0, len(rows), AT_ONCE))


def _by(rows: Iterable[T], key: Callable[[T], str]) -> Iterator[tuple[str, list[T]]]:
    return ((name, list(group)) for name, group in itertools.groupby(sorted(rows, key=key), key))

"""Who buys what and how: baskets, methods, cards, refusals, and what is brought back where."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from payments.models import Channel
from payments.providers.base import Card

_ONLINE: Final = {"ideal": 58, "card": 24, "paypal": 9, "bancontact": 5, "klarna": 4}
_IN_STORE: Final = {"pin": 86, "cash": 14}
_BRANDS: Final = {
    "pin": {"maestro": 45, "vpay": 15, "mastercard": 25, "visa": 15},
    "card": {"mastercard": 55, "visa": 45},
}
_MEDIAN: Final = {"online": 5400, "in_store": 2650}  # cents
_SPREAD: Final = {"online": 0.70, "in_store": 0.85}
_FEAST: Final = 1.25  # baskets of November and December
_DECLINED: Final = {"card": 0.03, "pin": 0.015, "klarna": 0.05}
_RETURNED: Final = {"online": 0.09, "in_store": 0.04}
_IN_A_STORE: Final = 0.4  # of what was bought online and comes back
_WHOLE: Final = 0.65  # of returns take back everything
_LATEST: Final = 30  # days
_ENDINGS: Final = (0, 95, 99, 50, 25)


@dataclass(frozen=True, slots=True)
class Sale:
    """One customer who wants to pay."""

    at: datetime
    channel: Channel
    method: str
    amount: int
    declined: bool
    card: Card | None


@dataclass(frozen=True, slots=True)
class Return:
    """What will be brought back: how much, when and where."""

    day: date
    channel: Channel
    amount: int


class Customers:
    """The same seed gives the same customers."""

    def __init__(self, seed: int, stores: list[Channel]) -> None:
        self.chance = random.Random(seed)  # noqa: S311 (to be repeated, not to be secret)
        self._stores = stores

    def sale(self, at: datetime, channel: Channel) -> Sale:
        """Return a customer of a checkout or counter."""
        method = self._one_of(_ONLINE if channel.kind == "online" else _IN_STORE)
        return Sale(
            at=at,
            channel=channel,
            method=method,
            amount=self._basket(channel.kind, at.month),
            declined=self.chance.random() < _DECLINED.get(method, 0),
            card=self._card(method) if method in _BRANDS else None,
        )

    def regret(self, sale: Sale) -> Return | None:
        """What of it will come back, if anything."""
        if sale.declined or self.chance.random() >= _RETURNED[sale.channel.kind]:
            return None
        part = 1.0 if self.chance.random() < _WHOLE else self.chance.uniform(0.2, 0.8)
        elsewhere = sale.channel.kind == "online" and self._stores and self.chance.random() < _IN_A_STORE
        return Return(
            day=sale.at.date() + timedelta(days=min(_LATEST, 1 + int(self.chance.expovariate(0.15)))),
            channel=self.chance.choice(self._stores) if elsewhere else sale.channel,
            amount=max(1, round(sale.amount * part)),
        )

    def _basket(self, kind: str, month: int) -> int:
        median = _MEDIAN[kind] * (_FEAST if month > 10 else 1)
        euros = int(self.chance.lognormvariate(math.log(median), _SPREAD[kind])) // 100
        return max(1, min(euros, 5000)) * 100 + self.chance.choice(_ENDINGS)

    def _card(self, method: str) -> Card:
        """One of some thousands of cards: people come back."""
        number = self.chance.randrange(40_000)
        return Card(
            brand=self._one_of(_BRANDS[method]), last4=f"{number % 10_000:04d}", fingerprint=f"card_{number:05d}"
        )

    def _one_of(self, weights: Mapping[str, int]) -> str:
        return self.chance.choices(list(weights), list(weights.values()))[0]

"""What happens at a counter: sales of every kind, some taken back, some returned, the line gone for a while."""

import random
from dataclasses import dataclass, field
from typing import Any, Final

from terminals.device.device import Device
from terminals.device.storage import Transaction

PRICES: Final = (195, 250, 495, 749, 1000, 1250, 1995, 2499, 4995, 8950)
CARDS: Final = (
    ("maestro", "A0000000043060", "4012"),
    ("vpay", "A0000000032020", "7731"),
    ("visa", "A0000000031010", "1881"),
    ("mastercard", "A0000000041010", "5100"),
)
OPERATORS: Final = ("Sanne", "Youssef", "Fleur", "Daan")
DECLINES: Final = ("insufficient_funds", "wrong_pin", "card_expired", "do_not_honor")
REMEMBERED: Final = 200


@dataclass
class Habits:
    """How often what happens, each as a share of all; `prefix` begins the references of this counter's orders."""

    declined: float = 0.05
    refunded: float = 0.05
    reversed: float = 0.02
    unknown: float = 0.01
    twice: float = 0.1
    offline: float = 0.05
    offline_length: int = 5
    ordered: float = 0.3
    prefix: str = ""


@dataclass
class Day:
    """A device at work. `step` lets one thing happen, and lets the device send as far as the line allows."""

    device: Device
    habits: Habits = field(default_factory=Habits)
    chance: random.Random = field(default_factory=random.Random)
    offline_for: int = 0
    sold: list[Transaction] = field(default_factory=list)
    doubtful: list[Transaction] = field(default_factory=list)

    def step(self) -> Transaction:
        """One thing happens; while the line is gone it only queues."""
        if not self.offline_for and self._happens(self.habits.offline):
            self.offline_for = self.chance.randint(1, self.habits.offline_length)
        done = self._something()
        if self.offline_for:
            self.offline_for -= 1
        else:
            before = list(self.device.memory.queue)
            if self.device.send_all() and self._happens(self.habits.twice):
                self.device.repeat(before)
        return done

    def close(self, *, patience: float = 60.0) -> bool:
        """The end of the day: the line is back, doubts are resolved, and everything is sent."""
        self.offline_for = 0
        while self.doubtful:
            self._resolve()
        return self.device.send_all(patience=patience)

    def present(self, action: dict[str, Any]) -> dict[str, Any] | None:
        """What a customer does whom the till sends to the device: pay, be declined, or walk away (None)."""
        if self._happens(self.habits.declined / 2):
            return None
        refused = {"outcome": "declined", "decline_code": self.chance.choice(DECLINES)}
        return self._read() | (refused if self._happens(self.habits.declined) else {})

    def _something(self) -> Transaction:
        if self.doubtful and self._happens(0.5):
            return self._resolve()
        if self.sold and self._happens(self.habits.reversed):
            original = self.sold.pop()
            return self._again("reversal", original, original["amount"])
        if self.sold and self._happens(self.habits.refunded):
            original = self.sold.pop(self.chance.randrange(len(self.sold)))
            amount = original["amount"] if self._happens(0.5) else max(1, original["amount"] // 2)
            return self._again("refund", original, amount, operator=original["operator"], reason="Returned")
        return self._sale()

    def _sale(self) -> Transaction:
        if self._happens(self.habits.declined):
            refusal = {**self._read(), "outcome": "declined", "decline_code": self.chance.choice(DECLINES)}
            return self.device.transact("sale", self.chance.choice(PRICES), **refusal)
        details = self._read()
        if self.habits.prefix and self._happens(self.habits.ordered):
            details["order_reference"] = f"{self.habits.prefix}{self.device.memory.next_sequence}"
        if self.offline_for:
            details["offline"] = True
        elif self._happens(self.habits.unknown):
            self.doubtful.append(self.device.transact("sale", self.chance.choice(PRICES), outcome="unknown", **details))
            return self.doubtful[-1]
        done = self.device.transact("sale", self.chance.choice(PRICES), **details)
        self.sold = [*self.sold[-REMEMBERED:], done]
        return done

    def _resolve(self) -> Transaction:
        first = self.doubtful.pop()
        return self._again("sale", first, first["amount"], resolves=first["sequence"])

    def _again(self, kind: str, first: Transaction, amount: int, **details: Any) -> Transaction:
        """A transaction on the card of an earlier one, and about it."""
        repeated: dict[str, Any] = {name: first[name] for name in ("card", "entry_mode", "verification")}
        if "resolves" not in details:
            repeated["original"] = {"sequence": first["sequence"]}
        return self.device.transact(kind, amount, **repeated, **self._numbers(), **details)

    def _read(self) -> dict[str, Any]:
        brand, aid, last4 = self.chance.choice(CARDS)
        contactless = self._happens(0.7)
        return {
            "operator": self.chance.choice(OPERATORS),
            "card": {"brand": brand, "last4": last4, "fingerprint": f"fp_{brand}_{self.chance.randrange(500)}"},
            "entry_mode": "contactless" if contactless else "contact",
            "verification": "none" if contactless else "online_pin",
            "emv": {"aid": aid, "tvr": "0000008000", "cryptogram": f"{self.chance.getrandbits(64):016X}"},
            **self._numbers(),
        }

    def _numbers(self) -> dict[str, str]:
        memory = self.device.memory
        return {
            "authorization_code": f"{self.chance.getrandbits(24):06X}",
            "rrn": f"{self.chance.randrange(10**12):012d}",
            "stan": f"{memory.next_sequence % 1_000_000:06d}",
            "acquirer_tid": (memory.terminal or "")[-8:].upper(),
        }

    def _happens(self, share: float) -> bool:
        return self.chance.random() < share

"""Devices at the counters of a chaos run: each with a memory of its own, which is a witness the server cannot touch."""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from terminals.device.connection import Line, Reply
from terminals.device.device import LARGEST_BATCH, Device
from terminals.device.scenario import Day, Habits
from terminals.device.storage import Memory, Transaction
from tests.stack import Shop

ANSWERS_WITHIN: Final = 120  # seconds that the last questions may take on a busy machine
BUSY: Final = Habits(
    declined=0.05, refunded=0.1, reversed=0.04, unknown=0.04, twice=0.2, offline=0.1, offline_length=20, ordered=0.3
)


class Witness(Device):
    """A device that never forgets what it did."""

    def __init__(self, line: Line, memory: Memory) -> None:
        super().__init__(line, memory)
        self.done: list[Transaction] = []

    def transact(self, kind: str, amount: int, currency: str = "EUR", **details: Any) -> Transaction:
        self.done.append(super().transact(kind, amount, currency, **details))
        return self.done[-1]


@dataclass
class Till:
    """One device at work, until the run is over."""

    device: Witness
    day: Day
    pace: float  # seconds between two things that happen, on average
    over: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def opened(cls, shop: Shop, folder: Path, number: int, *, seed: int, pace: float) -> "Till":
        """Pair a new device in the shop's store."""
        label = f"Till {number}"
        made = shop.api.post("/v1/terminals", {"channel": shop.store, "label": label}).json()
        device = Witness(Line(shop.stack.url), Memory(folder / f"till-{number}.json"))
        device.pair(made["pairing_code"], ed25519=number % 2 == 0)
        habits = Habits(**vars(BUSY) | {"prefix": f"till-{number}-"})
        return cls(device, Day(device, habits, random.Random(f"{seed} {number}")), pace)

    def run(self) -> None:
        """Sell, take back, go offline, send twice."""
        while not self.over.wait(self.day.chance.uniform(0, 2 * self.pace)):
            self.day.step()

    def close(self, patience: float) -> Iterator[str]:
        """Send what is left; what could not be sent is stuck."""
        if not self.day.close(patience=patience):
            yield f"{self._name}: {len(self.device.memory.queue)} could not be sent ({self.device.memory.stopped})"
        yield from (f"{self._name}: set aside {each}" for each in self.device.memory.set_aside)

    def doubts(self, shop: Shop) -> Iterator[tuple[str, str]]:
        """Where the books do not say what this device did: ("lost" or "doubled", what)."""
        payment_of: dict[int, str] = {}
        for start in range(0, len(self.device.done), LARGEST_BATCH):
            batch = self.device.done[start : start + LARGEST_BATCH]
            reply = self._repeated(batch)
            if not reply.body.keys() & {"results", "payment"}:
                yield "lost", f"{self._name}: {batch[0]['sequence']} and after are answered {reply.status} {reply.body}"
                continue
            for result in reply.body.get("results") or [{"sequence": batch[0]["sequence"], **reply.body}]:
                payment_of[result["sequence"]] = result["payment"]
                if result["status"] != "duplicate":
                    yield "lost", f"{self._name}: {result} was not known"
        yield from self._compare(shop, payment_of)

    def _repeated(self, batch: list[Transaction]) -> Reply:
        """The answer to what was sent before; without one, or where the server is busy, a device asks again."""
        end = time.monotonic() + ANSWERS_WITHIN
        reply = self.device.repeat(batch)
        while reply.status in (0, 429) or reply.status >= 500:
            if time.monotonic() > end:
                break
            time.sleep(1)
            reply = self.device.repeat(batch)
        return reply

    def _compare(self, shop: Shop, payment_of: dict[int, str]) -> Iterator[tuple[str, str]]:
        taken, back = self.money()
        booked = {row["id"]: row for row in shop.all("/v1/payments", terminal=self.device.memory.terminal)}
        if len(booked) != len(taken):
            yield "doubled", f"{self._name}: {len(booked)} payments of {len(taken)} sales"
        for sequence, amount in taken.items():
            row = booked.get(payment_of.get(sequence, ""), {"amount_captured": 0, "amount_refunded": 0})
            for shown, really in ((row["amount_captured"], amount), (row["amount_refunded"], back[sequence])):
                if shown != really:
                    fate = "lost" if shown < really else "doubled"
                    yield fate, f"{self._name} sale {sequence}: booked {shown}, moved {really}"

    def money(self) -> tuple[dict[int, int], Counter[int]]:
        """What each sale came to in the end, and what was given back of it."""
        taken: dict[int, int] = {}
        back: Counter[int] = Counter()
        for each in self.device.done:
            about = each.get("resolves") or each.get("original", {}).get("sequence") or each["sequence"]
            if each["type"] == "sale":
                taken[about] = each["amount"] if each["outcome"] == "approved" else 0
            elif each["type"] == "reversal":
                taken[about] = 0
            else:
                back[about] += each["amount"]
        return taken, back

    @property
    def _name(self) -> str:
        return str(self.device.memory.terminal)

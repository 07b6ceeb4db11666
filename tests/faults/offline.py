"""Many devices come back at once after hours without a line, over one that is bad, while servers are killed.

Then the books are compared with what each device remembers: to the cent, and to the number.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from terminals.device.connection import Line
from terminals.device.scenario import Day, Habits
from terminals.device.storage import Memory
from tests.faults.bad_line import BadLine, bad_line
from tests.faults.chaos import Verdict
from tests.faults.chaos_monkey import ChaosMonkey
from tests.faults.counters import Till, Witness
from tests.stack import Shop, Stack

# Nobody resolves what is unknown without a line, and every sale says that it was made without one.
OFFLINE: Final = Habits(
    declined=0.05, refunded=0.08, reversed=0.04, unknown=0, twice=0, offline=1, offline_length=10**6, ordered=0.3
)
BATCHES: Final = (1, 7, 50, 200, 500)
VICTIMS: Final = ("granian", "celery")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineSize:
    """How many transactions of how many terminals, over how many kills."""

    transactions: int
    terminals: int
    kills: int
    patience: float = 300.0
    seed: int = 1


class OfflineRun:
    """One run on a stack of its own merchant."""

    def __init__(self, stack: Stack, size: OfflineSize) -> None:
        self.stack, self.size = stack, size
        self.shop, self.verdict = Shop(stack), Verdict()
        self.monkey = ChaosMonkey(stack, random.Random(size.seed), kills=size.kills, flushes=0, victims=VICTIMS)
        self.tills = [self._till(number) for number in range(size.terminals)]

    def run(self) -> Verdict:
        """A day without a line, the hour in which it comes back, and the comparison."""
        for at in range(self.size.transactions):
            self.tills[at % len(self.tills)].day.step()
        began = time.monotonic()
        with bad_line(self.stack.url, seed=self.size.seed) as line:
            self._send(line)
            self.verdict.facts |= {"line": dict(line.fates)}
        self.monkey.until_ready()
        self.verdict.stuck += self.monkey.stuck
        self.verdict.facts |= {"seconds": round(time.monotonic() - began), "kills": dict(self.monkey.killed)}
        self._judge()
        return self.verdict

    def _till(self, number: int) -> Till:
        made = self.shop.api.post("/v1/terminals", {"channel": self.shop.store, "label": f"Till {number}"}).json()
        chance = random.Random(f"{self.size.seed} {number}")
        memory = Memory(self.stack.home / f"offline-{self.shop.merchant}-{number}.json")
        device = Witness(Line(self.stack.url), memory)
        device.batch = chance.choice(BATCHES)
        device.pair(made["pairing_code"], ed25519=number % 2 == 0)
        habits = Habits(**vars(OFFLINE) | {"prefix": f"offline-{number}-"})
        return Till(device, Day(device, habits, chance), 0)

    def _send(self, line: BadLine) -> None:
        """All at once, until the last kill is over and every queue is empty."""
        direct = self.stack.url
        for till in self.tills:
            till.device.line = Line(line.url)
        monkey = threading.Thread(target=self.monkey.run)
        threads = [threading.Thread(target=self._empty, args=[till]) for till in self.tills]
        for thread in (monkey, *threads):
            thread.start()
        for thread in threads:
            thread.join()
        self.monkey.over.set()
        monkey.join()
        for till in self.tills:
            till.device.line.close()
            till.device.line = Line(direct)

    def _empty(self, till: Till) -> None:
        self.verdict.stuck += till.close(self.size.patience)

    def _judge(self) -> None:
        for till in self.tills:
            for fate, what in (*till.doubts(self.shop), *self._numbers(till)):
                getattr(self.verdict, fate).append(what)
        self.verdict.violations += self._sums()
        self.verdict.violations += self.stack.manage("audit_ledger")["violations"]
        self.verdict.cases = sum(len(till.device.done) for till in self.tills)

    def _numbers(self, till: Till) -> Iterator[tuple[str, str]]:
        """Each number once, and none missing."""
        shown = self.shop.api.get(f"/v1/terminals/{till.device.memory.terminal}")
        last, missing = shown["last_sequence"], shown["missing_sequences"]
        if missing or last != len(till.device.done):
            yield "lost", f"{shown['label']}: {last} of {len(till.device.done)}, missing {missing}"

    def _sums(self) -> Iterator[str]:
        """What all devices together did is what stands in the books, to the cent."""
        moved: Counter[str] = Counter()
        for till in self.tills:
            taken, back = till.money()
            moved["takings"] -= sum(taken.values())
            moved["returns"] += sum(back.values())
        accounts = self.shop.all("/v1/ledger/accounts")
        for kind, expected in moved.items():
            booked = sum(row["balance"] for row in accounts if row["code"] == f"{kind}:{self.shop.store}")
            if booked != expected:
                yield f"{kind}: {booked} in the books, {expected} by the devices"

"""Figures, and the one way in which they come about: several sides in turn, and the median of each."""

import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of everything. Rounds are short and many, so that a busy moment of the machine meets both sides."""

    clients: int = 8
    rounds: int = 5
    seconds: int = 2
    batch: int = 1000
    hot_postings: int = 500_000
    device_batch: int = 500
    shift: int = 10_000
    warm_seconds: int = 6
    refunds: int = 60
    refund_rates: tuple[int, ...] = (1, 10, 50)  # a second
    year: int = 10_000  # payments that the generator makes, to be copied until there are `payments`
    payments: int = int(os.environ.get("SIZE") or 100_000)
    questions: int = 15
    peer_rounds: int = 3
    import_lines: int = int(os.environ.get("IMPORT_LINES") or 200_000)
    exported: int = int(os.environ.get("EXPORTED") or 200_000)  # postings
    senders: int = 32
    listeners: int = 500


FULL: Final = Size()
TINY: Final = Size(
    clients=1,
    rounds=1,
    seconds=1,
    batch=20,
    hot_postings=1000,
    device_batch=10,
    shift=20,
    warm_seconds=0,
    refunds=2,
    refund_rates=(4,),
    year=20,
    payments=200,
    questions=1,
    peer_rounds=1,
    import_lines=200,
    exported=400,
    senders=2,
    listeners=4,
)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a ratio should be: at least, or at most."""

    limit: float
    at_least: bool = True

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"

    def is_met(self, ratio: float) -> bool:
        return ratio >= self.limit if self.at_least else ratio <= self.limit


FLAT: Final = Goal(1.5, at_least=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the table; without a floor it stands for itself."""

    bench: str
    value: float
    unit: str
    floor: float | None = None
    goal: Goal | None = None

    @property
    def ratio(self) -> float | None:
        return round(self.value / self.floor, 3) if self.floor else None

    def as_json(self) -> str:
        floor = None if self.floor is None else round(self.floor, 3)
        shown = {"bench": self.bench, "value": round(self.value, 3), "unit": self.unit, "floor": floor}
        return json.dumps(shown | {"ratio": self.ratio} | self._judged(), ensure_ascii=False)

    def _judged(self) -> dict[str, str | bool]:
        if self.goal is None or self.ratio is None:
            return {}
        return {"goal": str(self.goal), "met": self.goal.is_met(self.ratio)}


def in_turn(rounds: int, **sides: Callable[[], float]) -> dict[str, float]:
    """Measure each side once a round, and return each one's median."""
    measured: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, measure in sides.items():
            measured[name].append(measure())
    return {name: median(values) for name, values in measured.items()}


def rate(work: Callable[[], object], seconds: float, each: int = 1) -> float:
    """How many a second, when one call of `work` does `each` of them."""
    began = time.perf_counter()
    calls = 0
    while (elapsed := time.perf_counter() - began) < seconds:
        work()
        calls += 1
    return calls * each / elapsed


def milliseconds(work: Callable[[], object]) -> float:
    """How long one call takes."""
    began = time.perf_counter()
    work()
    return (time.perf_counter() - began) * 1000


def percentile(values: Sequence[float], share: float) -> float:
    """The value that `share` of them do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

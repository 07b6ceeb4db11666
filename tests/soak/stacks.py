"""Whole installations for long runs, and chaos runs on them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from tests.faults.chaos import ChaosRun, Size, Verdict
from tests.soak.report import report
from tests.soak.runs import folder, fresh_seed
from tests.stack import Stack

TILLS: Final = 4


@contextmanager
def running(**environment: str) -> Iterator[Stack]:
    """An installation that nobody else needs."""
    with folder() as home:
        stack = Stack(home, **environment)
        stack.start()
        try:
            yield stack
        finally:
            stack.stop()


def chaos(
    soak: str, share: float, *, payments: int, refunds: int, kills: int, flushes: int, **more: Any
) -> dict[str, Any]:
    """Payments, returns and devices while everything is killed."""
    seed = fresh_seed()
    counts = sized({"payments": payments, "refunds": refunds, "kills": kills, "flushes": flushes}, share)
    with running() as stack:
        verdict = ChaosRun(stack, Size(**counts, **{"tills": TILLS} | more, seed=seed)).run()
    return judged(soak, verdict, seed)


def sized(full: Mapping[str, int], share: float) -> dict[str, int]:
    """As much of each as there is time for, and at least one."""
    return {name: max(1, round(count * share)) for name, count in full.items()}


def judged(soak: str, verdict: Verdict, seed: int) -> dict[str, Any]:
    """The report of a chaos run."""
    return report(
        soak,
        cases=verdict.cases,
        seed=seed,
        lost=verdict.lost,
        doubled=verdict.doubled,
        stuck=verdict.stuck,
        violations=verdict.violations,
        facts=verdict.facts,
    )

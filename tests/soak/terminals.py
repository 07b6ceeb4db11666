"""The suite `terminals`: devices report in any order, twice and in contradiction, and the books say what happened."""

import time
from collections.abc import Iterator
from typing import Any, Final

from tests.soak import stacks
from tests.soak.runs import prove

FULL_MINUTES: Final = 30
CHAOS: Final = {"payments": 500, "refunds": 100, "kills": 40, "flushes": 2}
TILLS: Final = 12
DAYS, ROUNDS = 100, 40
CRASHES: Final = 20  # of a hundred: each crash point of a driven payment, killed, late, cut off or broken
_DRIVEN: Final = (
    "tests/terminals/test_driven_sales.py",
    "tests/terminals/test_retourpin.py",
    "tests/terminals/test_device_at_work.py",
    "tests/terminals/providers",
)


def terminals(end: float) -> Iterator[dict[str, Any]]:
    """Many devices while everything is killed, then days in any order and whatever a device may say."""
    share = min(1.0, (end - time.monotonic()) / 60 / FULL_MINUTES)
    yield stacks.chaos("terminals.chaos", share, **CHAOS, tills=TILLS, till_pace=0.2)
    while True:
        yield prove("terminals.any_order", "tests/terminals/test_any_order.py", cases=DAYS, sizes={"DAYS": DAYS})
        yield prove("terminals.fuzz", "tests/terminals/test_fuzz.py", cases=ROUNDS, sizes={"ROUNDS": ROUNDS})
        races = (
            "tests/terminals/test_races.py",
            "tests/terminals/test_sequences.py",
            "tests/terminals/test_unknown.py",
        )
        driven = ("tests/faults/test_crash_points.py", "-k", "Driven or GivenBack")
        yield prove("terminals.driven", *driven, cases=CRASHES, sizes={"CRASHES": CRASHES})
        yield prove("terminals.drivers", *_DRIVEN, cases=len(_DRIVEN), sizes={})
        yield prove("terminals.races", *races, cases=len(races), sizes={})
        if time.monotonic() > end:
            return

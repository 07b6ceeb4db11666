"""The suite `reconciliation`: weeks of look-alikes with every fault planted in them, found and named to the last one."""

import time
from collections.abc import Iterator
from typing import Any, Final

from tests.soak.runs import prove

# As many as `tests/reconciliation/planted/faults.py` has, which cannot be imported without settings.
FAULTS: Final = 20
SIZES: Final = (200, 1_000, 4_000)  # card sales of a week, by turns


def reconciliation(end: float) -> Iterator[dict[str, Any]]:
    """One week after another, each with a seed that nobody has tried, until the minutes are over."""
    week = 0
    while True:
        sales = SIZES[week % len(SIZES)]
        yield prove(
            "reconciliation.planted", "tests/reconciliation/test_planted.py", cases=FAULTS, sizes={"SALES": sales}
        )
        week += 1
        if time.monotonic() > end:
            return

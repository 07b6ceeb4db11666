"""The suite `core`: nothing that breaks loses or doubles money, and no order of events breaks the books."""

import time
from collections.abc import Iterator
from typing import Any, Final

from payments.crash_points import POINTS
from tests.faults import races
from tests.soak import stacks
from tests.soak.runs import prove
from tests.soak.told import told

FULL_MINUTES: Final = 30
ORDEAL: Final = {"payments": 10_000, "refunds": 2_000, "kills": 100, "flushes": 5}
KEYS, AT_ONCE, ORDERS = 500, 100, 200
CARDS, TAMPERINGS = 10_000, 1_000
LIVES: Final = 100  # at a time, until the minutes are over
ASKED: Final = 20  # examples of each address


def core(end: float) -> Iterator[dict[str, Any]]:
    """Each part at its full size, or as much of it as the minutes that are left allow; then fresh seeds until the end.

    The parts after the ordeal take about this many minutes on two idle cores: 4, 4, 3, 2 and 1.
    """
    yield stacks.ordeal("core.ordeal", _share(end, FULL_MINUTES), **ORDEAL)
    yield keys(max(1, round(KEYS * _share(end, 14))))
    percent, passed = max(1, round(100 * _share(end, 10))), 4 * len(POINTS)
    sizes: dict[str, int] = {"CRASHES": percent}
    cases = passed * percent // 100
    yield prove("core.crash_points", "tests/faults/test_crash_points.py", cases=cases, sizes=sizes)
    orders = max(1, round(ORDERS * _share(end, 6)))
    sizes = {"ORDERS": orders, "AT_ONCE": AT_ONCE}
    yield prove("core.refund_races", "tests/faults/test_refunds_race.py", cases=2 * orders * AT_ONCE, sizes=sizes)
    cards = max(100, round(CARDS * _share(end, 3)))
    yield prove("core.cards", "tests/faults/test_card_numbers_stay_out.py", cases=cards, sizes={"CARDS": cards})
    lies = max(40, round(TAMPERINGS * _share(end, 1)))
    yield prove("core.tampering", "tests/faults/test_tampering.py", cases=lies, sizes={"TAMPERINGS": lies})
    while time.monotonic() < end:
        yield prove("core.lives", "tests/stories/test_life.py", cases=LIVES, sizes={"LIVES": LIVES})
        yield prove("core.requests", "tests/api/test_openapi.py", cases=ASKED, sizes={"EXAMPLES": ASKED})


def keys(count: int) -> dict[str, Any]:
    """Idempotency keys, each sent by a hundred at the same moment."""
    with stacks.running() as stack:
        race = races.keys(stack, count=count, at_once=AT_ONCE)
    return told("core.keys", cases=race.cases, seed=0, lost=race.lost, doubled=race.doubled, violations=race.wrong)


def _share(end: float, full: float) -> float:
    """How much of `full` minutes of work there is still time for."""
    return max(0.0, min(1.0, (end - time.monotonic()) / 60 / full))

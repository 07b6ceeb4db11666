"""The suite `core`: nothing that breaks loses or doubles money, and no order of events breaks the books."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from payments.runtime.fail_points import POINTS
from tests.faults import races
from tests.soak import stacks
from tests.soak.report import report
from tests.soak.runs import prove

FULL_MINUTES: Final = 30
CHAOS: Final = {"payments": 10_000, "refunds": 2_000, "kills": 100, "flushes": 5}
KEYS, AT_ONCE = 500, 100
SIZES: Final = ((200, 1), (10_000, 100), (1_000, 40))  # orders raced for, card numbers, lies: all, and at least
LIVES: Final = 100  # at a time, until the minutes are over
EXAMPLES_EACH: Final = 20  # examples of each address
LAST_SECONDS: Final = 90  # what such a round takes at most: none begins later


def core(end: float) -> Iterator[dict[str, Any]]:
    """Each part at its full size, or as much of it as the minutes that are left allow; then fresh seeds until the end.

    The chaos run takes about 13 minutes on two idle cores, the keys 5, and the proofs after them 6.
    """
    yield stacks.chaos("core.chaos", _share(end, FULL_MINUTES), **CHAOS)
    yield keys(max(1, round(KEYS * _share(end, 12))))
    yield from _proofs(_share(end, 7))
    while end - time.monotonic() > LAST_SECONDS:
        yield prove("core.lives", "tests/stories/test_life.py", cases=LIVES, sizes={"LIVES": LIVES})
        yield prove(
            "core.requests", "tests/api/test_openapi.py", cases=EXAMPLES_EACH, sizes={"EXAMPLES": EXAMPLES_EACH}
        )


def _proofs(share: float) -> Iterator[dict[str, Any]]:
    """What breaks at a point mostly waits; what races does not. Beside each other they use both cores."""
    with ThreadPoolExecutor() as pool:
        crashes = pool.submit(_crash_points, max(1, round(100 * share)))
        orders, cards, lies = (max(least, round(count * share)) for count, least in SIZES)
        sizes = {"ORDERS": orders, "AT_ONCE": AT_ONCE}
        cases = 2 * orders * AT_ONCE
        yield prove("core.refund_races", "tests/faults/test_refunds_race.py", cases=cases, sizes=sizes)
        yield prove("core.cards", "tests/faults/test_card_numbers_stay_out.py", cases=cards, sizes={"CARDS": cards})
        yield prove("core.tampering", "tests/faults/test_tampering.py", cases=lies, sizes={"TAMPERINGS": lies})
        yield prove("core.migrations", "tests/test_migrations.py", cases=1, sizes={"MIGRATIONS": "full"})
        yield crashes.result()


def _crash_points(percent: int) -> dict[str, Any]:
    """Each point in each way of breaking, or so many of a hundred of these."""
    cases, sizes = 4 * len(POINTS) * percent // 100, {"CRASHES": percent}
    return prove("core.crash_points", "tests/faults/test_crash_points.py", cases=cases, sizes=sizes)


def keys(count: int) -> dict[str, Any]:
    """Idempotency keys, each sent by a hundred at the same moment."""
    with stacks.running() as stack:
        race = races.keys(stack, count=count, at_once=AT_ONCE)
    return report("core.keys", cases=race.cases, seed=0, lost=race.lost, doubled=race.doubled, violations=race.wrong)


def _share(end: float, full: float) -> float:
    """How much of `full` minutes of work there is still time for."""
    return max(0.0, min(1.0, (end - time.monotonic()) / 60 / full))

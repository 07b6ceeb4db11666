"""The suite `refunds`: whatever is answered, in whatever order, no more is given back than was paid."""

import time
from collections.abc import Iterator
from typing import Any, Final

from tests.soak import online, stacks
from tests.soak.runs import prove

FULL_MINUTES: Final = 30
CHAOS: Final = {"payments": 2_000, "refunds": 2_000, "kills": 20, "flushes": 2}
ORDERS, AT_ONCE = 200, 100
LIVES: Final = 100
DOORS: Final = 400  # orders over all tenders, given back at every door at once
STRIPE: Final = {"payments": 600, "refunds": 300, "kills": 20, "flushes": 2}
PLANS: Final = (
    "tests/payments/test_refund_plan.py",
    "tests/payments/test_refund_race.py",
    "tests/payments/test_refund_answers.py",
    "tests/stories/test_returned_elsewhere.py",
)


def refunds(end: float) -> Iterator[dict[str, Any]]:
    """Bought online and brought to the store while everything is killed; races; then lives with fresh seeds."""
    share = min(1.0, (end - time.monotonic()) / 60 / FULL_MINUTES)
    yield stacks.chaos("refunds.chaos", share, **CHAOS)
    orders = max(1, round(ORDERS * share))
    sizes = {"ORDERS": orders, "AT_ONCE": AT_ONCE}
    yield prove("refunds.races", "tests/faults/test_refunds_race.py", cases=2 * orders * AT_ONCE, sizes=sizes)
    doors = max(6, round(DOORS * share))
    sizes = {"DOORS_ORDERS": doors}
    yield prove("refunds.doors", "tests/faults/test_every_door.py", cases=7 * doors, sizes=sizes)
    yield online.chaos(share, STRIPE, soak="refunds.stripe")
    while True:
        yield prove("refunds.lives", "tests/stories/test_refund_life.py", cases=LIVES, sizes={"LIVES": LIVES})
        yield prove("refunds.plans", *PLANS, cases=len(PLANS), sizes={})
        if time.monotonic() > end:
            return

"""The suite `access`: every key at every address, every person on every page, and every page found by clicking."""

import math
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.access.sizes import ADMIN_CASES, API_CASES
from tests.soak.runs import prove

ADMIN_MINUTES: Final = 40  # what all cases of the admin take on two idle cores
CRAWLS: Final = 32  # sixteen people in two languages


def access(end: float) -> Iterator[dict[str, Any]]:
    """The addresses and the ways from home whole, then as much of the admin as the minutes that are left allow.

    Nothing in it is left to chance, so that it is done once: the first two take about 20 minutes on two idle cores.
    """
    full = {"MATRIX": "full"}
    yield prove("access.api", "tests/access/test_api_matrix.py", cases=API_CASES, sizes=full)
    yield prove("access.ways", "tests/admin/test_ways.py", cases=CRAWLS, sizes={"WAYS": "full"})
    step = _step((end - time.monotonic()) / 60)
    sizes = full | {"STEP": step}
    yield prove("access.admin", "tests/access/test_admin_matrix.py", cases=ADMIN_CASES // step, sizes=sizes)


def _step(minutes: float) -> int:
    """Which cases there is time for: every one, every second …"""
    return math.ceil(ADMIN_MINUTES / min(ADMIN_MINUTES, max(1.0, minutes)))

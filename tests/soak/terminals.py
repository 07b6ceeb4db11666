"""The suite `terminals`: devices report in any order, twice and in contradiction, and the books say what happened."""

import time
from collections.abc import Iterator
from typing import Any, Final

from tests.faults.offline import OfflineRun, OfflineSize
from tests.soak import stacks
from tests.soak.runs import fresh_seed, prove

FULL_MINUTES: Final = 30
CHAOS: Final = {"payments": 500, "refunds": 100, "kills": 40, "flushes": 2}
TILLS: Final = 12
DAYS, ROUNDS = 100, 40
OFFLINE: Final = {"transactions": 10_000, "terminals": 20, "kills": 30}
SIGNATURES: Final = 5_000  # bad ones, and as many good ones by clocks that are off
CRASHES: Final = 100  # of a hundred: each crash point of a driven payment, killed, late, cut off or broken
_DRIVEN: Final = (
    "tests/terminals/test_driven_sales.py",
    "tests/terminals/test_retourpin.py",
    "tests/terminals/test_device_at_work.py",
    "tests/terminals/providers",
    "tests/adyen/test_terminals.py",
    "tests/mollie/test_driven_terminals.py",
    "tests/paynl/test_terminals.py",
)


def terminals(end: float) -> Iterator[dict[str, Any]]:
    """Many devices while everything is killed, signatures, crash points; then days in any order, whatever is said."""
    share = min(1.0, (end - time.monotonic()) / 60 / FULL_MINUTES)
    yield offline(share)
    many = max(50, round(SIGNATURES * share))
    yield prove(
        "terminals.signatures", "tests/terminals/test_many_signatures.py", cases=2 * many, sizes={"SIGNATURES": many}
    )
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


def offline(share: float) -> dict[str, Any]:
    """What was queued without a line comes over a bad one, while web and workers are killed."""
    seed, counts = fresh_seed(), stacks.sized(OFFLINE, share)
    with stacks.running() as stack:
        verdict = OfflineRun(stack, OfflineSize(**counts, seed=seed)).run()
    return stacks.judged("terminals.offline", verdict, seed)

"""A small chaos run with every `make test`; `make soak` has the full size."""

from tests.faults.chaos import ChaosRun, Size
from tests.stack import Stack


def test_nothing_is_lost_doubled_or_stuck(stack: Stack) -> None:
    size = Size(payments=60, refunds=20, kills=3, flushes=1, seed=7)
    verdict = ChaosRun(stack, size).run()
    assert verdict.clean, verdict
    assert sum(verdict.facts["kills"].values()) == 3
    assert verdict.facts["refunds"] >= 20
    assert verdict.facts["device_transactions"] > 0

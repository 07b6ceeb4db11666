"""A small ordeal with every `make test`; `make soak` has the full size."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.ordeal import Ordeal, Size
from tests.stack import Stack


@pytest.fixture
def own_stack() -> Iterator[Stack]:
    """A stack that nobody else needs: it is going to be hurt."""
    with tempfile.TemporaryDirectory(prefix="onetill-ordeal-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        stack = Stack(Path(home))
        stack.start()
        yield stack
        stack.stop()


def test_nothing_is_lost_doubled_or_stuck(own_stack: Stack) -> None:
    size = Size(payments=60, refunds=20, kills=3, flushes=1, seed=7)
    verdict = Ordeal(own_stack, size).run()
    assert verdict.clean, verdict
    assert sum(verdict.facts["kills"].values()) == 3
    assert verdict.facts["refunds"] >= 20
    assert verdict.facts["device_transactions"] > 0

"""A small online ordeal with every `make test`; `make soak SUITE=online` has the full size."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fake_stripe.server import FakeStripe
from tests.faults.online import OnlineOrdeal, OnlineSize
from tests.stack import Stack


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    running = FakeStripe()
    yield running
    running.close()


@pytest.fixture
def own_stack(fake: FakeStripe) -> Iterator[Stack]:
    """A stack that nobody else needs: it is going to be hurt."""
    with tempfile.TemporaryDirectory(prefix="onetill-online-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        stack = Stack(Path(home), STRIPE_API_BASE=fake.url)
        stack.start()
        yield stack
        stack.stop()


def test_nothing_is_lost_doubled_stuck_or_believed_of_forgers(own_stack: Stack, fake: FakeStripe) -> None:
    size = OnlineSize(payments=30, refunds=6, kills=2, flushes=0, seed=7, tokens=False, late=0.5, forged=0.2)
    verdict = OnlineOrdeal(own_stack, fake, size).run()
    assert verdict.clean, verdict
    assert sum(verdict.facts["kills"].values()) == 2
    assert verdict.facts["captured"] > 15
    assert verdict.facts["failed_calls"] > 10
    assert verdict.facts["webhooks"]["forged_refused"] > 0

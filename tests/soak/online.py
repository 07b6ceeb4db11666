"""The suite `online`: webshops' customers at a Stripe that fails in every way, with workers killed."""

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tests.fake_stripe.server import FakeStripe
from tests.faults.online import OnlineOrdeal, OnlineSize
from tests.soak.runs import fresh_seed
from tests.soak.told import told
from tests.stack import Stack

FULL: Final = {"payments": 2_000, "refunds": 400, "kills": 40, "flushes": 3}
FULL_MINUTES: Final = 20
CUSTOMERS: Final = 32  # many of them wait for a page, or for word of their payment


def online(end: float) -> Iterator[dict[str, Any]]:
    """The full size (less of it, if the minutes are few), again with other seeds until the end."""
    yield ordeal(min(1.0, (end - time.monotonic()) / 60 / FULL_MINUTES))
    while (left := (end - time.monotonic()) / 60) > FULL_MINUTES / 4:
        yield ordeal(min(1.0, left / FULL_MINUTES))


def ordeal(share: float) -> dict[str, Any]:
    """Payments and returns through the fake Stripe."""
    seed = fresh_seed()
    counts = {name: max(1, round(count * share)) for name, count in FULL.items()}
    fake = FakeStripe()
    with tempfile.TemporaryDirectory(prefix="onetill-soak-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        stack = Stack(Path(home), STRIPE_API_BASE=fake.url)
        stack.start()
        try:
            verdict = OnlineOrdeal(
                stack, fake, OnlineSize(**counts, seed=seed, customers=CUSTOMERS, patience=900)
            ).run()
        finally:
            stack.stop()
            fake.close()
    return told(
        "online.ordeal",
        cases=verdict.cases,
        seed=seed,
        lost=verdict.lost,
        doubled=verdict.doubled,
        stuck=verdict.stuck,
        violations=verdict.violations,
        facts=verdict.facts,
    )

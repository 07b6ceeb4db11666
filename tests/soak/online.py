"""The suite `online`: webshops' customers at a Stripe and at an Adyen that fail in every way, with workers killed."""

import time
from collections.abc import Iterator, Mapping
from itertools import cycle
from typing import Any, Final

from tests.fake_adyen.server import FakeAdyen
from tests.fake_stripe.server import FakeStripe
from tests.faults.online import OnlineOrdeal, OnlineSize
from tests.faults.online_adyen import AdyenOrdeal
from tests.soak import stacks
from tests.soak.runs import fresh_seed

FULL: Final = {"payments": 2_000, "refunds": 400, "kills": 40, "flushes": 3}
FULL_MINUTES: Final = 20
CUSTOMERS: Final = 32  # many of them wait for a page, or for word of their payment


def online(end: float) -> Iterator[dict[str, Any]]:
    """The full size (less of it, if the minutes are few), again with other seeds until the end."""
    kinds = cycle((chaos, adyen))
    yield next(kinds)(min(1.0, (end - time.monotonic()) / 60 / FULL_MINUTES / 2))
    yield next(kinds)(min(1.0, max(0.01, (end - time.monotonic()) / 60 / FULL_MINUTES)))
    while (left := (end - time.monotonic()) / 60) > FULL_MINUTES / 4:
        yield next(kinds)(min(1.0, left / FULL_MINUTES))


def chaos(share: float, full: Mapping[str, int] = FULL, *, soak: str = "online.chaos") -> dict[str, Any]:
    """Payments and returns through the fake Stripe."""
    seed = fresh_seed()
    fake = FakeStripe()
    try:
        with stacks.running(STRIPE_API_BASE=fake.url) as stack:
            sized: dict[str, Any] = stacks.sized(full, share)
            size = OnlineSize(**sized, seed=seed, customers=CUSTOMERS, patience=900)
            verdict = OnlineOrdeal(stack, fake, size).run()
    finally:
        fake.close()
    return stacks.judged(soak, verdict, seed)


def adyen(share: float, full: Mapping[str, int] = FULL, *, soak: str = "online.adyen") -> dict[str, Any]:
    """Payments and returns through the fake Adyen, of which nothing can be asked."""
    seed = fresh_seed()
    fake = FakeAdyen()
    try:
        with stacks.running(ADYEN_CHECKOUT_URL=fake.url, ADYEN_REPORTS_URL=fake.url) as stack:
            sized: dict[str, Any] = stacks.sized(full, share)
            size = OnlineSize(**sized, seed=seed, customers=CUSTOMERS, patience=900)
            verdict = AdyenOrdeal(stack, fake, size).run()
    finally:
        fake.close()
    return stacks.judged(soak, verdict, seed)

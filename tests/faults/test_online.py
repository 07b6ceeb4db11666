"""A small online chaos run with every `make test`; `make soak SUITE=online` has the full size."""

from tests.fake_adyen.server import FakeAdyen
from tests.fake_stripe.server import FakeStripe
from tests.faults.online import OnlineOrdeal, OnlineSize
from tests.faults.online_adyen import AdyenOrdeal
from tests.stack import Stack


def test_nothing_is_lost_doubled_stuck_or_believed_of_forgers(stack: Stack, stripe_of_stack: FakeStripe) -> None:
    size = OnlineSize(
        payments=30, refunds=6, kills=2, flushes=0, seed=7, tokens=False, late=0.5, forged=0.2, captured=16,
        failed_calls=11,
    )  # fmt: skip
    verdict = OnlineOrdeal(stack, stripe_of_stack, size).run()
    assert verdict.clean, verdict
    assert sum(verdict.facts["kills"].values()) == 2
    assert verdict.facts["captured"] > 15
    assert verdict.facts["failed_calls"] > 10
    assert verdict.facts["webhooks"]["forged_refused"] > 0


def test_nor_at_a_provider_that_cannot_be_asked(stack: Stack, adyen_of_stack: FakeAdyen) -> None:
    size = OnlineSize(
        payments=24, refunds=5, kills=1, flushes=0, seed=11, tokens=True, late=0.5, forged=0.2, captured=12,
        failed_calls=9,
    )  # fmt: skip
    verdict = AdyenOrdeal(stack, adyen_of_stack, size).run()
    assert verdict.clean, verdict
    assert verdict.facts["captured"] >= 12
    assert verdict.facts["failed_calls"] >= 9
    assert verdict.facts["webhooks"]["forged_refused"] > 0

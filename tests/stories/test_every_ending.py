"""Whatever the provider does, the books end where its effect log does: every magic ending, charged, captured, refunded."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, TypeVar

import pytest
from django.conf import settings
from django.db import connections
from django.db.models import Model

from payments.models import Operation, Payment, ProviderEvent
from payments.providers.base import Outcome
from payments.providers.simulator.magic import VERY_LATE, Ending, magic
from payments.services.capture import capture_payment
from payments.services.receive import apply_event, receive
from payments.services.recover import recover
from tests.builders import Shop, fresh, only, open_shop, work
from tests.simulator import Receiver, RunningSimulator, eventually

pytestmark = pytest.mark.django_db(transaction=True)
T = TypeVar("T")
Row = TypeVar("Row", bound=Model)

BASE: Final = 20_00
REFUSED: Final = (Ending.DO_NOT_HONOR, Ending.INSUFFICIENT_FUNDS, Ending.EXPIRED_CARD, Ending.PENDING_FAILS)
PAGES: Final = {Ending.REDIRECT: "captured", Ending.REDIRECT_DECLINED: "declined", Ending.REDIRECT_EXPIRES: "expired"}
NEVER_RECEIVED: Final = (Ending.TIMEOUT_NOT_DONE, Ending.ERROR_NOT_DONE)
CHARGED: Final[dict[Ending, str]] = (
    dict.fromkeys(Ending, "captured")
    | dict.fromkeys((*REFUSED, *NEVER_RECEIVED), "declined")
    | dict.fromkeys((Ending.REVERSED, Ending.FAILS_LATE), "reversed")
    | PAGES
)
REFUND_FAILS: Final = (*REFUSED, Ending.REVERSED, Ending.FAILS_LATE)


@pytest.fixture
def shop(simulator: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Iterator["Listening"]:
    """A shop whose webhooks are taken from a receiver, by the same services as the web server's."""
    receiver = Receiver()
    monkeypatch.setattr(settings, "PUBLIC_URL", receiver.url)
    yield Listening(open_shop(), simulator, receiver)
    receiver.close()


class Listening:
    """A shop, and what the workers do for it."""

    def __init__(self, shop: Shop, simulator: RunningSimulator, receiver: Receiver) -> None:
        self.shop = shop
        self.simulator = simulator
        self.account = shop.account("simulator")
        self._receiver = receiver
        self._taken = 0

    def until_quiet(self, *, at_least: float) -> None:
        """Apply webhooks and sweep until everything has come to its end, for some seconds at least."""
        began = time.monotonic()

        def turn() -> bool:
            landed = self._receiver.landed[self._taken :]
            self._taken += len(landed)
            for webhook in landed:
                apply_event(receive(self.account, body=webhook.body, headers=webhook.headers))
            recover()
            work()
            return time.monotonic() - began > at_least and not landed and self._settled()

        eventually(turn, within=120)

    def owed(self) -> int:
        """What the provider owes by our books."""
        return only(self.shop.books(), "receivable")["receivable"]

    def really_owed(self) -> int:
        """What it owes by its own effect log."""
        return sum(int(row["net"]) for row in self.simulator.effects(account=self.account.id))

    def _settled(self) -> bool:
        """Whether every operation is final, and all that was to follow has followed."""
        mine = Operation.objects.filter(merchant=self.shop.merchant)
        waiting = ProviderEvent.objects.filter(merchant_id=self.shop.merchant.id, due_at__isnull=False)
        final = not mine.exclude(outcome__in=[Outcome.SUCCEEDED, Outcome.DECLINED]).exists()
        return final and not waiting.exists()


def test_charges_captures_and_refunds_end_as_the_provider_has_them(shop: Listening) -> None:
    held = [shop.shop.pay(5 * BASE, manual_capture=True) for _ in Ending]
    paid = [shop.shop.pay(5 * BASE) for _ in Ending]
    refunds = [shop.shop.refund(payment, magic(BASE, ending)) for payment, ending in zip(paid, Ending, strict=True)]
    charges = at_once([partial(shop.shop.pay, magic(BASE, ending)) for ending in Ending])
    at_once(
        [
            partial(capture_payment, payment, amount=magic(BASE, ending), final=True, actor="tests")
            for payment, ending in zip(held, Ending, strict=True)
        ]
    )
    for ending in (Ending.REDIRECT, Ending.REDIRECT_DECLINED):
        shop.simulator.customer(_of(charges)[ending.name].redirect_url, "approve")
    shop.until_quiet(at_least=VERY_LATE + 1)

    assert {name: payment.status for name, payment in _of(charges).items()} == {
        ending.name: status for ending, status in CHARGED.items()
    }
    declined = {name for name, payment in _of(held).items() if payment.status == "authorized"}
    assert declined == {ending.name for ending in REFUSED}
    assert {name: refund.status for name, refund in _of(refunds).items()} == {
        ending.name: "failed" if ending in REFUND_FAILS else "succeeded" for ending in Ending
    }
    _agree(shop)


def _of(rows: Sequence[Row]) -> dict[str, Row]:
    """Each ending's row, as the database has it now."""
    return {ending.name: fresh(row) for ending, row in zip(Ending, rows, strict=True)}


def at_once(works: Sequence[Callable[[], T]]) -> list[T]:
    """Do things in threads, for some of them wait for an answer that never comes."""

    def alone(work: Callable[[], T]) -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(alone, works))


def _agree(shop: Listening) -> None:
    """Books, payments and the provider's own log say the same, and nothing moved twice."""
    assert shop.owed() == shop.really_owed()
    rows: list[dict[str, Any]] = shop.simulator.effects(account=shop.account.id)
    own = [(row["operation_id"], row["verb"]) for row in rows if row["operation_id"]]
    assert len(own) == len(set(own))
    assert not Payment.objects.filter(merchant=shop.shop.merchant, status="unknown").exists()

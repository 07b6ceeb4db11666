"""One shop's orders given back at every door at once, while the provider fails and work breaks off at fail points.

Webshop, two tills, the admin, the counter's page and the provider's own dashboard ask; customers dispute; a postman brings
the provider's webhooks late, twice and shuffled. A witness reads the orders all the while. At the end the books are
compared with what the provider really did.
"""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from django.conf import settings
from django.db import close_old_connections, connection
from django.db.models import F, Sum
from django.test import Client
from django.utils.module_loading import import_string

from payments.core.errors import OnetillError
from payments.ledger.audit import one_moment, violations
from payments.models import Discrepancy, Operation, Order, Payment, ProviderEvent, RefundPart
from payments.runtime.fail_points import fail_points_enabled
from payments.services.recover import recover
from tests.api.client import Api
from tests.builders import Shop, work
from tests.counter.cast import Tablet
from tests.faults.life import lapse
from tests.notify.receiver import Receiver

CURRENCIES: Final = ("EUR", "EUR", "JPY", "KWD")  # with 2, 0 and 3 decimals
AMOUNT: Final = 3_000  # minor units of each tender; halves and wholes always succeed at the simulator
TENDERS: Final = ("card", "pin", "cash", "voucher")
FAIL_POINTS: Final = ("refund.", "submit.", "record.", "flush.", "receive.", "apply.", "retourpin.")
BREAKS: Final = 0.02  # of the passages of a fail point
PATIENCE: Final = 300.0
# What an effect at the provider is about, and the sign by which its net counts.
_KINDS: Final[dict[str, tuple[str, int]]] = {
    **dict.fromkeys(("sale", "capture", "reversal"), ("sale", 1)),
    **dict.fromkeys(("refund", "refund_failed"), ("refund", -1)),
    **dict.fromkeys(("chargeback", "chargeback_reversal"), ("chargeback", -1)),
}


class Broken(Exception):
    """A process that ended at this point: its transaction is gone, and nobody is answered."""


@dataclass
class EveryDoor:
    """A run over so many orders; `wrong` is what was found."""

    shop: Shop
    tills: list[Api]
    web: Api
    admin: Client
    tablet: Tablet
    receiver: Receiver
    seed: int
    orders: int
    wrong: list[str] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)

    def run(self) -> list[str]:
        """Sell, give back everywhere at once, come to rest, and compare."""
        ids = [self._sold(number) for number in range(self.orders)]
        over = threading.Event()
        doors = [
            ("web", self._web),
            ("till 1", self._till(0)),
            ("till 2", self._till(1)),
            ("admin", self._admin),
            ("counter", self._counter),
            ("dashboard", self._dashboard),
            ("customer", self._disputes),
        ]
        keepers = [self._watch(over), self._post(over), self._recover(over)]
        askers = [self._asks(name, door, ids) for name, door in doors]
        self._faults(0.2)
        with self._breaking():
            threads = [threading.Thread(target=work) for work in (*keepers, *askers)]
            for thread in threads:
                thread.start()
            for thread in threads[len(keepers) :]:
                thread.join()
        self._faults(0)
        over.set()
        for thread in threads:
            thread.join()
        self._rest()
        self.wrong += self._compare()
        return self.wrong

    def _sold(self, number: int) -> str:
        """An order that is paid in several ways, in one of the currencies."""
        currency = CURRENCIES[number % len(CURRENCIES)]
        paid = self.shop.pay(AMOUNT, currency=currency)
        order = paid.order
        self.shop.pin(AMOUNT, order=order, currency=currency)
        self.shop.pay_cash(AMOUNT, order=order, currency=currency)
        code = self.shop.voucher(AMOUNT).code if currency == "EUR" else None
        if code is not None:
            self.shop.pay(AMOUNT, method="voucher", voucher_code=code, order=order)
        return order.id

    def _asks(self, name: str, door: Callable[[random.Random, str], Any], ids: list[str]) -> Callable[[], None]:
        """Somebody at one door: about each order, in an order of their own."""

        def work() -> None:
            chance = random.Random(f"{self.seed} {name}")
            for order_id in chance.sample(ids, len(ids)):
                close_old_connections()
                # What is refused, or breaks off, is no fault: nothing may have moved by halves.
                with contextlib.suppress(OnetillError, Broken, httpx.HTTPError, AssertionError):
                    door(chance, order_id)
                    self.asked[name] += 1
            connection.close()

        return work

    def _amount(self, chance: random.Random) -> int:
        return chance.choice([50, 500, 1_000, 1_500, AMOUNT, 2 * AMOUNT])

    def _web(self, chance: random.Random, order_id: str) -> None:
        body = {"order": order_id, "amount": self._amount(chance), "reason": "Too small"}
        if chance.random() < 0.5:
            body["bank_account"] = {"iban": "NL91ABNA0417164300", "name": "A. de Vries"}
        self.web.post("/v1/refunds", body)

    def _till(self, number: int) -> Callable[[random.Random, str], None]:
        def door(chance: random.Random, order_id: str) -> None:
            body = {"order": order_id, "amount": self._amount(chance), "reason": "Too small", "operator": "Sanne"}
            route = chance.choice(["auto", "cash", "voucher", "terminal"])
            more = {"terminal": self.shop.terminal.terminal_id} if route == "terminal" else {}
            self.tills[number].post("/v1/refunds", body | {"route": route} | more)

        return door

    def _admin(self, chance: random.Random, order_id: str) -> None:
        path = f"/admin/payments/order/{order_id}/refund/"
        given = {"amount": "10", "channel": self.shop.store.id, "route": "auto", "reason": "Too small"}
        given |= {"once": f"{chance.getrandbits(128):032x}"}
        shown = self.admin.post(path, given).content.decode()
        confirmed = shown.partition('name="confirmed" value="')[2].partition('"')[0]
        self.admin.post(path, given | {"confirmed": confirmed})

    def _counter(self, chance: random.Random, order_id: str) -> None:
        self.tablet.gives_back(order_id, "10", route=chance.choice(["cash", "voucher"]), why="Wants it so")

    def _dashboard(self, chance: random.Random, order_id: str) -> None:
        self._at_provider("refunds", order_id, chance.choice([50, 1_000]))

    def _disputes(self, chance: random.Random, order_id: str) -> None:
        if chance.random() < 0.3:
            self._at_provider("chargebacks", order_id, chance.choice([1_000, AMOUNT]))

    def _at_provider(self, what: str, order_id: str, amount: int) -> None:
        """Somebody does it at the provider, without asking us."""
        paid = Payment.objects.filter(order_id=order_id, provider_reference__isnull=False).first()
        if paid is not None:
            body = {"payment_reference": paid.provider_reference, "amount": amount}
            httpx.post(f"{settings.SIMULATOR_URL}/dashboard/{what}", json=body, trust_env=False).raise_for_status()

    def _watch(self, over: threading.Event) -> Callable[[], None]:
        """At every step no more was given back than was paid, but for what `excess` says."""

        def work() -> None:
            while not over.wait(0.05):
                close_old_connections()
                self.wrong += self._beyond()
            connection.close()

        return work

    def _beyond(self) -> Iterator[str]:
        merchant = self.shop.merchant.id
        gone = F("refunded") + F("refund_reserved") + F("charged_back")
        rows = Order.objects.filter(merchant_id=merchant).annotate(gone=gone)
        for row in rows.filter(gone__gt=F("captured") + F("excess")):
            yield f"{row.id}: {row.gone} went back of {row.captured} and {row.excess} beyond"
        told = Discrepancy.objects.filter(merchant_id=merchant, kind="over_returned")
        for order in Order.objects.filter(merchant_id=merchant, excess__gt=0):
            if not told.filter(payment__order=order).exists():
                yield f"{order.id}: {order.excess} beyond what was paid, and nobody is told"

    def _post(self, over: threading.Event) -> Callable[[], None]:
        def work() -> None:
            chance, seen = random.Random(f"{self.seed} post"), 0
            while not over.wait(0.1):
                close_old_connections()
                fresh = [row for row in self.receiver.received[seen:] if row.body]
                seen += len(fresh)
                for row in chance.sample(fresh, len(fresh)) + chance.sample(fresh, len(fresh) // 3):
                    self._deliver(row)
            connection.close()

        return work

    def _deliver(self, row: Any) -> None:
        client = Client(raise_request_exception=False)
        client.generic("POST", row.path, row.body.encode(), "application/json", headers=row.headers)

    def _recover(self, over: threading.Event) -> Callable[[], None]:
        def sweeping() -> None:
            while not over.wait(0.05):
                close_old_connections()
                with contextlib.suppress(Broken):
                    work()
                    recover()
            connection.close()

        return sweeping

    @contextlib.contextmanager
    def _breaking(self) -> Iterator[None]:
        """Now and then, work ends at a fail point as if the process were gone."""
        chance, lock = random.Random(f"{self.seed} breaks"), threading.Lock()

        def strike(point: str) -> None:
            with lock:
                breaks = point.startswith(FAIL_POINTS) and chance.random() < BREAKS
            if breaks:
                raise Broken(point)

        with fail_points_enabled(strike):
            yield

    def _faults(self, rate: float) -> None:
        body = {"rate": rate, "seed": self.seed}
        httpx.post(f"{settings.SIMULATOR_URL}/faults", json=body, trust_env=False).raise_for_status()

    def _rest(self) -> None:
        """All that was left unsaid is said once more, and swept until nothing is left to do."""
        end, heard = time.monotonic() + PATIENCE, -1
        while (left := self._left()) or heard != len(self.receiver.received):
            if time.monotonic() > end:
                self.wrong += [f"stuck: {each}" for each in left]
                return
            heard = len(self.receiver.received)
            for row in self.receiver.received[:heard]:
                self._deliver(row)
            lapse()
            recover()
            time.sleep(0.5)

    def _left(self) -> list[str]:
        """What no person is needed for, and is not done."""
        due = (Operation.objects.filter(due_at__isnull=False), ProviderEvent.objects.filter(due_at__isnull=False))
        return [str(row) for rows in due for row in rows.values_list("pk", flat=True)]

    def _compare(self) -> Iterator[str]:
        yield from self._beyond()
        yield from self._differences()
        with one_moment():
            yield from (str(found) for found in violations(map(import_string, settings.LEDGER_AUDITS)))

    def _differences(self) -> Iterator[str]:
        """Each payment beside the provider's own log: taken, given back, charged back."""
        paid = Payment.objects.filter(merchant=self.shop.merchant, provider_account__provider="simulator")
        moved: Counter[tuple[str, str]] = Counter()
        for account in {row.provider_account_id for row in paid}:
            for effect in _effects(account):
                kind, sign = _KINDS[effect["verb"]]
                moved[effect["payment_reference"], kind] += sign * effect["net"]
        for row in paid:
            # What went back in cash, on a voucher or by bank moved nothing there.
            there = RefundPart.objects.filter(payment=row, route="original", status="succeeded")
            back = there.aggregate(total=Sum("amount"))["total"] or 0
            booked = {"sale": row.amount_captured, "refund": back, "chargeback": row.amount_charged_back}
            for kind, amount in booked.items():
                really = moved.pop((row.provider_reference or "", kind), 0)
                if amount != really:
                    yield f"{row.id}: booked {amount}, moved {really} ({kind})"
        yield from (f"{kind} of {left} for {name}, and nobody knows" for (name, kind), left in moved.items() if left)


def _effects(account: str) -> Iterator[dict[str, Any]]:
    """All that the provider did, page by page."""
    after = 0
    while True:
        query: dict[str, str | int] = {"account": account, "after": after, "limit": 500}
        rows = httpx.get(f"{settings.SIMULATOR_URL}/effects", params=query, trust_env=False).json()["data"]
        if not rows:
            return
        yield from rows
        after = rows[-1]["number"]

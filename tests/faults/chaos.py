"""A chaos run: customers pay and return while processes are killed, the broker is flushed and the provider misbehaves.

Then the books are compared with witnesses outside of our tables: what each customer was answered, what the simulator
really did (its effect log), what each device remembers, and what the shop received by webhook.
"""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count, islice
from typing import Any, Final

import httpx

from tests.faults.chaos_monkey import ChaosMonkey
from tests.faults.counters import Till
from tests.notify.receiver import Receiver, running
from tests.stack import Shop, Stack

PATIENCE: Final = 120.0  # seconds until what has not ended counts as stuck
UNSETTLED: Final = frozenset({"processing", "unknown", "requires_action"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How much of it; `seed` repeats what is random on our side."""

    payments: int
    refunds: int
    kills: int
    flushes: int
    tills: int = 2
    till_pace: float = 0.5
    fault_rate: float = 0.2
    customers: int = 8
    patience: float = PATIENCE
    seed: int = 1


@dataclass(slots=True)
class Verdict:
    """What was wrong afterwards; an empty one is the proof."""

    cases: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    violations: list[Any] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)  # how much really happened

    @property
    def clean(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.violations)


class ChaosRun:
    """One run on a stack of its own merchant."""

    def __init__(self, stack: Stack, size: Size) -> None:
        self.stack, self.size = stack, size
        self.shop = Shop(stack)
        self.verdict = Verdict()
        self.payments: dict[str, int] = {}  # id: what the customer was to pay
        self.refunds: dict[str, int] = {}  # id: what they were to get back
        self._numbers = count()  # of the customers
        self.monkey = ChaosMonkey(stack, random.Random(size.seed), kills=size.kills, flushes=size.flushes)
        self.tills = [
            Till.opened(self.shop, stack.home, number, seed=size.seed, pace=size.till_pace)
            for number in range(size.tills)
        ]

    def run(self) -> Verdict:
        """Live through it, wait until all is quiet, and judge."""
        with running() as receiver:
            self._listen(receiver)
            self._live()
            self._wait_until_quiet(receiver)
        self._judge()
        return self.verdict

    def _listen(self, receiver: Receiver) -> None:
        body = {"url": receiver.url("/shop"), "events": ["refund.succeeded"]}
        self.shop.api.post("/v1/webhook_endpoints", body).raise_for_status()

    def _live(self) -> None:
        began = time.monotonic()
        self._faults(self.size.fault_rate)
        threads = [threading.Thread(target=work) for work in (self.monkey.run, *(till.run for till in self.tills))]
        for thread in threads:
            thread.start()
        try:
            with ThreadPoolExecutor(self.size.customers) as customers:
                list(customers.map(self._pay, islice(self._numbers, self.size.payments)))
                list(customers.map(self._keep_coming, range(self.size.customers)))
        finally:
            for event in (self.monkey.over, *(till.over for till in self.tills)):
                event.set()
            for thread in threads:
                thread.join()
            self._faults(0)
        self.verdict.facts["seconds"] = round(time.monotonic() - began)

    def _keep_coming(self, _: int) -> None:
        """More customers, as long as there is harm left to do or too little has happened to prove anything."""
        end = time.monotonic() + self.size.patience
        while not self.monkey.over.is_set() or (self._lacks() and time.monotonic() < end):
            self._pay(next(self._numbers))

    def _lacks(self) -> bool:
        """A provider that fails may decline any of those who were to return: others come for them."""
        return len(self.refunds) < self.size.refunds

    def _pay(self, number: int) -> None:
        """A customer pays; some bring it back to the store at once, all of it or a part."""
        amount = 50 * (1 + number % 90)
        body = {"order_reference": f"chaos-{number}", "amount": amount, "currency": "EUR", "method": "card"}
        answer = self._insist("/v1/payments", body | {"channel": self.shop.web})
        if answer is None:
            return
        self.payments[answer["id"]] = amount
        if len(self.refunds) * self.size.payments < self.size.refunds * (number + 1):
            self._return(answer["id"], max(50, amount // 100 * 50))

    def _return(self, payment: str, amount: int) -> None:
        """What is not paid yet cannot be given back: wait until its outcome is known."""
        body = {"payment": payment, "amount": amount, "reason": "ChaosRun", "channel": self.shop.store}
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self._insist("/v1/refunds", body)
            if answer is not None:
                self.refunds[answer["id"]] = amount
                return
            shown = self._look(f"/v1/payments/{payment}")
            if shown and shown["status"] not in UNSETTLED | {"captured"}:
                return
            time.sleep(1)

    def _insist(self, path: str, body: dict[str, Any]) -> dict[str, Any] | None:
        """Repeat one request under one key until there is an answer, as every client should; None: it is refused."""
        key = uuid.uuid4().hex
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                answer = self.shop.api.post(path, body, key=key)
            except httpx.HTTPError:
                time.sleep(0.3)
                continue
            if answer.status_code in (200, 201):
                return dict(answer.json())
            if answer.status_code == 422:
                return None
            time.sleep(0.3)
        self.verdict.stuck.append(f"{path} {body} was never answered")
        return None

    def _look(self, path: str) -> dict[str, Any] | None:
        try:
            answer = self.shop.api.http.get(path)
        except httpx.HTTPError:
            return None
        return dict(answer.json()) if answer.status_code == 200 else None

    def _faults(self, rate: float) -> None:
        faults = {"rate": rate, "seed": self.size.seed}
        httpx.post(f"{self.stack.simulator_url}/faults", json=faults, trust_env=False).raise_for_status()

    def _wait_until_quiet(self, receiver: Receiver) -> None:
        self.monkey.until_ready()
        for till in self.tills:
            self.verdict.stuck += till.close(PATIENCE)
        end = time.monotonic() + self.size.patience
        while (left := self._open(receiver)) and time.monotonic() < end:
            time.sleep(0.5)
        self.verdict.stuck += left + self.monkey.stuck

    def _open(self, receiver: Receiver) -> list[str]:
        left = [row["id"] for status in UNSETTLED for row in self.shop.all("/v1/payments", status=status)]
        left += [row["id"] for row in self.shop.all("/v1/refunds", status="pending")]
        received = {request.event["data"]["object"]["id"] for request in receiver.at("/shop")}
        done = {row["id"] for row in self.shop.all("/v1/refunds", status="succeeded")}
        return left + [f"the shop never received {refund}" for refund in done - received]

    def _judge(self) -> None:
        rows = {row["id"]: row for row in self.shop.all("/v1/payments", origin="online", expand="operations")}
        given = {row["id"]: row for row in self.shop.all("/v1/refunds", channel=self.shop.store)}
        self.verdict.lost += [f"{name} is gone" for name in self.payments if name not in rows]
        self.verdict.lost += [f"{name} is gone" for name in self.refunds if name not in given]
        orders = Counter(row["order"]["reference"] for row in rows.values())
        self.verdict.doubled += [reference for reference, count in orders.items() if count > 1]
        self._compare(rows)
        for till in self.tills:
            for fate, what in till.doubts(self.shop):
                getattr(self.verdict, fate).append(what)
        self.verdict.violations += self.stack.manage("audit_ledger")["violations"]
        self._count(rows)

    def _compare(self, rows: dict[str, dict[str, Any]]) -> None:
        """Each payment with what the provider really did."""
        refund_of = {operation["id"]: row["id"] for row in rows.values() for operation in row["operations"]}
        moved: Counter[tuple[str, bool]] = Counter()
        for effect in self._effects(next(iter(rows.values()))["provider_account"]["id"]):
            moved[refund_of.get(effect["operation_id"], "nobody"), effect["verb"] == "refund"] += abs(effect["net"])
        for row in rows.values():
            for booked, is_refund in ((row["amount_captured"], False), (row["amount_refunded"], True)):
                really = moved.pop((row["id"], is_refund), 0)
                if booked != really:
                    fate = self.verdict.lost if booked < really else self.verdict.doubled
                    fate.append(f"{row['id']}: booked {booked}, moved {really} ({'refund' if is_refund else 'sale'})")
        self.verdict.lost += [f"{amount} moved, and no operation asked for it" for amount in moved.values() if amount]

    def _effects(self, account: str) -> Iterator[dict[str, Any]]:
        after = 0
        while True:
            query: dict[str, str | int] = {"account": account, "after": after, "limit": 500}
            rows = httpx.get(f"{self.stack.simulator_url}/effects", params=query, trust_env=False).json()["data"]
            if not rows:
                return
            yield from rows
            after = rows[-1]["number"]

    def _count(self, rows: dict[str, dict[str, Any]]) -> None:
        reported = sum(len(till.device.done) for till in self.tills)
        self.verdict.cases = len(self.payments) + len(self.refunds) + reported
        self.verdict.facts |= {
            "payments": len(self.payments),
            "captured": sum(row["status"] == "captured" for row in rows.values()),
            "refunds": len(self.refunds),
            "device_transactions": reported,
            "kills": dict(self.monkey.killed),
            "flushes": self.monkey.flushed,
        }

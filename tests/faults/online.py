"""An online chaos run: the same customers, at a Stripe that fails, whose webhooks come late, twice, shuffled and forged.

The witnesses are Stripe's effect log and its balance; what is left at the end is paid out, and must settle to zero.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any, ClassVar, Final

from tests.fake_stripe import afterwards
from tests.faults.chaos import UNSETTLED, ChaosRun, Size
from tests.notify.receiver import Receiver
from tests.stack import Stack

TOKEN: Final = {"stripe_token": "pm_card_visa"}
WAYS: Final = ("page", "ideal", "token", "manual")
LOOKS_WITHIN: Final = 15.0  # seconds a customer waits for the page to open


@dataclass(frozen=True, slots=True, kw_only=True)
class OnlineSize(Size):
    """How much of it. A token's charge of which nothing is known is looked for during minutes: `tokens` wants time."""

    tokens: bool = True
    fault_rate: float = 0.3
    tills: int = 0
    late: float = 3.0
    twice: float = 0.3
    forged: float = 0.05
    captured: int = 0  # what is to happen at least, however the faults fall
    failed_calls: int = 0


class OnlineOrdeal(ChaosRun):
    """One run on a stack whose `STRIPE_API_BASE` is the fake's address; `online_adyen.py` has another provider's."""

    size: OnlineSize
    token: ClassVar[dict[str, str]] = TOKEN

    def __init__(self, stack: Stack, fake: Any, size: OnlineSize) -> None:
        super().__init__(stack, size)
        self.fake, self._received_before = fake, len(fake.received)
        self.account, self.books = self._open_account()
        self._captured: set[str] = set()
        fake.faults.chance = Random(size.seed)
        mischief = fake.post.mischief
        mischief.late, mischief.twice, mischief.forged = size.late, size.twice, size.forged
        mischief.chance = Random(size.seed)

    def _open_account(self) -> tuple[str, Any]:
        return self._opened("stripe", self.fake.account(f"sk_test_chaos{self.shop.merchant[-8:]}"))

    def _opened(self, provider: str, books: Any) -> tuple[str, Any]:
        body = {"provider": provider, "name": provider, "currency": "EUR", "credentials": books.secrets}
        answer = self.shop.api.post("/v1/provider_accounts", body)
        answer.raise_for_status()
        books.webhook_url = answer.json()["webhook_url"]
        return str(answer.json()["id"]), books

    def _faults(self, rate: float) -> None:
        self.fake.faults.rate = rate

    def _pay(self, number: int) -> None:
        """By page, iDEAL, a card's token, or authorized first; three in four who paid soon bring some of it back."""
        way = WAYS[number % (4 if self.size.tokens else 2)]
        amount = 50 * (1 + number % 90)
        body: dict[str, Any] = {
            "order_reference": f"chaos-{number}",
            "amount": amount,
            "currency": "EUR",
            "method": "ideal" if way == "ideal" else "card",
            "channel": self.shop.web,
            "provider_account": self.account,
            "return_url": "https://shop.example/back",
            "capture": "manual" if way == "manual" else "automatic",
            "metadata": self.token if way in ("token", "manual") else {},
        }
        answer = self._insist("/v1/payments", body)
        if answer is None:
            return
        self.payments[answer["id"]] = amount
        status = self._followed(answer["id"], number)
        if status == "captured":
            self._captured.add(answer["id"])
        if status == "authorized":
            self._insist(f"/v1/payments/{answer['id']}/capture", {"amount": max(50, amount // 100 * 50)})
        elif status == "captured" and number // 4 % 4 and len(self.refunds) < self.size.refunds:
            self._return(answer["id"], max(50, amount // 100 * 50))

    def _lacks(self) -> bool:
        return (
            super()._lacks()
            or len(self._captured) < self.size.captured
            or self._failed_calls() < self.size.failed_calls
            or (self.size.forged > 0 and not self.fake.post.counts["forged"])
        )

    def _failed_calls(self) -> int:
        return sum(each.fault is not None for each in self.fake.received[self._received_before :])

    def _followed(self, payment: str, number: int) -> str:
        """The customer goes where they are sent, and waits a while for the word that it is paid."""
        end, been = time.monotonic() + LOOKS_WITHIN, False
        status = "unknown"
        while time.monotonic() < end:
            shown = self._look(f"/v1/payments/{payment}")
            status = shown["status"] if shown else status
            if shown and status == "requires_action" and not been:
                been = True
                self._visit(shown, gives_up=number % 20 == 7)
            elif shown and status not in UNSETTLED:
                return status
            time.sleep(0.2)
        return status

    def _visit(self, shown: dict[str, Any], *, gives_up: bool = False) -> None:
        name = str(shown["next_action"]["url"]).rpartition("/")[2]
        if not gives_up:
            afterwards.pay(self.books, name)
        elif name.startswith("cs_"):
            afterwards.expire(self.books, name)
        else:
            afterwards.refuse(self.books, name)

    def _open(self, receiver: Receiver) -> list[str]:
        """Customers who found the page only now pay there; what is authorized now is captured."""
        for shown in self.shop.all("/v1/payments", status="requires_action"):
            self._visit(shown)
        for shown in self.shop.all("/v1/payments", status="authorized"):
            self.shop.api.post(f"/v1/payments/{shown['id']}/capture", key=f"late-{shown['id']}")
        left = super()._open(receiver) + [row["id"] for row in self.shop.all("/v1/payments", status="authorized")]
        return left if self.fake.post.quiet() else [*left, "webhooks"]

    def _judge(self) -> None:
        super()._judge()
        owed = self._balance("receivable")
        moved = sum(effect.net for effect in self.books.effects)
        if owed != moved:
            self.verdict.lost.append(f"the provider moved {moved}, the books say that it owes {owed}")
        self._settle()
        self.verdict.violations += self.stack.manage("audit_ledger")["violations"]
        counts = self.fake.post.counts
        if counts["forged_taken"] or counts["forged_refused"] != counts["forged"]:
            self.verdict.violations.append(f"{counts['forged_taken']} of {counts['forged']} forged events were taken")
        calls = {"calls": len(self.fake.received) - self._received_before, "failed_calls": self._failed_calls()}
        self.verdict.facts |= calls | {"webhooks": dict(counts), "settled": moved}

    def _settle(self) -> None:
        """All that is left is paid out: it must settle to zero, and be on its way to the cent."""
        paid = self._pay_out()
        end = time.monotonic() + self.size.patience
        while self._balance("in_transit") != paid and time.monotonic() < end:
            time.sleep(0.5)
        left = {name: self._balance(name) for name in ("receivable", "in_transit")}
        if left != {"receivable": 0, "in_transit": paid}:
            self.verdict.lost.append(f"paid out {paid}, and the books have {left}")

    def _pay_out(self) -> int:
        """The provider pays out all that it holds; what that is."""
        paid = int(afterwards.pay_out(self.books)["amount"])
        if self.books.available():
            self.verdict.lost.append(f"Stripe holds {self.books.available()} that it did not pay out")
        return paid

    def _balance(self, name: str) -> int:
        code = f"{name}:{self.account}"
        return sum(row["balance"] for row in self.shop.all("/v1/ledger/accounts") if row["code"] == code)

    def _effects(self, account: str) -> Iterator[dict[str, Any]]:
        for effect in self.books.effects:
            yield {"operation_id": effect.operation, "verb": effect.verb, "net": effect.net}

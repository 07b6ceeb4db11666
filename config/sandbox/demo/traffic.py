"""What customers do: they pay online and at the counter, in cash and by card, and bring things back anywhere."""

import random
import time
from collections.abc import Callable
from typing import Any, Final

from config.sandbox.demo.cast import Cast, device
from config.sandbox.demo.shifts import Shift
from config.sandbox.demo.web import Api, Provider
from terminals.device.counter import Counter as AtWork
from terminals.device.scenario import Day, Habits
from terminals.device.storage import Transaction

# Everyday prices; the last row's endings make the simulator decline, hesitate, fall silent or charge back.
PRICES: Final = (995, 1250, 1495, 1950, 2295, 2499, 3495, 3950, 4999, 6450, 7995, 12900, 24900)
TROUBLE: Final = (1201, 1402, 2910, 1911, 3520, 4121, 2332, 5434, 1741)
METHODS: Final = ("card", "ideal", "ideal", "bancontact", "card", "klarna", "paypal")
CUSTOMERS: Final = 60
REASONS: Final = ("Too small", "Damaged", "Changed my mind", "Wrong color")
IBANS: Final = ("NL20INGB0001234567", "NL39RABO0300065264")

Step = Callable[[], None]


class Webshop:
    """One webshop's checkouts; the customer who is sent to the payment page mostly pays there."""

    def __init__(self, cast: Cast, channel: str, chance: random.Random) -> None:
        self._api, self._channel, self._chance = Api(cast.api_key), channel, chance

    def sell(self) -> None:
        """One checkout, from basket to paid (or not)."""
        amount = self._chance.choice(TROUBLE if self._chance.random() < 0.08 else PRICES)
        payment = self._api.post("/v1/payments", self._basket(amount))
        action = payment and payment["next_action"]
        if action and self._chance.random() < 0.93:
            self._api.visit(action["url"], "approve" if self._chance.random() < 0.95 else "decline")

    def _basket(self, amount: int) -> dict[str, Any]:
        number = self._chance.randrange(10**9)
        customer = self._chance.randrange(CUSTOMERS)
        return {
            "order_reference": f"W{number:09d}",
            "order_total": amount,
            "amount": amount,
            "currency": "EUR",
            "method": self._chance.choice(METHODS),
            "channel": self._channel,
            "return_url": "https://shop.example/thanks",
            "customer": {"reference": f"C{customer:03d}", "email": f"customer{customer}@shop.example"},
            "description": "Flowers and pots",
        }


class Counter:
    """One store: its terminal, its drawer, and its shifts of `day` seconds."""

    def __init__(self, cast: Cast, number: int, chance: random.Random, *, day: float) -> None:
        self._api, self._provider, self._chance = Api(cast.api_key), Provider(), chance
        self._channel, self._account = cast.stores[number], cast.external
        habits = Habits(reversed=0.0, prefix=f"S{number}-")
        self._terminal = cast.terminals[number]
        self._day = Day(device(self._terminal), habits=habits, chance=chance)
        self._at_work = AtWork(self._day.device, self._day.present)
        self._shift = Shift(self._day.device, self._api, self._channel, chance)
        self._shift_seconds, self._shift_began = day, time.monotonic()

    def sell(self) -> None:
        """Mostly by card, sometimes in cash; at the end of a shift it is closed first."""
        if time.monotonic() - self._shift_began > self._shift_seconds:
            self._shift_began = time.monotonic()
            self._shift.close()
        drawn = self._chance.random()
        if drawn < 0.15:
            self._in_cash()
        elif drawn < 0.4:
            self._by_the_till()
        else:
            self._happened(self._day.step())

    def _in_cash(self) -> None:
        amount = self._chance.choice((250, 495, 748, 1252, 1996))
        body = {"order_reference": f"K{self._chance.randrange(10**9):09d}", "amount": amount, "currency": "EUR"}
        self._api.post("/v1/payments", {**body, "method": "cash", "received": 2000, "channel": self._channel})

    def _by_the_till(self) -> None:
        """The till asks for the amount, and the terminal for the card; refunds that wait for it come along."""
        name, amount = f"T{self._chance.randrange(10**9):09d}", self._chance.choice(PRICES)
        body = {"type": "sale", "amount": amount, "currency": "EUR", "order_reference": name, "operator": "Fleur"}
        self._api.post(f"/v1/terminals/{self._terminal}/actions", body)
        known = set(self._day.device.memory.actions)
        self._at_work.attend(0)
        for action, done in self._day.device.memory.actions.items():
            if done is not None and action not in known:
                self._happened(done)

    def _happened(self, done: Transaction) -> None:
        self._shift.note(done)
        self._report_to_acquirer(done)

    def _report_to_acquirer(self, done: Transaction) -> None:
        """What really happened at the terminal is what the acquirer will settle."""
        if done["outcome"] != "approved" or done["type"] == "reversal":
            return
        names = {"rrn": "rrn", "acquirer_tid": "tid", "stan": "stan", "authorization_code": "authorization_code"}
        numbers = {theirs: done[ours] for ours, theirs in names.items() if ours in done}
        about = {name: done[name] for name in ("type", "amount", "currency", "occurred_at")}
        brand = {"brand": done["card"]["brand"]} if "card" in done else {}
        self._provider.post("/acquirer/transactions", {"account": self._account, **about, **numbers, **brand})


class ReturnsDesk:
    """Things come back where they were not bought."""

    def __init__(self, cast: Cast, chance: random.Random) -> None:
        self._api, self._cast, self._chance = Api(cast.api_key), cast, chance

    def take_back(self) -> None:
        """Bought online, returned in a store; or bought in a store, returned to a webshop."""
        origin = self._chance.choice(("online", "in_store"))
        payments = self._api.get("/v1/payments", origin=origin, status="captured", limit=50)["data"]
        returnable = [row for row in payments if row["amount_refundable"] >= 100 and not row["amount_refunded"]]
        if returnable:
            self._api.post("/v1/refunds", self._refund(self._chance.choice(returnable), origin))

    def _refund(self, payment: dict[str, Any], origin: str) -> dict[str, Any]:
        body: dict[str, Any] = {"payment": payment["id"], "reason": self._chance.choice(REASONS)}
        if self._chance.random() < 0.4:
            body["amount"] = payment["amount_refundable"] // 200 * 100 or 100
        if origin == "online":
            at_counter = {**body, "channel": self._chance.choice(self._cast.stores), "operator": "Fleur"}
            # Mostly the way it was paid; some want it in their hand, out of a till that may not hold it.
            return at_counter | ({"route": "cash"} if self._chance.random() < 0.15 else {})
        body["channel"] = self._chance.choice(self._cast.webshops)
        if self._chance.random() < 0.3:
            account = {"iban": self._chance.choice(IBANS), "name": "A. Jansen"}
            return {**body, "route": "bank", "bank_account": account}
        return {**body, "route": "voucher"}

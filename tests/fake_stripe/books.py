"""The fake's memory: objects, balance transactions with fees, the effect log, and the events it has to send."""

import copy
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from tests.fake_stripe.errors import missing
from tests.fake_stripe.shapes import shaped
from tests.fakes.effects import Effect

Object = dict[str, Any]
# Fixed amount and basis points of each method, as a Dutch account pays them.
FEES: Final = {
    "card": (25, 150),
    "ideal": (29, 0),
    "bancontact": (35, 0),
    "sepa_debit": (35, 0),
    "klarna": (35, 299),
} | {"card_present": (10, 140)}
DISPUTE_FEE: Final = 20_00
RATES: Final = {"eur": 1.0, "usd": 0.9, "gbp": 1.15, "jpy": 0.6}  # what one unit of Stripe's is worth in cents of euro
# `type` where it says something else than `reporting_category`.
TYPES: Final = {"dispute": "adjustment", "dispute_reversal": "adjustment", "fee": "stripe_fee"} | {
    "payout_reversal": "payout_failure",
    "refund_failure": "refund_failure",
}
KINDS: Final = {
    "pi": "payment_intent",
    "ch": "charge",
    "re": "refund",
    "cs": "checkout.session",
    "du": "dispute",
    "txn": "balance_transaction",
    "po": "payout",
    "evt": "event",
    "tmr": "terminal.reader",
}


@dataclass
class Books:
    """One Stripe account."""

    name: str
    secret_key: str
    webhook_secret: str
    objects: dict[str, Object] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    events: list[Object] = field(default_factory=list)
    answers: dict[str, tuple[str, int, Object]] = field(default_factory=dict)  # by idempotency key
    running: set[str] = field(default_factory=set)
    paid_out: dict[str, str] = field(default_factory=dict)  # balance transaction: its payout
    plans: dict[str, Object] = field(default_factory=dict)  # Checkout Session: the PaymentIntent it will make
    returns: dict[str, str] = field(default_factory=dict)  # PaymentIntent: where its customer goes afterwards
    listen: "Callable[[Books, Object], None] | None" = None
    webhook_url: str | None = None
    base: str = ""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def livemode(self) -> bool:
        return self.secret_key.startswith(("sk_live_", "rk_live_"))

    @property
    def secrets(self) -> dict[str, str]:
        """What a provider account of ours keeps of it."""
        return {"secret_key": self.secret_key, "webhook_secret": self.webhook_secret}

    def add(self, prefix: str, **known: Any) -> Object:
        """A new object."""
        name = f"{prefix}_{self.name.removeprefix('acct_')}{next(self._numbers):06d}"
        created = known.pop("created", int(time.time()))
        obj = shaped(KINDS[prefix], id=name, created=created, livemode=self.livemode, **known)
        self.objects[name] = obj
        return obj

    def get(self, name: str, prefix: str) -> Object:
        """An object by its id.

        Raises:
            Refused: there is none of this kind.
        """
        found = self.objects.get(name)
        if found is None or not name.startswith(prefix + "_"):
            raise missing(KINDS[prefix], name)
        return found

    def all(self, prefix: str, **equal: Any) -> list[Object]:
        """The objects of one kind, the newest first."""
        found = [obj for name, obj in self.objects.items() if name.startswith(prefix + "_")]
        return [obj for obj in reversed(found) if all(obj.get(name) == value for name, value in equal.items())]

    def emit(self, kind: str, obj: Object) -> Object:
        """Write down an event with the object as it is now."""
        number = f"evt_{self.name.removeprefix('acct_')}{next(self._numbers):06d}"
        event = shaped(
            "event",
            id=number,
            created=int(time.time()),
            livemode=self.livemode,
            type=kind,
            data={"object": copy.deepcopy(obj)},
            api_version="2026-10-28.endive",
        )
        self.events.append(event)
        if self.listen is not None:
            self.listen(self, event)
        return event

    def moved(self, verb: str, obj: Object, amount: int, net: int) -> None:
        """Write down a real movement."""
        intent = obj["payment_intent"] if obj["object"] != "payment_intent" else obj["id"]
        operation = obj["metadata"].get("onetill_capture" if verb == "capture" else "onetill_operation")
        self.effects.append(Effect(verb, amount, net, obj["id"], intent, operation))

    def balance(self, obj: Object, category: str, net: int, fee: int = 0) -> Object:
        """A balance transaction: `net` before its fee, which is in euros as everything Stripe holds for us."""
        details = [{"amount": fee, "currency": "eur", "type": "stripe_fee", "application": None}]
        rate = RATES[obj["currency"]]
        held = round(net * rate)
        return self.add(
            "txn",
            amount=held,
            fee=fee,
            net=held - fee,
            currency="eur",
            exchange_rate=rate if rate != 1 else None,
            reporting_category=category,
            type=TYPES.get(category, category),
            source=obj["id"],
            fee_details=details if fee else [],
            status="pending",
        )

    def expanded(self, obj: Object, paths: list[str]) -> Object:
        """A copy as it is now, with other objects in the place of their ids."""
        answer: Object = copy.deepcopy(obj)
        for path in paths:
            self._expand(answer, path.split("."))
        return answer

    def _expand(self, at: Any, path: list[str]) -> None:
        if isinstance(at, list):
            for each in at:
                self._expand(each, path)
        elif isinstance(at, dict):
            name = at.get(path[0])
            if isinstance(name, str) and name in self.objects:
                at[path[0]] = copy.deepcopy(self.objects[name])
            if path[1:]:
                self._expand(at.get(path[0]), path[1:])

    def available(self) -> int:
        """What Stripe holds for the merchant."""
        return sum(row["net"] for row in self.all("txn"))

    def listed(self, rows: list[Object], params: Object, url: str) -> Object:
        """One page of a list."""
        created = params.get("created", {})
        since = created.get("gte", 0) if isinstance(created, dict) else created
        rows = [row for row in rows if row["created"] >= since]
        after = params.get("starting_after")
        if after is not None:
            names = [row["id"] for row in rows]
            rows = rows[names.index(after) + 1 :] if after in names else []
        limit = params.get("limit", 10)
        return {"object": "list", "url": url, "has_more": len(rows) > limit, "data": rows[:limit]}


def fee_of(method: str, amount: int) -> int:
    """What Stripe keeps of a charge."""
    fixed, points = FEES[method]
    return fixed + (amount * points + 5000) // 10_000

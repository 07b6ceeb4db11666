"""The fake's memory: the orders of one sales location, what really moved, and the exchanges it has to send."""

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.fakes.effects import Effect

Object = dict[str, Any]
ACTIONS: Final = {
    20: "PENDING",
    50: "PENDING",
    80: "PARTIAL PAYMENT",
    85: "VERIFY",
    95: "AUTHORIZE",
    97: "PARTLY CAPTURED",
    100: "PAID",
    -51: "PAID_CHECKAMOUNT",
    -63: "DENIED",
    -64: "DENIED",
    -80: "EXPIRED",
    -90: "CANCEL",
    -71: "CHARGEBACK",
    -81: "REFUND",
    -82: "PARTIAL REFUND",
}
REFUNDS_APART: Final = timedelta(seconds=6)


def now() -> str:
    """This moment, as Pay.nl writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


@dataclass
class Books:
    """One sales location with its two keys."""

    service_id: str
    service_secret: str
    token_code: str
    api_token: str
    base: str = ""
    webhook_url: str | None = None
    holds_cards: bool = False  # the location's own setting: cards are held until captured
    refunds_apart: timedelta = REFUNDS_APART
    orders: dict[str, Object] = field(default_factory=dict)
    refunded: dict[str, list[Object]] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    terminals: dict[str, Object] = field(default_factory=dict)
    clearing_lines: list[Object] = field(default_factory=list)
    settlements: list[Object] = field(default_factory=list)
    invoice_lines: list[Object] = field(default_factory=list)
    tell: "Callable[[Books, Object, str | None], None] | None" = None  # an exchange: signed, or the legacy action
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(100))

    @property
    def secrets(self) -> dict[str, str]:
        """What a provider account of ours keeps of it."""
        return {
            "service_id": self.service_id,
            "service_secret": self.service_secret,
            "token_code": self.token_code,
            "api_token": self.api_token,
        }

    def add(self, asked: Object) -> Object:
        """A new order that nobody has paid."""
        number = next(self._numbers)
        name = f"{self.service_id[3:7]}{self.service_id[8:]}{number:04d}X{number:05x}"
        method = asked.get("paymentMethod") or {}
        credit = method.get("id") == 2351
        order: Object = {
            "id": str(uuid.uuid4()),
            "orderId": name,
            "serviceId": self.service_id,
            "description": asked.get("description"),
            "reference": asked.get("reference"),
            "type": "credit" if credit else "sale",
            "receipt": None,
            "integration": asked.get("integration") or {"test": False},
            "amount": {"value": asked["amount"]["value"], "currency": asked["amount"].get("currency", "EUR")},
            "authorizedAmount": {"value": 0, "currency": asked["amount"].get("currency", "EUR")},
            "capturedAmount": {"value": 0, "currency": asked["amount"].get("currency", "EUR")},
            "payments": [],
            "stats": asked.get("stats") or {},
            "createdAt": now(),
            "modifiedAt": now(),
            "expiresAt": asked.get("expire"),
            "completedAt": None,
            "links": {
                "status": f"{self.base}/v1/orders/{name}/status",
                "abort": f"{self.base}/v1/orders/{name}/abort",
                "redirect": f"{self.base}/pay/{name}",
            },
        }
        set_status(order, 20)
        with self.lock:
            self.orders[name] = order
            self.refunded[name] = []
        order["_asked"] = asked
        return order

    def find(self, name: str) -> Object | None:
        """An order by its name or its UUID."""
        return self.orders.get(name) or next((each for each in self.orders.values() if each["id"] == name), None)

    def given_back(self, order: Object) -> int:
        """What was asked to be given back of an order, and did not come back."""
        return sum(each["amount"] for each in self.refunded[order["orderId"]] if each["state"] != "returned")

    def moved(self, verb: str, order: Object, amount: int, net: int, name: str) -> None:
        """Write down a real movement."""
        self.effects.append(Effect(verb, amount, net, name, order["orderId"], order["stats"].get("extra1")))

    def exchange(self, order: Object, legacy: str | None = None) -> None:
        """Tell of an order."""
        if self.tell is not None:
            self.tell(self, order, legacy)


def set_status(order: Object, code: int) -> None:
    """Bring an order to another state."""
    order["status"] = {"code": code, "action": ACTIONS[code]}
    order["modifiedAt"] = now()

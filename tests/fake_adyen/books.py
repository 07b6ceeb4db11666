"""The fake's memory: one merchant account at Adyen with its payments, the effect log and a clock that can be moved."""

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.fakes.effects import Effect

Object = dict[str, Any]
KEYS_LIVE: Final = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Kept:
    """What a request was answered under its idempotency key."""

    request: str
    status: int
    body: Any
    at: datetime


@dataclass
class Payment:
    """One authorisation: what is held, taken and given back of it, in minor units."""

    name: str
    reference: str
    currency: str
    held: int
    method: str
    captured: int = 0
    refunded: int = 0
    is_open: bool = True  # something may still be captured


@dataclass
class Change:
    """A capture, refund or cancellation that was received, and not carried out yet."""

    name: str
    verb: str
    payment: Payment
    amount: int
    reference: str
    is_done: bool = False


@dataclass
class Books:
    """One merchant account; `secrets` is what a provider account of ours keeps of it."""

    name: str
    base: str
    hmac_key: str
    webhook_url: str | None = None
    sessions: dict[str, Object] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    changes: dict[str, Change] = field(default_factory=dict)
    reports: dict[str, str] = field(default_factory=dict)  # by their names
    reported: list[int] = field(default_factory=list)  # how many effects each holds
    terminals: dict[str, Any] = field(default_factory=dict)  # by their device ids
    effects: list[Effect] = field(default_factory=list)
    answers: dict[str, Kept] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    by_hand: bool = False  # what was received waits until a test carries it out
    listen: "Callable[[Books, list[Object]], None] | None" = None
    together: int = 1  # so many items come in one webhook
    ahead: timedelta = timedelta()  # how far its clock was moved
    lock: threading.RLock = field(default_factory=threading.RLock)
    _waiting: list[Object] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def merchant_account(self) -> str:
        return f"Onetill_{self.name}"

    @property
    def api_key(self) -> str:
        return f"AQE_{self.name}"

    @property
    def secrets(self) -> dict[str, str]:
        report = {"report_api_key": f"{self.api_key}_reports"}
        return {"api_key": self.api_key, "merchant_account": self.merchant_account, "hmac_key": self.hmac_key, **report}

    def now(self) -> datetime:
        """Its clock."""
        return datetime.now(UTC) + self.ahead

    def later(self, **span: float) -> None:
        """Move its clock: `later(days=7)`."""
        self.ahead += timedelta(**span)

    def psp_reference(self) -> str:
        """A new name, as Adyen's: sixteen capitals and digits."""
        return f"{self.name.upper()[:8]:X<8}{next(self._numbers):08d}"

    def moved(self, verb: str, amount: int, net: int, name: str, payment: str, operation: str) -> None:
        """Write down a real movement."""
        self.effects.append(Effect(verb, amount, net, name, payment, operation))

    def tell(
        self,
        code: str,
        name: str,
        amount: int,
        *,
        success: bool = True,
        payment: Payment | None = None,
        currency: str = "EUR",
        reference: str = "",
        reason: str = "",
        method: str = "",
        additional: dict[str, str] | None = None,
    ) -> Object:
        """Something happened: an item, sent with others where `together` says so. `payment`: what it was done to."""
        item: Object = {
            "additionalData": dict(additional or {}),
            "amount": {"currency": payment.currency if payment else currency, "value": amount},
            "eventCode": code,
            "eventDate": self.now().isoformat(timespec="seconds"),
            "merchantAccountCode": self.merchant_account,
            "merchantReference": reference,
            "paymentMethod": payment.method if payment else method,
            "pspReference": name,
            "reason": reason,
            "success": "true" if success else "false",
        }
        if payment is not None:
            item["originalReference"] = payment.name
        with self.lock:
            self._waiting.append(item)
            if len(self._waiting) < self.together:
                return item
            sent, self._waiting = self._waiting, []
        if self.listen is not None:
            self.listen(self, sent)
        return item

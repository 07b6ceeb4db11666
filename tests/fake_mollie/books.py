"""The fake's memory: one profile at Mollie with its objects, its balance, the effect log and a clock that can be moved."""

import copy
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from tests.fakes.effects import Effect

Object = dict[str, Any]
KEYS_LIVE: Final = timedelta(hours=1)
# Fixed amount and share of each method, without VAT: four decimals, as in Mollie's costs.
FEES: Final = {
    "ideal": (Decimal("0.3200"), Decimal(0)),
    "creditcard": (Decimal("0.2500"), Decimal("0.0180")),
    "bancontact": (Decimal("0.3900"), Decimal(0)),
    "klarna": (Decimal("0.3500"), Decimal("0.0299")),
    "paypal": (Decimal("0.1000"), Decimal(0)),
    "banktransfer": (Decimal("0.2500"), Decimal(0)),
    "pointofsale": (Decimal("0.0500"), Decimal("0.0075")),
    "refund": (Decimal("0.2500"), Decimal(0)),
}
VAT: Final = Decimal("0.21")
RESOURCES: Final = {
    "tr": "payment",
    "cpt": "capture",
    "re": "refund",
    "chb": "chargeback",
    "stl": "settlement",
    "term": "terminal",
    "baltr": "balance-transaction",
}


@dataclass(frozen=True, slots=True)
class Kept:
    """What a request was answered under its idempotency key."""

    request: str
    status: int
    body: Any
    at: datetime


@dataclass
class Books:
    """One profile at Mollie; `secrets` is what a provider account of ours keeps of it."""

    name: str
    api_key: str
    organization_token: str
    base: str
    webhook_secrets: list[str]
    objects: dict[str, Object] = field(default_factory=dict)
    effects: list[Effect] = field(default_factory=list)
    answers: dict[str, Kept] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    costs: list[tuple[str, Decimal]] = field(default_factory=list)  # method, without VAT; since the last settlement
    webhook_url: str | None = None  # of next-generation webhooks
    events: list[Object] = field(default_factory=list)
    listen: "Callable[[Books, str, Object], None] | None" = None
    ahead: timedelta = timedelta()  # how far its clock was moved
    lock: threading.RLock = field(default_factory=threading.RLock)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @property
    def mode(self) -> str:
        return self.api_key.partition("_")[0]

    @property
    def secrets(self) -> dict[str, str]:
        return {
            "api_key": self.api_key,
            "organization_token": self.organization_token,
            "settlements_in_test_mode": "yes",  # whoever tries out with a fake wants its settlements, too
            "webhook_secret": self.webhook_secrets[-1],
        }

    def now(self) -> datetime:
        """Its clock."""
        return datetime.now(UTC) + self.ahead

    def later(self, **span: float) -> None:
        """Move its clock: `later(hours=1)`."""
        self.ahead += timedelta(**span)

    def stamp(self) -> str:
        """The moment as Mollie writes it: whole seconds."""
        return self.now().replace(microsecond=0).isoformat()

    def add(self, prefix: str, **known: Any) -> Object:
        """A new object."""
        name = f"{prefix}_{self.name}{next(self._numbers):06d}"
        links = {"self": link(f"{self.base}/v2/{name}", "application/hal+json")}
        links |= known.pop("_links", {})
        obj = {"resource": RESOURCES[prefix], "id": name, "mode": self.mode, "createdAt": self.stamp(), **known}
        if prefix == "tr":
            links["checkout"] = link(f"{self.base}/checkout/{name}", "text/html")
        links["dashboard"] = link(f"https://www.mollie.com/dashboard/{name}", "text/html")
        self.objects[name] = {**obj, "_links": links}
        return self.objects[name]

    def all(self, prefix: str, **equal: Any) -> list[Object]:
        """The objects of one kind, the newest first."""
        found = [obj for name, obj in self.objects.items() if name.startswith(prefix + "_")]
        return [obj for obj in reversed(found) if all(obj.get(name) == value for name, value in equal.items())]

    def shown(self, obj: Object) -> Object:
        """An object as it is answered now; a payment with what was done to it counted up."""
        answer: Object = copy.deepcopy(obj)
        if obj["resource"] == "payment":
            answer |= self.sums(obj)
            if obj["status"] not in ("open", "pending"):
                answer["_links"].pop("checkout", None)
        return answer

    def sums(self, payment: Object) -> Object:
        """What was captured, given back and taken back of a payment, and what may still be given back."""
        if payment["status"] != "paid" and not self.all("cpt", paymentId=payment["id"]):
            return {}
        currency = payment["amount"]["currency"]
        captured, refunded = self.captured(payment), self.refunded(payment)
        back = sum(
            (decimal(row) for row in self.all("chb", paymentId=payment["id"]) if row["reversedAt"] is None), Decimal(0)
        )
        return {
            "amountCaptured": money(captured, currency),
            "amountRefunded": money(refunded, currency),
            "amountChargedBack": money(back, currency),
            "amountRemaining": money(captured - refunded, currency),
        }

    def captured(self, payment: Object) -> Decimal:
        """What was taken of the customer."""
        if payment.get("captureMode") != "manual":
            return decimal(payment) if payment["status"] == "paid" else Decimal(0)
        done = [row for row in self.all("cpt", paymentId=payment["id"]) if row["status"] != "failed"]
        return sum((decimal(row) for row in done), Decimal(0))

    def refunded(self, payment: Object) -> Decimal:
        """What was or is being given back."""
        ended = ("failed", "canceled")
        rows = [row for row in self.all("re", paymentId=payment["id"]) if row["status"] not in ended]
        return sum((decimal(row) for row in rows), Decimal(0))

    def moved(self, verb: str, obj: Object, net: int) -> None:
        """Write down a real movement, in cents."""
        payment = obj["id"] if obj["resource"] == "payment" else obj["paymentId"]
        operation = operation_of(obj)
        self.effects.append(Effect(verb, abs(net), net, obj["id"], payment, operation))

    def balance(self, kind: str, amount: Decimal, currency: str, *, cost: str | None = None, **context: str) -> Object:
        """A balance transaction, whose deductions are rounded to cents, as the settlement's costs are not."""
        net = Decimal(0)
        if cost is not None:
            fixed, share = FEES[cost]
            net = (fixed + share * abs(amount)).quantize(Decimal("0.0001"))
            self.costs.append((cost, net))
        gross = (net * (1 + VAT)).quantize(Decimal("0.01"))
        return self.add(
            "baltr",
            type=kind,
            initialAmount=money(amount, currency),
            deductions=money(-gross, currency),
            resultAmount=money(amount - gross, currency),
            context=context,
        )

    def tell(self, kind: str, obj: Object) -> None:
        """Something happened: its webhooks are sent. `kind` is that of a next-generation event."""
        if self.listen is not None:
            self.listen(self, kind, obj)


def money(value: Decimal, currency: str) -> Object:
    """An amount with exactly its currency's decimals."""
    return {"currency": currency, "value": f"{value:.{0 if currency == 'JPY' else 2}f}"}


def decimal(obj: Object, name: str = "amount") -> Decimal:
    """An object's amount."""
    return Decimal(obj[name]["value"])


def cents(value: Decimal) -> int:
    """An amount in minor units."""
    return int(value.scaleb(2))


def operation_of(obj: Object) -> str | None:
    """Our name for what was done, as it was told."""
    metadata = obj.get("metadata")
    found = metadata.get("onetill_operation") if isinstance(metadata, dict) else None
    return str(found) if found else None


def link(href: str, kind: str) -> Object:
    """A link of Mollie's."""
    return {"href": href, "type": kind}

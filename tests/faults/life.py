"""A small life of a shop: what may break in it, and how those who find it broken go on.

`begin` sets the scene and `act` is what may break. It may be done again: a client repeats its requests under their
keys, a worker looks at what is due. Nothing but `stage` is remembered, since the process may be gone.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

import httpx
from django import db
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.module_loading import import_string

from payments import statistics
from payments.ledger import fold
from payments.ledger.audit import one_moment, violations
from payments.models import IdempotencyKey, Operation, Payment, ProviderEvent, Refund
from payments.notify.models import Lease, WebhookDelivery
from payments.notify.services.deliver import deliver
from payments.people.services import api_keys
from payments.services.recover import recover
from reconciliation.models import SettlementFile
from reconciliation.services.import_file import import_due
from tests import sql
from tests.builders import open_shop
from tests.responses import ClientResponse

PATIENCE: Final = 60.0
SWEEPS: Final[tuple[Callable[[], Any], ...]] = (recover, import_due, deliver, fold.fold_all, statistics.fold_all)
T = TypeVar("T")


class Unanswered(Exception):
    """The server broke under a request; whoever sent it will send it again."""


def on_its_own(work: Callable[[], T]) -> T:
    """Run one request or task with a connection as Django and Celery hand it out: a broken one is not used again."""
    db.close_old_connections()
    try:
        return work()
    finally:
        db.close_old_connections()


class Life:
    """One shop, its key, and a client that remembers nothing but the stage."""

    own: ClassVar[
        tuple[str, ...]
    ]  # the points (how their names begin) that are broken in this life by every `make test`

    steady: ClassVar[bool] = True  # passes its points as often every time

    def __init__(self, stage: dict[str, Any]) -> None:
        self.stage = stage
        self.http = Client(raise_request_exception=False)

    def begin(self) -> None:
        """A shop opens."""
        shop = open_shop()
        key = api_keys.create(
            merchant_id=shop.merchant.id, test_mode=True, scopes=["all"], channel_id=None, actor="tests"
        )
        self.stage |= {"merchant": shop.merchant.id, "web": shop.webshop.id, "store": shop.store.id, "key": key.text}
        self.prepare()

    def prepare(self) -> None:
        """What has happened before the life begins."""

    def act(self) -> None:
        """The life itself."""
        raise NotImplementedError

    def check(self) -> Iterator[str]:
        """What is wrong with the end of this life, beside what is asked of every life."""
        yield from ()

    def post(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """One request of the shop; the same key is the same request."""
        headers = {"Authorization": f"Bearer {self.stage['key']}", "Idempotency-Key": key}
        return self.send(path, json.dumps(body).encode(), headers)

    def pay(self, key: str, amount: int = 1250, **more: Any) -> dict[str, Any]:
        """A customer pays for an order of that name."""
        body = {"order_reference": key, "amount": amount, "currency": "EUR", "method": "card"}
        return self.post("/v1/payments", body | {"channel": self.stage["web"]} | more, key)

    def send(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        """One request of anybody."""
        return self.answered(partial(self.http.generic, "POST", path, body, "application/json", headers=headers))

    def answered(self, send: Callable[[], ClientResponse]) -> dict[str, Any]:
        """What a request is answered, if it is."""
        answer = on_its_own(send)
        if answer.status_code >= 500:
            raise Unanswered(answer.content)
        assert answer.status_code < 300, (answer.status_code, answer.content)
        return dict(json.loads(answer.content))

    def mend(self) -> list[str]:
        """Repeat it, let the workers work until nothing is left to do, and tell what is wrong then."""
        lapse()
        self.act()
        end = time.monotonic() + PATIENCE
        while left := _work():
            if time.monotonic() > end:
                return [f"stuck: {each}" for each in left]
            time.sleep(0.02)
        return [*self._wrong(), *self.check()]

    def payments(self) -> Any:
        return Payment.objects.filter(merchant_id=self.stage["merchant"]).order_by("id")

    def not_charged(self, amount: int) -> Iterator[str]:
        """Why the one charge did not end as it should: taken, or refused because the provider never heard of it."""
        (payment,) = self.payments()
        never_sent = payment.status == "declined" and payment.failure_code == "not_received"
        if payment.amount_captured != amount and not never_sent:
            yield f"{payment.status}: {payment.amount_captured} of {amount} captured"

    def _wrong(self) -> Iterator[str]:
        with one_moment():
            for found in violations(map(import_string, settings.LEDGER_AUDITS)):
                yield f"audit: {found}"
        if held := sql.session_locks(db.connection):
            yield f"{held} advisory locks are still held"
        named = self.payments().exclude(order__reference=None)
        orders = Counter(named.values_list("order__reference", flat=True))
        yield from (f"doubled: order {name}" for name, count in orders.items() if count > 1)
        unanswered = IdempotencyKey.objects.filter(merchant_id=self.stage["merchant"], status=None)
        yield from (f"never answered: {row.key}" for row in unanswered)
        yield from differences(self.payments().filter(provider_account__provider="simulator"))


def lapse() -> None:
    """Time passes: every lease is over, and what waits for its next attempt is due."""
    now = timezone.now() - timedelta(seconds=1)
    for model in (Operation, ProviderEvent, SettlementFile):
        model.objects.filter(due_at__isnull=False).update(due_at=now)
    IdempotencyKey.objects.filter(lease_until__isnull=False).update(lease_until=now)
    WebhookDelivery.objects.filter(status="pending").update(lease_until=None, next_attempt_at=now)
    Lease.objects.update(taken_until=now)


def differences(payments: Iterable[Payment]) -> Iterator[str]:
    """Where the books and the provider's own log of what it did do not agree."""
    moved: Counter[tuple[str, bool]] = Counter()
    rows = list(payments)
    for account in {row.provider_account_id for row in rows}:
        effects = httpx.get(f"{settings.SIMULATOR_URL}/effects", params={"account": account}, trust_env=False).json()
        for effect in effects["data"]:
            moved[effect["payment_reference"], effect["verb"] == "refund"] += abs(effect["net"])
    for row in rows:
        for is_refund, booked in ((False, row.amount_captured), (True, row.amount_refunded)):
            really = moved.pop((row.provider_reference or "", is_refund), 0)
            if booked != really:
                yield f"{row.id}: booked {booked}, moved {really} ({'refund' if is_refund else 'sale'})"
    yield from (f"moved {amount} for {reference}, and nobody knows" for (reference, _), amount in moved.items())


def _work() -> list[str]:
    """One round of every sweep; what is left to do after it."""
    lapse()
    for sweep in SWEEPS:
        on_its_own(sweep)
    left = [
        Operation.objects.filter(due_at__isnull=False),
        ProviderEvent.objects.filter(due_at__isnull=False),
        SettlementFile.objects.filter(status="processing"),
        WebhookDelivery.objects.filter(status="pending"),
        Refund.objects.filter(status="pending"),
    ]
    found = [str(row) for rows in left for row in rows.values_list("pk", flat=True)]
    return found + (["the fold"] if fold.age() else [])

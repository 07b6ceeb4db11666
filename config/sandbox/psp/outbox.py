"""The simulator's webhooks: stored with the change, signed at each attempt, repeated until they are accepted."""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Lock
from typing import Any, Final

import httpx
import msgspec
from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from config.sandbox.psp.names import moment, reference
from config.sandbox.psp.sql import Row, Store
from payments.providers.base import Outcome, ReportType
from payments.providers.simulator.wire import Event, Happening

logger: Final = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.5  # seconds before the second attempt; doubled for each further one
LONGEST_PAUSE: Final = 60.0
MOST_ATTEMPTS: Final = 60
SENDERS: Final = 8
PATIENCE: Final = 3.0  # seconds an answer waits for its webhook to go first


class Outbox:
    """Writes webhooks down inside the caller's transaction, and sends what is due."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._client = httpx.Client(timeout=5.0, trust_env=False)
        self._lock = Lock()
        self._sending: set[int] = set()

    def emit(self, happening: Happening, *, after: list[float]) -> None:
        """Store one event and a delivery for each number of seconds from now, if the account wants webhooks at all."""
        account = self._store.find("accounts", "id", happening.account)
        if account is None or not account["webhook_url"] or not account["webhook_secret"]:
            return
        type_ = f"{happening.fact}.{happening.outcome}"
        event = Event(id=reference("evt"), type=type_, created_at=moment(), data=happening)
        for seconds in after:
            self._store.add(
                "deliveries",
                event=event.id,
                account=happening.account,
                operation_id=happening.operation_id,
                body=msgspec.json.encode(event),
                due=time.time() + seconds,
            )

    def wait(self, operation_id: str) -> None:
        """Return when this operation's webhooks were taken, or when patience is at its end."""
        end = time.monotonic() + PATIENCE
        while self._store.undelivered(operation_id) and time.monotonic() < end:
            time.sleep(0.01)

    def send_due(self) -> None:
        """Hand what is due to the senders; what they are busy with is left to them."""
        for delivery in self._store.due_deliveries(time.time()):
            with self._lock:
                if delivery["number"] in self._sending:
                    continue
                self._sending.add(delivery["number"])
            self._pool.submit(self._send, delivery)

    def close(self) -> None:
        """Send nothing more; what is undelivered is sent by the next process."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _send(self, delivery: Row) -> None:
        try:
            values = self._attempt(delivery)
            self._store.change("deliveries", "number", delivery["number"], **values)
        except Exception:
            logger.exception("webhook %s was not sent", delivery["event"])
        finally:
            with self._lock:
                self._sending.discard(delivery["number"])

    def _attempt(self, delivery: Row) -> dict[str, float]:
        attempts = delivery["attempts"] + 1
        if self._taken(delivery):
            return {"attempts": attempts, "delivered": 1}
        if attempts >= MOST_ATTEMPTS:
            return {"attempts": attempts, "delivered": 2}
        pause = min(FIRST_PAUSE * 2 ** min(attempts - 1, 10), LONGEST_PAUSE)
        return {"attempts": attempts, "due": time.time() + pause}

    def _taken(self, delivery: Row) -> bool:
        try:
            signed = _signed(delivery)
            response = self._client.post(delivery["webhook_url"], content=delivery["body"], headers=signed)
        except (httpx.HTTPError, httpx.InvalidURL, EmptyWebhookSecretError, ValueError) as error:
            logger.debug("webhook %s: %r", delivery["event"], error)
            return False
        return response.is_success


def _signed(delivery: Row) -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(delivery["webhook_secret"]).sign(delivery["event"], now, delivery["body"].decode())
    return {
        "content-type": "application/json",
        "webhook-id": delivery["event"],
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }


def happened(fact: ReportType, row: Row, name: str, amount: int, **more: Any) -> Happening:
    """What happened to an operation's payment without anyone asking."""
    return Happening(
        fact=fact,
        outcome=Outcome.SUCCEEDED,
        reference=name,
        amount=amount,
        currency=row["currency"],
        account=row["account"],
        payment_reference=row["payment_reference"],
        original_reference=row["reference"],
        method=row["method"],
        occurred_at=moment(),
        **more,
    )

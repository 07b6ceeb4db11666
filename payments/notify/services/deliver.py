"""Deliver what is due: claimed by lease, sent with no transaction open, each endpoint held to its own pace.

One process at a time holds the deliverer's lease; it sends many at once from threads, so that a receiver that hangs
costs a thread and not a worker. A task that starts meanwhile ends at once: the holder looks again before it ends.
"""

import logging
import random
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone

from payments.notify import outbound, payloads, signing, sql
from payments.notify.models import WebhookDelivery, WebhookEndpoint
from payments.notify.services import endpoints, leases
from payments.notify.services.emit import DELIVER
from payments.notify.services.leases import HeldLease
from payments.runtime import task_queue
from payments.runtime.fail_points import fail_point

ANSWER_SECONDS: Final = 10.0
LEASE: Final = timedelta(seconds=30)  # of one delivery: longer than an attempt may take
AT_ONCE: Final = 48
AT_ONCE_FAILING: Final = 16  # threads of their own, so that many dead endpoints cannot take all the others
PER_ENDPOINT: Final = 4
FAILING_AFTER: Final = 3  # failed attempts in a row: from then on an endpoint is called once at a time
SHIFT_SECONDS: Final = 20.0  # how long one task holds the lease
LOOK_EVERY: Final = 0.1  # seconds, so that the lease is renewed in time though no answer comes
GONE: Final = 410

logger = logging.getLogger(__name__)

# After each failed attempt; the last lie three days after the first. Jitter keeps receivers from being hit in waves.
PAUSES: Final = tuple(
    timedelta(seconds=seconds)
    for seconds in (4, 20, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 43_200, 64_800, 86_400)
)
JITTER: Final = 0.2


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, ready to be sent by a thread that knows no database."""

    delivery_id: str
    number: int
    failing: bool
    url: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an attempt: the response's status, or why there is none."""

    status: int | None
    failure: str = ""

    @property
    def ok(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def deliver() -> int:
    """Send what is due, unless another process does. Return the number of attempts."""
    with ThreadPoolExecutor(AT_ONCE + AT_ONCE_FAILING, thread_name_prefix="deliver") as threads:
        crew = _Crew(threads)
        with leases.acquire() as lease:
            if lease is not None:
                fail_point("deliver.leased")
                crew.work(lease)
        if lease is not None:
            _enqueue_if_due()  # the next deliverer need not wait for the slow answers that `finish` waits for
        crew.finish()
    if crew.made:
        _enqueue_if_due()  # what had to wait for its endpoint's turn
    return crew.made


def _enqueue_if_due() -> None:
    if is_due():
        task_queue.enqueue_on_commit(DELIVER)


def is_due() -> bool:
    """Return whether some enabled endpoint with nothing under way has a delivery that is due."""
    moment = timezone.now()
    own = WebhookDelivery.objects.filter(endpoint=OuterRef("id"))
    return WebhookEndpoint.objects.filter(
        Exists(own.filter(status=WebhookDelivery.Status.PENDING, next_attempt_at__lte=moment)),
        ~Exists(own.filter(lease_until__gt=moment)),
        status=WebhookEndpoint.Status.ENABLED,
    ).exists()


def clear_stranded() -> int:
    """Delete or fail deliveries whose endpoint was deleted or disabled while their event was being written.

    Return how many there were.
    """
    pending = WebhookDelivery.objects.filter(status=WebhookDelivery.Status.PENDING)
    mine = WebhookEndpoint.objects.filter(id=OuterRef("endpoint_id"))
    deleted, _ = pending.filter(~Exists(mine)).delete()
    disabled = pending.filter(Exists(mine.filter(status=WebhookEndpoint.Status.DISABLED)))
    return deleted + disabled.update(
        status=WebhookDelivery.Status.FAILED, next_attempt_at=None, failure=endpoints.DISABLED
    )


class _Crew:
    """The threads that send, and the attempts under way. Only the caller's thread uses the database."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        self.made = 0
        self._threads = threads
        self._under_way: dict[Future[Answer], Attempt] = {}

    def work(self, lease: HeldLease) -> None:
        """Claim and send until nothing is left to do, the shift is over or the lease is lost."""
        ends = time.monotonic() + SHIFT_SECONDS
        self._claim()
        # Renewed at every turn: a process that has stopped loses it, and its claims run out by their own leases.
        while self._under_way and time.monotonic() < ends and lease.renew():
            self._collect()
            self._claim()

    def finish(self) -> None:
        """Wait for the attempts under way. Another process may hold the lease already."""
        while self._under_way:
            self._collect()

    def _claim(self) -> None:
        failing = sum(attempt.failing for attempt in self._under_way.values())
        healthy = len(self._under_way) - failing
        claimed = sql.claim(
            healthy=AT_ONCE - healthy,
            failing=AT_ONCE_FAILING - failing,
            per_endpoint=PER_ENDPOINT,
            failing_after=FAILING_AFTER,
            lease=LEASE,
        )
        fail_point("deliver.claimed")
        for attempt in _prepared(claimed):
            self._under_way[self._threads.submit(_send, attempt)] = attempt
        self.made += len(claimed)

    def _collect(self) -> None:
        done, _ = wait(self._under_way, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
        _record([(self._under_way.pop(future), future.result()) for future in done])


def _prepared(claimed: list[str]) -> list[Attempt]:
    """Return the claimed deliveries as attempts. If that fails (a secret cannot be decrypted), prepare each alone."""
    if not claimed:
        return []
    try:
        return _read(claimed)
    except Exception:
        logger.exception("%d deliveries could not be prepared at once; each is tried by itself", len(claimed))
        connection.close_if_unusable_or_obsolete()
    return [attempt for delivery_id in claimed for attempt in _prepared_alone(delivery_id)]


def _prepared_alone(delivery_id: str) -> list[Attempt]:
    """Return one attempt, or none if it cannot be prepared: that counts as a failed attempt of the schedule."""
    try:
        return _read([delivery_id])
    except Exception as error:
        logger.exception("delivery %s could not be prepared", delivery_id)
        connection.close_if_unusable_or_obsolete()
        _record_failure(delivery_id, f"It could not be prepared: {type(error).__name__}.")
        return []


def _record_failure(delivery_id: str, failure: str) -> None:
    """Plan the next attempt without reading the endpoint, which may be what cannot be read."""
    with transaction.atomic():
        row = WebhookDelivery.objects.select_for_update().filter(id=delivery_id).first()
        if row is not None:
            _write(row, Answer(None, failure))
            row.save(update_fields=["lease_until", "response_status", "status", "next_attempt_at", "failure"])


def _read(claimed: list[str]) -> list[Attempt]:
    moment = timezone.now()
    rows = WebhookDelivery.objects.filter(id__in=claimed).select_related("endpoint", "event").order_by("id")
    return [_attempt(row, moment) for row in rows]


def _attempt(row: WebhookDelivery, moment: datetime) -> Attempt:
    body = payloads.body(row.event)
    headers = signing.headers(
        message_id=row.event_id, body=body, moment=moment, secrets=signing.secrets_of(row.endpoint, moment)
    )
    return Attempt(
        delivery_id=row.id,
        number=row.attempts,
        failing=row.endpoint.failures >= FAILING_AFTER,
        url=row.endpoint.url,
        headers={"Content-Type": "application/json", "User-Agent": "Onetill/1"} | headers,
        body=body.encode(),
    )


def _send(attempt: Attempt) -> Answer:
    fail_point("deliver.sending")
    try:
        answer = Answer(outbound.post(attempt.url, headers=attempt.headers, body=attempt.body, seconds=ANSWER_SECONDS))
    except (outbound.AddressRefused, outbound.Unreachable) as error:
        answer = Answer(None, str(error)[:200])
    except Exception as error:  # a fault of one delivery must not end the others
        logger.exception("delivery %s could not be sent", attempt.delivery_id)
        answer = Answer(None, f"It could not be sent: {type(error).__name__}.")
    fail_point("deliver.sent")
    return answer


def _record(results: Sequence[tuple[Attempt, Answer]]) -> None:
    """Write the results of attempts. An answer that comes after its lease ran out counts only if it is a success."""
    answers = {attempt.delivery_id: (attempt, answer) for attempt, answer in results}
    judged: dict[str, list[Answer]] = defaultdict(list)
    with transaction.atomic():
        fail_point("deliver.opened")
        locked = WebhookDelivery.objects.select_for_update().filter(id__in=answers).order_by("id")
        rows = [row for row in locked if _counts(row, *answers[row.id])]
        for row in rows:
            _, answer = answers[row.id]
            _write(row, answer)
            judged[row.endpoint_id].append(answer)
        WebhookDelivery.objects.bulk_update(
            rows, ["lease_until", "response_status", "status", "next_attempt_at", "failure"]
        )
        fail_point("deliver.written")
    fail_point("deliver.recorded")
    # In a transaction of its own: `endpoints.update` locks the endpoint before its deliveries; here it would be after.
    for endpoint_id, given in sorted(judged.items()):
        _judge(endpoint_id, given)


def _counts(row: WebhookDelivery, attempt: Attempt, answer: Answer) -> bool:
    # A late failure says nothing: another attempt has begun since, and its answer counts.
    return answer.ok or row.attempts == attempt.number


def _write(row: WebhookDelivery, answer: Answer) -> None:
    row.lease_until = None
    row.response_status = answer.status
    if answer.ok:
        row.status, row.next_attempt_at, row.failure = WebhookDelivery.Status.SUCCEEDED, None, ""
    else:
        row.failure = answer.failure or f"Answered {answer.status}."
        _plan_next(row)


def _plan_next(row: WebhookDelivery) -> None:
    if row.status != WebhookDelivery.Status.PENDING:
        return  # its endpoint was disabled meanwhile
    failed = row.attempts - row.earlier_attempts
    if failed > len(PAUSES):
        row.status, row.next_attempt_at = WebhookDelivery.Status.FAILED, None
    elif failed > 0:  # 0: resent while this attempt was under way, and due already
        row.next_attempt_at = next_attempt(failed, timezone.now())


def next_attempt(failed: int, moment: datetime) -> datetime:
    """Return when to try again after the `failed`-th failure (from 1), spread by `JITTER`."""
    spread = random.uniform(-JITTER, JITTER)  # noqa: S311 (it spreads, it hides nothing)
    return moment + PAUSES[failed - 1] * (1 + spread)


def _judge(endpoint_id: str, answers: Sequence[Answer]) -> None:
    endpoint = WebhookEndpoint.objects.filter(id=endpoint_id)
    if any(answer.status == GONE for answer in answers):
        endpoints.disable_gone(endpoint_id)
    # One success is proof that the endpoint lives, whatever else failed beside it.
    elif any(answer.ok for answer in answers):
        endpoint.filter(failures__gt=0).update(failures=0)
    else:
        endpoint.update(failures=F("failures") + len(answers))

"""The sweep over operations: submits those whose task got lost, and fetches those without a final answer.

An operation whose outcome is unknown is fetched, never repeated under another key. What the provider never received is
submitted again under the same key, while the provider knows its keys (`Capabilities.keys_live`); but a charge whose
customer has long gone ends as declined. A provider that cannot be asked (`can_fetch`) gets the same request under the
same key again, which performs it if the first one never arrived.
"""

import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from payments.models import Operation, Payment, ProviderEvent
from payments.models.payment import PaymentStatus
from payments.providers import registry
from payments.providers.base import Outcome, Result, Verb
from payments.runtime import task_queue
from payments.runtime.fail_points import fail_point
from payments.runtime.sweeps import Sweep
from payments.services import charge_transitions, provider_call_log
from payments.services.receive import apply_event
from payments.services.record import record_answer
from payments.services.submit import LEASE, OPERATION, credentials_of, provider_request, submit
from payments.services.unit_of_work import UnitOfWork

logger = logging.getLogger(__name__)

ACTOR: Final = "system:recover"
MOST_AT_ONCE: Final = 200  # of each kind; what is left comes with the next beat
# A charge sent again after this would debit a customer who has paid in another way, or has left.
CHARGE_LIVES: Final = timedelta(minutes=15)  # after that nobody waits at the checkout any more
# A refund is owed however long it takes; after three days a person chooses another route.
REFUND_LIVES: Final = timedelta(days=3)
_CHARGES: Final = frozenset({Verb.SALE, Verb.AUTHORIZE})
_NOT_CHARGED: Final = "The provider never received this payment; nothing was charged."
_NOT_DONE: Final = "The provider did not do this. It is not sent again by itself, as it could be done twice then."
_NOT_RECEIVED: Final = dict.fromkeys(Verb, _NOT_DONE) | dict.fromkeys(_CHARGES, _NOT_CHARGED)
_WAITS: Final = "This provider cannot be asked; its webhook or its settlement will tell."


def recover(*, limit: int = MOST_AT_ONCE) -> int:
    """Take up everything that is due, each in its own transaction; return how many things were taken up."""
    # Operations first: their answers place events that wait for them, and pay what would expire.
    return _recover_operations(limit) + _apply_events(limit) + _expire_payments(limit)


def recover_operation(operation_id: str) -> None:
    """Fetch the outcome of one operation, or submit it if that was never done."""
    operation = OPERATION.one(operation_id)
    if operation.submitted_at is None:
        submit(operation_id, actor=ACTOR)
    # The provider never had it, so that the same key cannot move money twice.
    elif operation.outcome == Outcome.NOT_SENT:
        _send_again(operation)
    elif operation.outcome not in (Outcome.SUCCEEDED, Outcome.DECLINED):
        _resolve(operation)


def _recover_operations(limit: int) -> int:
    sweep = Sweep("payments.recover_operation")
    claimed = _claim(limit, sweep.resting)
    for operation_id, merchant_id in claimed:
        # A poisoned item is noted and rests; the others of this sweep are served all the same.
        with sweep.item(operation_id, merchant_id=merchant_id):
            recover_operation(operation_id)
    return len(claimed)


def look_again(operation_id: str) -> bool:
    """Have the provider asked at once about an operation without a final outcome; return whether it can be asked."""
    open_ones = Operation.objects.filter(id=operation_id, executor=Operation.Executor.PROVIDER)
    unknown = open_ones.filter(Q(outcome=None) | Q(outcome__in=[Outcome.UNKNOWN, Outcome.PENDING]))
    if not unknown.update(due_at=Now()):
        return False
    task_queue.enqueue_on_commit("payments.recover")
    return True


def _apply_events(limit: int) -> int:
    sweep = Sweep("payments.apply_event")
    due = ProviderEvent.objects.filter(due_at__lte=timezone.now()).exclude(id__in=sweep.resting)
    events = list(due.order_by("due_at").values_list("id", "merchant_id")[:limit])
    for event_id, merchant_id in events:
        with sweep.item(event_id, merchant_id=merchant_id):
            apply_event(event_id)
    return len(events)


def _expire_payments(limit: int) -> int:
    sweep = Sweep("payments.expire_payment")
    # Not PROCESSING: with a provider that is still working nobody may assume that the time is up.
    open_statuses = [PaymentStatus.REQUIRES_ACTION, PaymentStatus.AUTHORIZED]
    due = Payment.objects.filter(expires_at__lte=timezone.now(), status__in=open_statuses)
    payments = list(due.exclude(id__in=sweep.resting).select_related("merchant").order_by("expires_at")[:limit])
    for payment in payments:
        with sweep.item(payment.id, merchant_id=payment.merchant_id):
            _expire(payment)
    return len(payments)


def _resolve(operation: Operation) -> None:
    """Find out what became of an operation, and record that."""
    result = _outcome_of(operation)
    if result.outcome == Outcome.NOT_SENT and not _may_repeat(operation):
        result = Result(outcome=Outcome.DECLINED, code="not_received", detail=_NOT_RECEIVED[Verb(operation.verb)])
    # Counted before the answer is recorded, since that reads it for the next look.
    Operation.objects.filter(id=operation.id).update(attempts=operation.attempts + 1)
    record_answer(operation, result, actor=ACTOR)


def _outcome_of(operation: Operation) -> Result:
    """What the provider answers when it is asked, or to the same request again where it cannot be asked."""
    account = operation.provider_account
    provider = registry.provider(account.provider)
    asks = provider.fetch
    if not provider.capabilities.can_fetch:
        if operation.outcome == Outcome.PENDING or not _is_wanted(operation, provider.capabilities.keys_live):
            return Result(Outcome(operation.outcome or Outcome.UNKNOWN), code="cannot_be_asked", detail=_WAITS)
        asks = provider.execute
    began = time.perf_counter()
    try:
        fail_point("recover.asking")
        result = asks(provider_request(operation), credentials_of(account))
    except Exception:  # as in submit: a defect in the adapter must not lose the operation
        logger.exception("provider %s failed to report on %s", account.provider, operation.id)
        result = Result(outcome=Outcome.UNKNOWN, code="internal_error", detail="The answer could not be read.")
    fail_point("recover.answered")
    provider_call_log.note(operation, provider_call_log.FETCH, result, began=began)
    return result


def _may_repeat(operation: Operation) -> bool:
    """Whether what the provider says it never received may be sent again by itself.

    Not a charge: its customer saw no success and has gone. Nor what the provider could not recognize if the first
    request came in late after all: a person requests that anew.
    """
    return operation.verb not in _CHARGES and _is_wanted(operation, _keys_live(operation))


def _keys_live(operation: Operation) -> timedelta | None:
    return registry.provider(operation.provider_account.provider).capabilities.keys_live


def _is_wanted(operation: Operation, keys_live: timedelta | None) -> bool:
    """Whether an operation is young enough to be sent again, and for the provider to recognize it."""
    lives = CHARGE_LIVES if operation.verb in _CHARGES else REFUND_LIVES
    return timezone.now() - operation.created_at < (lives if keys_live is None else min(lives, keys_live))


def _send_again(operation: Operation) -> None:
    """Submit again what certainly never arrived, or decline what is too old: a refund's debt is open again then."""
    # Whether it may have arrived was answered when it was looked up (`_may_repeat`); what the provider refused to take
    # is wanted as long as it is owed.
    if _is_wanted(operation, None):
        # The claim wants it due; its sweep had moved the due time to the end of the sweep's own lease.
        Operation.objects.filter(id=operation.id).update(due_at=Now())
        submit(operation.id, actor=ACTOR)
        return
    result = Result(
        outcome=Outcome.DECLINED,
        code="provider_unreachable",
        detail="The provider could not be reached in time; nothing was moved.",
    )
    record_answer(operation, result, actor=ACTOR)


def _claim(limit: int, resting: Sequence[str]) -> list[tuple[str, str]]:
    """Take due operations (with their merchants) for the length of a lease; several sweeps share the work."""
    with transaction.atomic():
        fail_point("recover.opened")
        now = Now()  # by the database's clock, as the leases are
        due: QuerySet[Operation] = Operation.objects.filter(due_at__lte=now, executor=Operation.Executor.PROVIDER)
        free = due.exclude(id__in=resting).order_by("due_at").select_for_update(skip_locked=True)
        # Locked rows are skipped, so that a second sweep takes the next ones instead of waiting for this one.
        claimed = list(free.values_list("id", "merchant_id")[:limit])
        # What was never sent keeps its due time, so that `submit` can claim it.
        sent = Operation.objects.filter(id__in=[row[0] for row in claimed], submitted_at__isnull=False)
        sent.update(due_at=now + LEASE)
        fail_point("recover.written")
    fail_point("recover.committed")
    return claimed


def _expire(payment: Payment) -> None:
    """Nobody paid in time. If the money comes all the same, it is recorded like any late report."""
    with transaction.atomic():
        fail_point("expire.opened")
        uow = UnitOfWork(merchant=payment.merchant, actor=ACTOR, now=timezone.now())
        # Read again under the lock: it may have been paid since the sweep found it; then nothing is held any more.
        uow.lock([payment.order_id])
        charge_transitions.release(uow, uow.payments[payment.id], PaymentStatus.EXPIRED)
        uow.flush()
        fail_point("expire.written")
    fail_point("expire.committed")

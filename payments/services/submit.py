"""Ask a provider: claim the operation, call with no transaction open, record the answer."""

import json
import logging
import time
from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from payments.core.money import Money
from payments.db.compiled_queries import CompiledQuery
from payments.models import Operation, Payment, ProviderAccount
from payments.providers import registry
from payments.providers.base import Credentials, Outcome, ProviderRequest, Result, Verb
from payments.runtime.fail_points import fail_point
from payments.services import one_at_a_time, provider_call_log, sql
from payments.services.record import record_answer

logger = logging.getLogger(__name__)

# Longer than any provider's timeout: until it ends, no other process sends the operation.
LEASE: Final = timedelta(seconds=30)

# With all that a call needs.
OPERATION: Final = CompiledQuery(
    lambda operation_id: Operation.objects.filter(id=operation_id).select_related(
        "payment__order", "payment__customer", "provider_account__merchant", "merchant", "refund_part"
    )
)


def submit(operation_id: str, *, actor: str) -> None:
    """Send the provider an operation that was requested and not sent yet; harmless to repeat.

    The operation's id is the provider's idempotency key, so that even a call repeated after a crash moves money once.
    """
    # Two workers may have the task, or the sweep one of them: only the one whose claim changed the row goes on.
    if _claim(operation_id):
        operation = OPERATION.one(operation_id)
        record_answer(operation, _execute(operation), actor=actor)


def submit_new(operation: Operation, *, actor: str) -> Payment | None:
    """`submit` for an operation that the caller has just committed, which saves reading it again.

    Returns its payment as it was recorded; None when another process took it up meanwhile.
    """
    if not _claim(operation.id):
        return None
    # What the claim wrote, copied: reading the row again would be one more round trip of every payment.
    operation.attempts += 1
    operation.provider_account.merchant = operation.merchant
    return record_answer(operation, _execute(operation), actor=actor)


def resume(object_id: str, *, actor: str) -> None:
    """Submit what a payment or operation still has to send, for a request that broke off after it was committed."""
    # Only what was never sent: of an operation that was, the sweep fetches the outcome instead.
    waiting = Operation.objects.filter(
        Q(payment_id=object_id) | Q(id=object_id), executor=Operation.Executor.PROVIDER, submitted_at=None
    )
    for operation_id in waiting.values_list("id", flat=True):
        submit(operation_id, actor=actor)


def provider_request(operation: Operation) -> ProviderRequest:
    """The request to the provider that an operation stands for; the same at every repetition."""
    payment = operation.payment
    if payment is None:
        raise ValueError(f"{operation.id} has no payment to ask a provider about")
    tells_apart = not registry.provider(operation.provider_account.provider).capabilities.one_at_a_time
    return ProviderRequest(
        operation_id=operation.id,
        verb=Verb(operation.verb),
        amount=Money(operation.amount, operation.currency),
        payment_id=payment.id,
        method=payment.method,
        payment_reference=payment.provider_reference,
        operation_reference=operation.provider_reference,
        final=operation.final,
        return_url=payment.return_url or None,
        webhook_url=webhook_url(operation.provider_account),
        order_reference=payment.order.reference,
        description=payment.description or None,
        customer_email=(payment.customer.email or None) if payment.customer is not None else None,
        metadata=payment.metadata,  # the shop's own, so that its staff find the payment at the provider, too
        moved_before=None if tells_apart else one_at_a_time.moved_before(operation),
        sent_at=operation.submitted_at,
    )


def credentials_of(account: ProviderAccount) -> Credentials:
    """A provider account as its provider needs it, secrets decrypted."""
    return Credentials(
        account_id=account.id,
        provider=account.provider,
        currency=account.currency,
        external_id=account.external_id or None,
        secrets=json.loads(account.credentials or "{}"),
        test_mode=account.merchant.test_mode,
    )


def webhook_url(account: ProviderAccount) -> str:
    """Where this account's provider sends its webhooks."""
    return f"{settings.PUBLIC_URL}/providers/{account.provider}/{account.id}/webhooks"


def _claim(operation_id: str) -> bool:
    """Take the operation for the length of a lease; False when it is answered, or another process holds the lease."""
    # It would hold its locks for as long as the provider takes, and a rollback would forget that it was asked.
    if transaction.get_connection().in_atomic_block:
        raise RuntimeError("a provider is never called inside a transaction")
    named = {"id": operation_id, "executor": Operation.Executor.PROVIDER, "not_sent": Outcome.NOT_SENT}
    fail_point("submit.claiming")
    claimed = sql.done(sql.CLAIM_OPERATION, named | {"lease": LEASE.total_seconds()})
    fail_point("submit.claimed")
    return claimed


def _execute(operation: Operation) -> Result:
    account = operation.provider_account
    # Not the wall clock: it may be set meanwhile.
    began = time.perf_counter()
    if one_at_a_time.must_wait(operation):
        detail = "Another operation of this payment has no answer yet; this one is sent after it."
        return Result(Outcome.NOT_SENT, code="waits_for_another", detail=detail)
    try:
        fail_point("submit.calling")
        result = registry.provider(account.provider).execute(provider_request(operation), credentials_of(account))
    except Exception:  # a fault of ours in the translator must not lose the operation: it may have reached them
        logger.exception("provider %s failed on %s", account.provider, operation.id)
        result = Result(outcome=Outcome.UNKNOWN, code="internal_error", detail="The answer could not be read.")
    fail_point("submit.answered")
    provider_call_log.note(operation, operation.verb, result, began=began)
    return result

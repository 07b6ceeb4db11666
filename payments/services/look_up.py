"""Hints of providers: a webhook that only says there is news of a payment, and what the provider says when asked.

A hint is never believed. What is true now is asked of the provider with no transaction open, and recorded like any
report; and what we requested of that payment and have no answer to is looked at again at once.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from payments.core.ids import earliest
from payments.models import Operation, Payment, ProviderAccount, ProviderEvent
from payments.models.operation import IN_DOUBT
from payments.providers import registry
from payments.providers.base import HintedProvider, Outcome, ProviderReport, WebhookEvent
from payments.runtime import task_queue
from payments.services.submit import credentials_of

MOST_STRANGE: Final = 100


def look_up(row: ProviderEvent, hint: WebhookEvent) -> Sequence[ProviderReport] | None:
    """Return what the provider says of the payment that a hint is about; None: it gave no answer.

    A hint without proof about what is no payment of ours costs nobody a question, and reports nothing.
    """
    provider = registry.provider(row.provider_account.provider)
    if not isinstance(provider, HintedProvider):
        raise TypeError(f"{provider.code} gives hints and cannot be asked")
    if not hint.is_proven and not _is_about_ours(row.provider_account, hint):
        return ()
    return provider.look_up(hint.look_up, credentials_of(row.provider_account))


def is_worth_keeping(account: ProviderAccount, hint: WebhookEvent) -> bool:
    """Whether an event may be stored: one without proof, which anybody can send, must be about a payment of ours.

    While a charge has no answer and so no name, a hint about any name may be about that. As many as `MOST_STRANGE` in
    an hour are kept then; what they would have told is found by the sweep.
    """
    if hint.is_proven or not hint.look_up or _is_named(account, hint):
        return True
    if not _is_about_ours(account, hint):
        return False
    since = earliest("pev", timezone.now() - timedelta(hours=1))
    recent = ProviderEvent.objects.filter(provider_account=account, id__gte=since)
    return recent.exclude(status=ProviderEvent.Status.APPLIED)[:MOST_STRANGE].count() < MOST_STRANGE


def wake(row: ProviderEvent, hint: WebhookEvent) -> None:
    """Have the sweep look now at what was requested of the hint's payment and is not answered."""
    unanswered = Q(outcome=None) | Q(outcome__in=[Outcome.UNKNOWN, Outcome.PENDING])
    sent = Operation.objects.filter(unanswered, due_at__isnull=False, submitted_at__isnull=False)
    about = Q(payment__provider_reference=hint.look_up) | Q(id=hint.operation_id or "")
    # Not the call that is just being made: its lease ends when nobody can be making it any more.
    calling = Q(outcome=None, due_at__gt=Now())
    if sent.filter(about, provider_account=row.provider_account).exclude(calling).update(due_at=Now()):
        task_queue.enqueue_on_commit("payments.recover")


def _is_named(account: ProviderAccount, hint: WebhookEvent) -> bool:
    return Payment.objects.filter(provider_account=account, provider_reference=hint.look_up).exists()


def _is_about_ours(account: ProviderAccount, hint: WebhookEvent) -> bool:
    if _is_named(account, hint):
        return True
    # Its creation was never answered, so that only our own name tells whose it is; a hint without one may be about any
    # of those that stand without an answer.
    unnamed = Operation.objects.filter(provider_account=account, payment__provider_reference=None)
    if hint.operation_id is not None:
        return unnamed.filter(id=hint.operation_id).exists()
    asked = (Operation.Executor.PROVIDER, Operation.Executor.TERMINAL)
    return unnamed.filter(IN_DOUBT, executor__in=asked).exists()

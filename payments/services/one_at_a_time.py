"""Providers that give a capture or refund no name: one at a time, and told from the last one by the sum that moved."""

from typing import Final

from django.db.models import QuerySet, Sum

from payments.core.money import Money
from payments.models import Operation
from payments.models.operation import IN_DOUBT
from payments.providers import registry
from payments.providers.base import Outcome, Verb

_CHANGES: Final = (Verb.CAPTURE, Verb.CANCEL, Verb.REFUND)
_BY_THE_PROVIDER: Final = (Operation.Executor.PROVIDER, Operation.Executor.REPORTED)


def must_wait(operation: Operation) -> bool:
    """Whether another change of the same payment is under way at a provider that could not tell the two apart.

    Looked at when the claim of `operation` is committed: of two that are claimed at once at least one sees the other.
    """
    able = registry.provider(operation.provider_account.provider).capabilities
    if not able.one_at_a_time or operation.verb not in _CHANGES:
        return False
    return _beside(operation).filter(IN_DOUBT, executor=Operation.Executor.PROVIDER, verb__in=_CHANGES).exists()


def moved_before(operation: Operation) -> Money | None:
    """What our books know to have moved by other captures (or refunds) of the payment, made by its provider."""
    if operation.verb not in (Verb.CAPTURE, Verb.REFUND):
        return None
    moved = _beside(operation).filter(
        verb=operation.verb,
        executor__in=_BY_THE_PROVIDER,
        outcome__in=[Outcome.SUCCEEDED, Outcome.PENDING],
        reversed_at=None,
    )
    return Money(moved.aggregate(sum=Sum("amount"))["sum"] or 0, operation.currency)


def _beside(operation: Operation) -> QuerySet[Operation]:
    of_payment = Operation.objects.filter(payment_id=operation.payment_id)
    return of_payment.filter(provider_account_id=operation.provider_account_id).exclude(id=operation.id)

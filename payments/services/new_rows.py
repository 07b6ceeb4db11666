"""Payments and operations are made here, and nowhere else: what each of them must have is asked for by name."""

from datetime import datetime
from typing import Any

from payments.core.money import Money
from payments.models import Channel, Operation, Order, Payment, ProviderAccount, RefundPart
from payments.providers.base import Verb
from payments.services.unit_of_work import UnitOfWork


def new_payment(
    uow: UnitOfWork,
    *,
    order: Order,
    channel: Channel,
    provider_account: ProviderAccount,
    origin: str,
    method: str | None,
    amount: Money,
    occurred_at: datetime,
    **columns: Any,
) -> Payment:
    """Add a payment to the unit of work; its order must be held there. It has an open item of its own."""
    return uow.add(
        Payment(
            merchant=uow.merchant,
            order=order,
            channel=channel,
            provider_account=provider_account,
            item=uow.next_open_item(),
            origin=origin,
            method=method,
            amount=amount.amount,
            currency=amount.currency,
            occurred_at=occurred_at,
            business_day=uow.merchant.business_day(occurred_at),
            created_at=uow.now,
            **columns,
        )
    )


def new_operation(
    uow: UnitOfWork,
    verb: Verb,
    *,
    executor: str,
    provider_account: ProviderAccount,
    amount: Money,
    payment: Payment | None,
    refund_part: RefundPart | None = None,
    **columns: Any,
) -> Operation:
    """Add an operation to the unit of work.

    One that a provider is to carry out is due at once: the caller may submit it after the commit, and where that is
    lost the sweep finds it. Nothing else is looked at again.
    """
    due_at = uow.now if executor == Operation.Executor.PROVIDER else None
    return uow.add(
        Operation(
            merchant=uow.merchant,
            payment=payment,
            refund_part=refund_part,
            provider_account=provider_account,
            verb=verb,
            executor=executor,
            amount=amount.amount,
            currency=amount.currency,
            actor=uow.actor,
            due_at=due_at,
            created_at=uow.now,
            **columns,
        )
    )

"""Refunds that happened without us, at a provider's dashboard or a terminal: booked as the facts that they are."""

from datetime import datetime

from payments.accounting import journal
from payments.models import Channel, Operation, Order, Payment, ProviderAccount, Refund, RefundPart
from payments.models.refund import PartStatus, RefundStatus, Route
from payments.providers.base import Outcome
from payments.services.refunds import transitions
from payments.services.unit_of_work import UnitOfWork


def report(
    uow: UnitOfWork,
    *,
    order: Order,
    payment: Payment | None,
    channel: Channel,
    provider_account: ProviderAccount,
    amount: int,
    reference: str | None,
    reason: str,
    at: datetime,
    operator: str = "",
    terminal_id: str | None = None,
    tip: int = 0,
) -> Operation:
    """Book one, whatever is left to give back.

    Returns its operation, from which its part and refund can be reached. Without a payment no sale is known for it:
    the order is one of its own, and the caller opens a discrepancy to find the sale.
    """
    refund = uow.add(
        Refund(
            merchant=uow.merchant,
            order=order,
            channel=channel,
            amount=amount,
            currency=order.currency,
            status=RefundStatus.SUCCEEDED,
            reason=reason[:200],
            requested_by=uow.actor,
            operator=operator,
            reported=True,
            occurred_at=at,
            business_day=uow.merchant.business_day(at),
            created_at=uow.now,
        )
    )
    part = uow.add(_reported_part(uow, refund, payment, terminal_id, tip))
    operation = _reported_operation(uow, part, provider_account, reference, at)
    transitions.shift(uow, part, refunded=amount)
    uow.note_transition(part.id, PartStatus.QUEUED, PartStatus.SUCCEEDED, operation)
    uow.book(
        journal.refund_accepted(uow.merchant, part, channel.id, order.currency, at),
        journal.refund_paid(uow.merchant, part, operation, channel.id, at),
    )
    uow.add_statistics(transitions.figures(part, refunds_amount=amount, refunds_count=1))
    uow.emit("refund.succeeded", refund)
    return operation


def _reported_part(
    uow: UnitOfWork, refund: Refund, payment: Payment | None, terminal_id: str | None, tip: int
) -> RefundPart:
    return RefundPart(
        refund=refund,
        payment=payment,
        item=uow.next_open_item(),
        position=0,
        amount=refund.amount,
        tip=tip,
        route=Route.ORIGINAL if terminal_id is None else Route.TERMINAL,
        status=PartStatus.SUCCEEDED,
        terminal_id=terminal_id,
        expected_at=refund.occurred_at,
    )


def _reported_operation(
    uow: UnitOfWork, part: RefundPart, account: ProviderAccount, reference: str | None, at: datetime
) -> Operation:
    return transitions.new_operation_of(
        uow,
        part,
        account,
        Operation.Executor.REPORTED,
        outcome=Outcome.SUCCEEDED,
        provider_reference=reference,
        occurred_at=at,
        completed_at=uow.now,
    )

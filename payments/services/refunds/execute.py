"""Carry out accepted parts of a refund: create the operations of providers, and do at once what our own books can."""

from collections.abc import Sequence
from typing import Final

from django.conf import settings

from payments.core.money import Money
from payments.models import Operation, Order, ProviderAccount, Refund, RefundPart, Voucher
from payments.models.payment import Method
from payments.models.refund import PartStatus, Route
from payments.providers import registry
from payments.providers.base import Outcome, Result, Verb
from payments.runtime import task_queue
from payments.services import charge_limit, charge_transitions, voucher
from payments.services.default_account import default_account
from payments.services.new_rows import new_operation, new_payment
from payments.services.refunds import transitions
from payments.services.unit_of_work import UnitOfWork
from payments.services.voucher import NewVoucher

Executor = Operation.Executor
_EXECUTOR: Final = {
    Route.TERMINAL: Executor.TERMINAL,
    Route.BANK: Executor.BANK,
    Route.VOUCHER: Executor.RECORDED,
    Route.CASH: Executor.RECORDED,
}


def carry_out(uow: UnitOfWork, *, refund: Refund, parts: Sequence[RefundPart]) -> str | None:
    """Give each queued part its operation; return the code of a voucher made for them, which is stored nowhere.

    Vouchers and cash are done at once, banks wait for a person to release. The task for what a provider has to do is
    enqueued once all of this is committed.
    """
    made = _voucher_for(uow, refund, parts)
    for part in parts:
        operation = _operation(uow, part)
        if operation.executor == Executor.RECORDED:
            _do(uow, part, operation)
        elif operation.executor == Executor.BANK:
            uow.transition(part, PartStatus.PENDING, operation=operation)
        elif operation.executor in settings.OPERATION_TASKS:
            task_queue.enqueue_on_commit(settings.OPERATION_TASKS[operation.executor], operation.id)
    if made is not None and refund.exchange_for_id is not None:
        _exchange(uow, made.voucher, refund, uow.orders[refund.exchange_for_id])
    return None if made is None else made.code


def _voucher_for(uow: UnitOfWork, refund: Refund, parts: Sequence[RefundPart]) -> NewVoucher | None:
    """One voucher for all that goes back by voucher."""
    by_voucher = [part for part in parts if part.route == Route.VOUCHER]
    if not by_voucher:
        return None
    worth = Money(sum(part.amount for part in by_voucher), refund.currency)
    made = voucher.issue(uow, amount=worth, channel=refund.channel)
    for part in by_voucher:
        uow.change(part, voucher=made.voucher)
    return made


def _operation(uow: UnitOfWork, part: RefundPart) -> Operation:
    account = _account(uow, part)
    return transitions.new_operation_of(uow, part, account, _executor(part, account))


def _account(uow: UnitOfWork, part: RefundPart) -> ProviderAccount:
    """Who gives the money: the sale's provider, or our own books."""
    if part.payment is not None and part.route in (Route.ORIGINAL, Route.TERMINAL):
        return part.payment.provider_account
    return default_account(uow.merchant, Method.VOUCHER, part.refund.currency)


def _executor(part: RefundPart, account: ProviderAccount) -> Executor:
    if part.route != Route.ORIGINAL:
        return _EXECUTOR[Route(part.route)]
    instant = registry.provider(account.provider).capabilities.instant
    return Executor.RECORDED if instant else Executor.PROVIDER


def _do(uow: UnitOfWork, part: RefundPart, operation: Operation) -> None:
    """What needs nobody: the voucher is filled, the cash handed over."""
    if part.voucher is not None and part.route == Route.ORIGINAL:
        voucher.restore(uow, part.voucher, part.amount)
    transitions.apply_result(uow, operation, Result(outcome=Outcome.SUCCEEDED, occurred_at=uow.now))


def _exchange(uow: UnitOfWork, row: Voucher, refund: Refund, order: Order) -> None:
    """What came back pays for the new order: the refund's voucher is spent on it at once, as far as it is due."""
    charge_limit.check_known(uow, order)
    amount = row.balance if order.unpaid is None else min(row.balance, max(1, order.unpaid))
    charge_limit.check_due(uow, order, amount, param="exchange_for")
    voucher.take(uow, row, amount)
    payment = new_payment(
        uow,
        order=order,
        channel=refund.channel,
        provider_account=default_account(uow.merchant, Method.VOUCHER, order.currency),
        origin=refund.channel.kind,
        method=Method.VOUCHER,
        amount=Money(amount, order.currency),
        occurred_at=uow.now,
        customer_id=order.customer_id,
        voucher=row,
        description=f"Exchange of {refund.order}"[:200],
    )
    operation = new_operation(
        uow,
        Verb.SALE,
        executor=Executor.RECORDED,
        provider_account=payment.provider_account,
        payment=payment,
        amount=Money(amount, order.currency),
    )
    charge_transitions.apply_result(uow, operation, Result(outcome=Outcome.SUCCEEDED, occurred_at=uow.now))

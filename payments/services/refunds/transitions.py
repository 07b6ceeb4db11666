"""Transitions of a refund: what each decision, answer and report changes in parts, payments, order and books.

A part that is decided holds its amount on order and payment (`refund_reserved`); leaving turns that into `refunded`,
failing frees it. The debt of a failed part stays in the books (`refunds_payable`) until it is abandoned.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext_noop

from payments.accounting import journal
from payments.core.money import Money
from payments.models import Operation, Payment, ProviderAccount, Refund, RefundPart, StatisticDelta
from payments.models.discrepancy import DiscrepancyKind
from payments.models.payment import Method
from payments.models.refund import PartStatus, RefundStatus, Route
from payments.providers.base import BALANCE_TOO_SHORT, Outcome, Result, Verb
from payments.services import charge_transitions
from payments.services.new_rows import new_operation
from payments.services.unit_of_work import UnitOfWork
from payments.text.messages import message_columns

HELD: Final = frozenset({PartStatus.REQUIRES_APPROVAL, PartStatus.QUEUED, PartStatus.PENDING, PartStatus.UNKNOWN})
_AT_TERMINAL: Final = frozenset({PartStatus.QUEUED, PartStatus.PENDING, PartStatus.UNKNOWN})
_GIVEN_UP: Final = frozenset({PartStatus.REQUIRES_APPROVAL, PartStatus.CANCELED})


def reserve(uow: UnitOfWork, *, part: RefundPart) -> None:
    """Reserve a part's amount before any provider is called; the order's CHECK constraint guards the sum."""
    shift(uow, part, reserved=part.amount)


def accept(uow: UnitOfWork, *, refund: Refund, parts: Sequence[RefundPart], counts: bool = True) -> None:
    """The shop owes these parts from now on; each must hold its amount already. `counts`: the refund is a new one."""
    for at, part in enumerate(parts):
        uow.book(journal.refund_accepted(uow.merchant, part, refund.channel_id, refund.currency, uow.now))
        uow.add_statistics(figures(part, refunds_amount=part.amount, refunds_count=int(counts and at == 0)))
    uow.emit("refund.pending", refund)


Onward = Callable[[UnitOfWork, RefundPart, Operation], None]


def apply_result(uow: UnitOfWork, operation: Operation, result: Result, *, onward: Onward | None = None) -> None:
    """Apply an answer to a refund: the same whether it came from the call, a webhook, the sweep or a device.

    `onward` may send what failed by another route, in the same unit of work.
    """
    part = _part(uow, operation)
    if operation.reversed_at is not None:
        _note_contradiction(uow, operation, result)
        return
    if not charge_transitions.changes_outcome(operation, result):
        if operation.completed_at is None:
            uow.change(operation, due_at=charge_transitions.next_look(operation.attempts, uow.now))
        return
    charge_transitions.record_outcome(uow, operation, result)
    if result.expected_at is not None:
        uow.change(part, expected_at=result.expected_at)
    at = result.occurred_at or uow.now
    if result.outcome == Outcome.SUCCEEDED:
        _note_difference(uow, operation, result)
        _leave(uow, part, operation, at)
    elif result.outcome == Outcome.DECLINED:
        _fail(uow, part, operation, at)
        if onward is not None:
            onward(uow, part, operation)
    else:
        uow.transition(part, _WAITING[result.outcome], operation=operation)
        _note_short_balance(uow, part, result)
    settle(uow, part.refund)


def abandon(uow: UnitOfWork, *, part: RefundPart, code: str, detail: str) -> None:
    """Give a part up that has not left: what it held is free, and what was booked for it is taken back."""
    accepted = part.status != PartStatus.REQUIRES_APPROVAL
    if part.status in HELD:
        shift(uow, part, reserved=-part.amount)
    if accepted:
        refund = part.refund
        uow.book(journal.refund_abandoned(uow.merchant, part, refund.channel_id, refund.currency, uow.now))
        uow.add_statistics(figures(part, refunds_amount=-part.amount))
    uow.transition(part, PartStatus.CANCELED)
    uow.change(part, reasons=[*part.reasons, {"route": part.route, "code": code, "detail": detail}])
    if accepted and not _stands(uow, part.refund):
        uow.add_statistics(figures(_first(uow, part.refund), refunds_count=-1))
    settle(uow, part.refund)


def awaited_at_terminal(
    uow: UnitOfWork, *, payment: Payment, terminal_id: str, amount: int, any_of_order: bool = False
) -> Operation | None:
    """The operation of a part that waits for this terminal to give just this back: the device's report answers it.

    `any_of_order`: the device named no more than the order, so that a part of another payment of it may be meant; one
    of this very payment comes first.
    """
    waiting = [
        part
        for part in waiting_at_terminal(uow, terminal_id=terminal_id, amount=amount)
        if part.payment_id == payment.id or (any_of_order and part.refund.order_id == payment.order_id)
    ]
    part = min(waiting, key=lambda part: (part.payment_id != payment.id, part.id), default=None)
    return part.operations.filter(completed_at=None).first() if part is not None else None


def waiting_at_terminal(uow: UnitOfWork, *, terminal_id: str, amount: int) -> list[RefundPart]:
    """The parts of the held orders that wait for this terminal to give just this back."""
    uow.read_refunds()
    at_terminal = (part for part in uow.parts.values() if part.route == Route.TERMINAL)
    return [
        part
        for part in at_terminal
        if part.status in _AT_TERMINAL and (part.terminal_id, part.amount) == (terminal_id, amount)
    ]


def settle(uow: UnitOfWork, refund: Refund) -> None:
    """Bring a refund's status in line with its parts, and emit the event of what became of it."""
    statuses = {part.status for part in parts_of(uow, refund)}
    if statuses & HELD:
        status = RefundStatus.PENDING
    elif PartStatus.FAILED in statuses:
        status = RefundStatus.FAILED
    elif PartStatus.SUCCEEDED in statuses:
        status = RefundStatus.SUCCEEDED
    else:
        status = RefundStatus.CANCELED
    if status != refund.status and PartStatus.REQUIRES_APPROVAL not in statuses:
        uow.note_transition(refund.id, refund.status, status)
        uow.change(refund, status=status)
        if status != RefundStatus.PENDING:
            uow.emit(f"refund.{status.value}", refund)


def parts_of(uow: UnitOfWork, refund: Refund) -> list[RefundPart]:
    """The unit of work's own copies of a refund's parts, in their order."""
    uow.read_refunds()
    return [part for part in uow.parts.values() if part.refund_id == refund.id]


def new_operation_of(
    uow: UnitOfWork, part: RefundPart, account: ProviderAccount, executor: str, **columns: Any
) -> Operation:
    """Add the operation by which a part goes back; `columns` are what was reported of it."""
    return new_operation(
        uow,
        Verb.REFUND,
        executor=executor,
        provider_account=account,
        payment=part.payment,
        refund_part=part,
        amount=Money(part.amount, part.refund.currency),
        **columns,
    )


def shift(uow: UnitOfWork, part: RefundPart, *, reserved: int = 0, refunded: int = 0) -> None:
    """Move a part's amount on its order and on what it was paid with."""
    order, payment = uow.orders[part.refund.order_id], part.payment
    uow.change(order, refund_reserved=order.refund_reserved + reserved, refunded=order.refunded + refunded)
    if payment is not None:
        uow.change(
            payment,
            refund_reserved=payment.refund_reserved + reserved,
            amount_refunded=payment.amount_refunded + refunded,
        )


def figures(part: RefundPart, **measures: int) -> StatisticDelta:
    """A change of the statistics: where and when it came back, grouped by what was refunded."""
    refund, payment = part.refund, part.payment
    return StatisticDelta(
        merchant_id=refund.merchant_id,
        channel_id=refund.channel_id,
        business_day=refund.business_day,
        hour=refund.occurred_at.astimezone(refund.merchant.zone).hour,
        method=(payment.method or "") if payment is not None else Method.CARD.value,
        origin=payment.origin if payment is not None else refund.channel.kind,
        brand=(payment.card_brand or "") if payment is not None else "",
        currency=refund.currency,
        **measures,
    )


_WAITING: Final = {
    Outcome.PENDING: PartStatus.PENDING,
    Outcome.UNKNOWN: PartStatus.UNKNOWN,
    Outcome.NOT_SENT: PartStatus.QUEUED,
}


def _part(uow: UnitOfWork, operation: Operation) -> RefundPart:
    """The part an operation is for, as the unit of work holds it, with the operation tied to what it holds."""
    uow.read_refunds()
    part = uow.parts[operation.refund_part_id or ""]
    operation.merchant, operation.refund_part, operation.payment = uow.merchant, part, part.payment
    return part


def _leave(uow: UnitOfWork, part: RefundPart, operation: Operation, at: datetime) -> None:
    """The money is on its way to the customer. What had failed, or was even given up, left all the same."""
    held = part.amount if part.status in HELD else 0
    refund = part.refund
    if part.status == PartStatus.CANCELED:
        first = not _stands(uow, refund)
        uow.book(journal.refund_accepted(uow.merchant, part, refund.channel_id, refund.currency, at))
        uow.add_statistics(figures(part, refunds_amount=part.amount))
        if first:
            uow.add_statistics(figures(_first(uow, refund), refunds_count=1))
    shift(uow, part, reserved=-held, refunded=part.amount)
    uow.transition(part, PartStatus.SUCCEEDED, operation=operation)
    uow.book(journal.refund_paid(uow.merchant, part, operation, refund.channel_id, at))


def _fail(uow: UnitOfWork, part: RefundPart, operation: Operation, at: datetime) -> None:
    """It did not leave, or it came back: the amount is free again, the debt stays until a person abandons it."""
    if part.status == PartStatus.SUCCEEDED:
        shift(uow, part, refunded=-part.amount)
        uow.change(operation, reversed_at=uow.now)
        uow.resolve_discrepancy(f"missing_in_settlement:{operation.id}")
        uow.book(journal.refund_failed(uow.merchant, part, operation, part.refund.channel_id, at))
    elif part.status in HELD:
        shift(uow, part, reserved=-part.amount)
    uow.transition(part, PartStatus.FAILED, operation=operation)


def _note_short_balance(uow: UnitOfWork, part: RefundPart, result: Result) -> None:
    """Tell once that the provider lacks the merchant's money for it; it is tried again by itself."""
    known = any(reason["code"] == BALANCE_TOO_SHORT for reason in part.reasons)
    if result.code != BALANCE_TOO_SHORT or known:
        return
    detail = "The balance at the provider is too short. It is tried again for three days; pay in to speed it up."
    uow.change(part, reasons=[*part.reasons, {"route": part.route, "code": BALANCE_TOO_SHORT, "detail": detail}])
    uow.emit("refund.pending", part.refund)


def _stands(uow: UnitOfWork, refund: Refund) -> bool:
    """Whether anything of a refund is accepted and not given up."""
    return any(part.status not in _GIVEN_UP for part in parts_of(uow, refund))


def _first(uow: UnitOfWork, refund: Refund) -> RefundPart:
    """The part in whose groups the refund is counted."""
    return min(parts_of(uow, refund), key=lambda part: part.position)


def _note_difference(uow: UnitOfWork, operation: Operation, result: Result) -> None:
    """The provider gave back another amount than requested: booked as requested, with a discrepancy."""
    if result.amount is None or result.amount.amount == operation.amount:
        return
    uow.open_discrepancy(
        DiscrepancyKind.AMOUNT_DIFFERS,
        f"amount_differs:{operation.id}",
        **message_columns(
            gettext_noop("Asked to give back {asked}, the provider gave {given}."),
            asked=Money(operation.amount, operation.currency),
            given=result.amount,
        ),
        payment=operation.payment,
        amount=result.amount.amount - operation.amount,
        currency=operation.currency,
    )


def _note_contradiction(uow: UnitOfWork, operation: Operation, result: Result) -> None:
    """A refund that came back is not believed to have left after all; a person looks at it."""
    came_back = operation.occurred_at
    if result.outcome != Outcome.SUCCEEDED or result.occurred_at is None or came_back is None:
        return
    if result.occurred_at > came_back:
        uow.open_discrepancy(
            DiscrepancyKind.MISSING_IN_BOOKS,
            f"refund_left_again:{operation.id}",
            **message_columns(
                gettext_noop("The provider says that this refund left after it had come back. Ask the provider.")
            ),
            payment=operation.payment,
            amount=operation.amount,
            currency=operation.currency,
        )

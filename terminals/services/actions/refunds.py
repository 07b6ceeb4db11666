"""Retourpin: have a terminal give back on the card, as a part of a refund was planned.

A part of route `terminal` is offered to its terminal once, by itself, as soon as that is free. Where nobody came with
the card, the part waits on: a person has it presented again, or cancels it.
"""

from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from payments.core.errors import Conflict, Fault, ValidationFailed
from payments.core.ids import new_id
from payments.models import Operation, Payment, Refund, RefundPart
from payments.models.refund import PartStatus, Route
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.services import gate
from payments.providers.base import Verb
from payments.runtime.fail_points import fail_point
from payments.runtime.sweeps import Sweep
from payments.services.idempotency import IdempotencyGuard
from payments.services.refunds.plan import RefundRequest
from payments.services.refunds.request import request_refund
from terminals.models import ActionType, Terminal, TerminalAction
from terminals.services.actions.request import USUAL, begin, open_action, write_action
from terminals.services.actions.transitions import lock_terminal

WORK: Final = "terminals.offer_refund"
OFFERED_FOR: Final = 900  # seconds; the customer is at the counter, or on the way to it


def refund_at_terminal(
    *,
    terminal_id: str,
    payment: Payment,
    amount: int | None,
    operator: str,
    reason: str,
    expires_in: int = USUAL,
    actor: Actor,
    guard: IdempotencyGuard | None = None,
) -> TerminalAction | Refund:
    """Give back a sale on the card at a terminal; return the action, or the refund where a second person has to agree.

    Raises:
        Conflict: `terminal_not_active` or `terminal_busy`.
        Invalid: as `request_refund`; operator and reason are required.
        Forbidden: `permission_missing`.
    """
    _require_words(operator, reason)
    terminal = Terminal.objects.select_related("channel__merchant").get(id=terminal_id)
    gate.check(Action.REFUND, by=actor, merchant_id=terminal.merchant_id, channel_id=terminal.channel_id)
    with transaction.atomic():
        fail_point("retourpin.opened")
        locked, action_id = begin(terminal_id, guard)
        request = RefundRequest(
            order=payment.order,
            channel=terminal.channel,
            reason=reason,
            payment=payment,
            amount=amount,
            route=Route.TERMINAL,
            terminal_id=terminal_id,
            operator=operator,
        )
        refund = request_refund(request, actor=actor).refund
        waiting = _waiting().filter(refund_part__refund=refund).first()
        if waiting is None:
            return refund
        action = _write(locked, waiting, expires_in, name_of(actor), action_id)
        fail_point("retourpin.written")
    fail_point("retourpin.committed")
    return action


def present_again(
    *,
    terminal_id: str,
    refund: Refund,
    operator: str = "",
    reason: str = "",
    expires_in: int = USUAL,
    actor: Actor,
    guard: IdempotencyGuard | None = None,
) -> TerminalAction:
    """Have a terminal give back the part of a refund that waits for it.

    Raises:
        Conflict: `terminal_not_active` or `terminal_busy`; `refund_not_waiting`: nothing of it waits for this terminal.
        ValidationFailed: nobody's name stands on it: send the operator.
        Forbidden: `permission_missing`.
    """
    _require_words(operator or refund.operator, reason or refund.reason)
    terminal = Terminal.objects.only("merchant_id", "channel_id").get(id=terminal_id)
    gate.check(Action.REFUND, by=actor, merchant_id=terminal.merchant_id, channel_id=terminal.channel_id)
    with transaction.atomic():
        locked, action_id = begin(terminal_id, guard)
        waiting = _waiting().filter(refund_part__refund=refund, refund_part__terminal_id=terminal_id).first()
        if waiting is None:
            raise Conflict("refund_not_waiting", "Nothing of this refund waits for this terminal. Read the refund.")
        return _write(locked, waiting, expires_in, name_of(actor), action_id, operator=operator)


def offer_refunds(*, limit: int = 100) -> int:
    """Have terminals give back what was planned there and never offered; return how many were offered."""
    sweep = Sweep(WORK)
    due = _never_offered().exclude(id__in=sweep.resting).order_by("id")
    offered = 0
    for operation_id, merchant_id, terminal_id in due.values_list("id", "merchant_id", "refund_part__terminal_id")[
        :limit
    ]:
        with sweep.item(operation_id, merchant_id=merchant_id):
            offered += _offer(operation_id, terminal_id or "")
    return offered


def offer_refund(operation_id: str) -> bool:
    """Offer one refund to its terminal, if that is free; the sweep does it later where it is not."""
    terminal_id = Operation.objects.filter(id=operation_id).values_list("refund_part__terminal_id", flat=True).first()
    return bool(terminal_id) and _offer(operation_id, terminal_id or "")


@transaction.atomic
def _offer(operation_id: str, terminal_id: str) -> bool:
    terminal = lock_terminal(terminal_id)
    # Under the lock: another sweep, or a person, may have offered it since.
    operation = _never_offered().filter(id=operation_id).first()
    if operation is None or terminal.status != Terminal.Status.ACTIVE or open_action(terminal) is not None:
        return False
    _write(terminal, operation, OFFERED_FOR, operation.actor, new_id("act"))
    return True


def _write(
    terminal: Terminal, operation: Operation, expires_in: int, actor: str, action_id: str, *, operator: str = ""
) -> TerminalAction:
    part = operation.refund_part
    assert part is not None
    return write_action(
        terminal,
        ActionType.REFUND,
        id=action_id,
        operation=operation,
        payment=operation.payment,
        order=part.refund.order,
        refund_part=part,
        expires_in=expires_in,
        operator=operator or part.refund.operator,
        reason=part.refund.reason,
        actor=actor,
    )


def _waiting() -> QuerySet[Operation]:
    """The refunds that wait for a terminal."""
    parts = RefundPart.objects.filter(route=Route.TERMINAL, status=PartStatus.QUEUED)
    rows = Operation.objects.filter(refund_part__in=parts, verb=Verb.REFUND, executor=Operation.Executor.TERMINAL)
    return rows.filter(completed_at=None).select_related("refund_part__refund__order", "payment")


def _never_offered() -> QuerySet[Operation]:
    return _waiting().filter(~Exists(TerminalAction.objects.filter(operation=OuterRef("pk"))))


def _require_words(operator: str, reason: str) -> None:
    """Giving back on a card always has a name and a reason."""
    faults = [
        Fault(name, "required", f"Giving back on a card needs {what}. Send {name}.")
        for name, given, what in (("operator", operator, "a name"), ("reason", reason, "a reason"))
        if not given.strip()
    ]
    if faults:
        raise ValidationFailed(faults)

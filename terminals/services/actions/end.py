"""End an action that no transaction of the device ends: never sent, stopped, unknown to the device, or silent.

Each ending is recorded where the money stands, too: a payment is canceled, expired or of unknown outcome, and a refund
waits again. Whatever the device reports later is booked all the same.
"""

from datetime import datetime
from typing import Final

from payments.models import Operation
from payments.providers.base import Outcome, Verb
from payments.services.terminal_charge import conclude
from terminals.models import ActionStatus, ActionType, TerminalAction
from terminals.services.actions.transitions import follow, move

_DETAILS: Final = {
    "aborted": "Stopped before it was paid.",
    "expired": "The terminal did not take it in time; nothing was charged.",
    "not_found": "The terminal knows of no such payment; nothing was charged.",
    "unknown": "The terminal does not know what came of it.",
    "no_answer": "The terminal gave no answer in time.",
}
_CODES: Final = {ActionStatus.CANCELED: "canceled", ActionStatus.EXPIRED: "expired"}


def end_unmade(action: TerminalAction, status: ActionStatus, *, cause: str, actor: str, now: datetime) -> None:
    """Nothing was charged or given back, as far as is known: the payment ends, a refund's part waits again."""
    operation = _operation(action)
    # A refund that was not made is owed all the same; a charge that was not made is none.
    outcome = Outcome.NOT_SENT if operation.verb == Verb.REFUND else Outcome.DECLINED
    _conclude(action, operation, outcome, code=_CODES[status], cause=cause, actor=actor)
    if _has_moved_money(operation):
        follow(action, actor=actor, now=now)  # nothing that is said afterwards unmakes it
    else:
        move(action, status, cause=cause, actor=actor, now=now)


def leave_unknown(action: TerminalAction, *, cause: str, actor: str, now: datetime) -> None:
    """It may have happened: the order takes no other charge, finance sees its age, and the terminal is asked."""
    operation = _operation(action)
    _conclude(action, operation, Outcome.UNKNOWN, code="no_answer", cause=cause, actor=actor)
    if _has_moved_money(operation):
        follow(action, actor=actor, now=now)
    else:
        move(action, ActionStatus.UNKNOWN, cause=cause, actor=actor, now=now)


def _conclude(
    action: TerminalAction, operation: Operation, outcome: Outcome, *, code: str, cause: str, actor: str
) -> None:
    conclude(operation, outcome, code=code, detail=_DETAILS[cause], actor=actor)
    operation.refresh_from_db(fields=["outcome"])
    action.operation = operation


def _has_moved_money(operation: Operation) -> bool:
    return operation.outcome == Outcome.SUCCEEDED


def _operation(action: TerminalAction) -> Operation:
    """As it stands: an earlier look at it may be behind what a device has reported since."""
    assert action.type in (ActionType.SALE, ActionType.REFUND)
    related = ("provider_account__merchant", "payment", "refund_part__refund")
    return Operation.objects.select_related(*related).get(id=action.operation_id or "")

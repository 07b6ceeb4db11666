"""How an action's status changes: with its cause, under its terminal's lock, and with all that it ends."""

from datetime import datetime, timedelta
from typing import Any, Final

from payments.providers.base import Outcome
from payments.runtime import wake_up
from terminals.models import ActionStatus, ActionType, Terminal, TerminalAction

ASK_AFTER: Final = timedelta(seconds=15)  # after it expired, or after the last answer that settled nothing
_PAUSES: Final = (15, 15, 30, 60, 120, 300)  # seconds between two questions
_OF_OUTCOME: Final = {
    Outcome.SUCCEEDED: ActionStatus.SUCCEEDED,
    Outcome.DECLINED: ActionStatus.DECLINED,
    Outcome.UNKNOWN: ActionStatus.UNKNOWN,
}
_SETTLED: Final = frozenset(
    {ActionStatus.SUCCEEDED, ActionStatus.DECLINED, ActionStatus.CANCELED, ActionStatus.EXPIRED}
)


def lock_terminal(terminal_id: str) -> Terminal:
    """Lock a terminal with all that a device's request needs of it; every writer of its actions holds this first."""
    rows = Terminal.objects.select_related("merchant", "channel", "provider_account")
    return rows.select_for_update(of=("self",), no_key=True).get(id=terminal_id)


def move(
    action: TerminalAction, status: ActionStatus, *, cause: str, actor: str, now: datetime, **columns: Any
) -> None:
    """Give an action a status, note it with its cause, end what was asked about it, and wake who waits for it."""
    if action.status == status:
        return
    values = {"status": status, "history": [*action.history, entry(status, cause, actor, now)], **columns}
    if status in _SETTLED:
        values |= {"completed_at": now, "ask_at": None}
        _end_questions(action, status, actor, now)
    elif status == ActionStatus.UNKNOWN:
        values |= {"completed_at": None, "ask_at": now + pause(action)}
    for name, value in values.items():
        setattr(action, name, value)
    action.save(update_fields=list(values))
    wake_up.wake_on_commit(action.id, action.terminal_id)


def entry(status: str, cause: str, actor: str, now: datetime) -> dict[str, str]:
    """A line of an action's history."""
    return {"at": now.isoformat(), "status": str(status), "cause": cause, "actor": actor}


def follow(action: TerminalAction, *, actor: str, now: datetime) -> None:
    """Bring a sale's or refund's status in line with its operation, of which a device or anybody has told."""
    operation = action.operation
    status = _OF_OUTCOME.get(Outcome(operation.outcome)) if operation is not None and operation.outcome else None
    if status is None or (status == ActionStatus.DECLINED and action.status in _SETTLED):
        return
    late = action.status in _SETTLED or action.status == ActionStatus.UNKNOWN
    cause = "late" if late and status == ActionStatus.SUCCEEDED else "reported"
    move(action, status, cause=cause, actor=actor, now=now)


def pause(action: TerminalAction) -> timedelta:
    """How long to wait until the terminal is asked (again)."""
    return timedelta(seconds=_PAUSES[min(action.questions, len(_PAUSES) - 1)])


def _end_questions(action: TerminalAction, status: ActionStatus, actor: str, now: datetime) -> None:
    """What was asked about it is answered; stopping it has worked where nothing was charged."""
    stopped = status in (ActionStatus.CANCELED, ActionStatus.EXPIRED)
    for each in TerminalAction.objects.filter(target=action, status__in=["queued", "presented"]):
        worked = each.type == ActionType.STATUS or stopped
        ended = ActionStatus.SUCCEEDED if worked else ActionStatus.DECLINED
        move(each, ended, cause=f"target_{status.value}", actor=actor, now=now)

"""What a device does about actions: fetches the next one, says that it presents it, and what came of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db.models import Case, IntegerField, Value, When
from django.utils import timezone

from payments.core.errors import Conflict, NotFound
from payments.db import bulk
from payments.models import Operation
from payments.services.refunds import at_terminal
from terminals import sql
from terminals.models import ActionStatus, ActionType, Terminal, TerminalAction
from terminals.models.action import OPEN
from terminals.services.actions.end import end_unmade, leave_unknown
from terminals.services.actions.transitions import ASK_AFTER, move, pause
from terminals.services.authenticate import Key, Signed
from terminals.services.idempotency import Carried, Rendered, answer_once
from terminals.services.ingest import ingest
from terminals.services.posted import Result
from terminals.sql import DeviceRequestState

RELATED: Final = ("merchant", "channel", "order", "refund_part", "target")
NOTHING: Final = Rendered(204, b"")
WORDS: Final = ("unknown", "not_found", "in_progress", "aborted")


@dataclass(frozen=True, slots=True)
class ActionOutcome:
    """What a device's request about an action led to; with the result of the transaction where it posted one."""

    terminal: Terminal
    action: TerminalAction
    result: Result | None = None


Render = Callable[[ActionOutcome], Rendered]


def next_action(signed: Signed, key: Key, *, render: Render) -> Rendered:
    """Return what the device is to do next, or 204; the same action until the device says that it has it.

    Raises:
        Unauthenticated: the key is no longer the terminal's.
        Conflict: `signature_reused`.
    """
    # Nearly every poll finds nothing: that costs no lock, and leaves no row.
    if not sql.polled(terminal_id=signed.terminal_id, webhook_id=signed.kept_id):
        return NOTHING

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        action = take(terminal, timezone.now())
        return Carried(NOTHING if action is None else render(ActionOutcome(terminal, action)))

    return answer_once(signed, key, carry_out)


def acknowledge(signed: Signed, key: Key, action_id: str, *, render: Render) -> Rendered:
    """Note that the device presents an action.

    Raises:
        NotFound: this terminal has no such action.
        Conflict: `action_ended`: it is not to be presented any more; or `signature_reused`.
        Unauthenticated: the key is no longer the terminal's.
    """

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        now = timezone.now()
        action = _action(terminal, action_id)
        if not action.is_open:
            detail = f"This action is {action.status}: do not present it (any more)."
            raise Conflict("action_ended", detail, action=action.id, action_status=action.status)
        present(action, terminal.id, now)
        return Carried(render(ActionOutcome(terminal, action)), _seen(terminal, now))

    return answer_once(signed, key, carry_out)


def report_word(signed: Signed, key: Key, action_id: str, word: str, *, render: Render) -> Rendered:
    """Take what a device says of an action without a transaction: one of `WORDS`.

    Raises:
        NotFound: this terminal has no such action.
        Conflict: `signature_reused`.
        Unauthenticated: the key is no longer the terminal's.
    """

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        now = timezone.now()
        action = _action(terminal, action_id)
        apply_word(action, word, terminal.id, now)
        return Carried(render(ActionOutcome(terminal, action)), _seen(terminal, now))

    return answer_once(signed, key, carry_out)


def report_transaction(
    signed: Signed, key: Key, action_id: str, posted: Mapping[str, Any], *, render: Render
) -> Rendered:
    """Record the transaction by which a device answers an action, as any other that it posts.

    Raises:
        NotFound: this terminal has no such action.
        Conflict: `signature_reused`.
        Unauthenticated: the key is no longer the terminal's.
    """

    def carry_out(terminal: Terminal, state: DeviceRequestState) -> Carried:
        action = _action(terminal, action_id)
        subject = action.target if action.target is not None else action
        # The path says what the transaction answers; one that names another action is refused as contradictory.
        item = {"action": subject.id, **posted}
        results, unwritten = ingest(
            terminal, [item], places=[""], now=timezone.now(), state=state, only_action=subject.id
        )
        action.refresh_from_db()
        return Carried(render(ActionOutcome(terminal, action, results[0])), unwritten)

    return answer_once(signed, key, carry_out, open_items=1)


def take(terminal: Terminal, now: datetime) -> TerminalAction | None:
    """The next action in the order of urgency: a stop, a question, a card; what is over by now is passed by."""
    urgency = Case(
        When(type=ActionType.ABORT, then=Value(0)),
        When(type=ActionType.STATUS, then=Value(1)),
        default=Value(2),
        output_field=IntegerField(),
    )
    queued = TerminalAction.objects.filter(terminal=terminal, status=ActionStatus.QUEUED)
    for action in queued.select_related(*RELATED).order_by(urgency, "id"):
        if action.expires_at is not None and action.expires_at <= now:
            continue
        if action.sent_at is not None or _hand_over(action, terminal.id, now):
            return action
    return None


def _hand_over(action: TerminalAction, actor: str, now: datetime) -> bool:
    """Note that a device has it from now on; False where nobody wants it any more."""
    if action.type == ActionType.REFUND and not at_terminal.hand_over(_operation(action), actor=actor):
        move(action, ActionStatus.CANCELED, cause="refund_ended", actor=actor, now=now)
        return False
    action.sent_at = now
    # Whoever has been given it may have presented it: from here on silence is no answer.
    action.ask_at = action.expires_at + ASK_AFTER if action.expires_at is not None else None
    action.save(update_fields=["sent_at", "ask_at"])
    return True


def present(action: TerminalAction, actor: str, now: datetime) -> None:
    """Note that a device presents an action; the caller holds the terminal's lock.

    Raises:
        Conflict: `action_ended`, of a refund that nobody wants any more.
    """
    if action.status == ActionStatus.PRESENTED:
        return
    if action.sent_at is None and not _hand_over(action, actor, now):
        raise Conflict("action_ended", "This refund is not wanted any more: do not present it.", action=action.id)
    if action.type == ActionType.REFUND:
        at_terminal.present(_operation(action), actor=actor)
    move(action, ActionStatus.PRESENTED, cause="presented", actor=actor, now=now, presented_at=now)


def apply_word(action: TerminalAction, word: str, actor: str, now: datetime) -> None:
    """Apply what the device says of a sale or refund; as the answer to a question or stop it is about its target."""
    subject = action.target if action.target is not None else action
    if subject.status in (*OPEN, ActionStatus.UNKNOWN):
        if word in ("not_found", "aborted"):
            cause = "aborted" if word == "aborted" else "not_found"
            end_unmade(subject, ActionStatus.CANCELED, cause=cause, actor=actor, now=now)
        elif word == "unknown":
            leave_unknown(subject, cause="unknown", actor=actor, now=now)
        if subject.is_open or subject.status == ActionStatus.UNKNOWN:
            _ask_later(subject, now)
    action.refresh_from_db()
    if action.target is not None and action.is_open:
        answered = action.type == ActionType.STATUS or word in ("not_found", "aborted")
        status = ActionStatus.SUCCEEDED if answered else ActionStatus.DECLINED
        move(action, status, cause=word, actor=actor, now=now)


def _ask_later(action: TerminalAction, now: datetime) -> None:
    """Ask again after a pause that grows, though not before it has expired."""
    due = now + pause(action)
    action.ask_at = max(due, action.expires_at + ASK_AFTER) if action.is_open and action.expires_at else due
    action.save(update_fields=["ask_at"])


def _action(terminal: Terminal, action_id: str) -> TerminalAction:
    rows = TerminalAction.objects.filter(terminal=terminal).select_related(*RELATED)
    action = rows.filter(id=action_id).first() if "\0" not in action_id else None
    if action is None:
        raise NotFound("This terminal has not been asked for any such action.")
    return action


def _operation(action: TerminalAction) -> Operation:
    rows = Operation.objects.select_related("merchant", "refund_part__refund", "payment")
    return rows.get(id=action.operation_id or "")


def _seen(terminal: Terminal, now: datetime) -> list[bulk.Part]:
    terminal.last_seen_at = now
    return bulk.change([terminal], ["last_seen_at"])

"""The sweep over actions: what nobody fetched expires, and who gave no answer is asked until it is known."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from payments.providers.base import Outcome
from payments.runtime.fail_points import fail_point
from payments.runtime.sweeps import Sweep
from terminals.models import ActionStatus, TerminalAction
from terminals.models.action import MONEY_TYPES, OPEN
from terminals.services.actions.end import end_unmade, leave_unknown
from terminals.services.actions.request import ask_about
from terminals.services.actions.transitions import follow, lock_terminal, pause

ACTOR: Final = "system:terminals"
WORK: Final = "terminals.action"

Act = Callable[[TerminalAction, datetime], None]


def sweep(*, limit: int = 200) -> int:
    """Take up every action that is due, each in its own transaction; return how many were."""
    now = timezone.now()
    money = TerminalAction.objects.filter(type__in=MONEY_TYPES)
    settled = Q(operation__outcome__in=[Outcome.SUCCEEDED, Outcome.DECLINED])
    return (
        # First what is known by now, from wherever: it needs no question.
        _each(money.filter(settled, status__in=[*OPEN, ActionStatus.UNKNOWN]), _follow, limit)
        + _each(money.filter(status=ActionStatus.QUEUED, sent_at=None, expires_at__lte=now), _expire, limit)
        + _each(money.filter(ask_at__lte=now), _ask, limit)
    )


def _each(due: QuerySet[TerminalAction], act: Act, limit: int) -> int:
    sweep = Sweep(WORK)
    rows = due.exclude(id__in=sweep.resting).order_by("id")
    taken = list(rows.values_list("id", "merchant_id", "terminal_id")[:limit])
    for action_id, merchant_id, terminal_id in taken:
        with sweep.item(action_id, merchant_id=merchant_id):
            _take_up(action_id, terminal_id, act)
    return len(taken)


def _take_up(action_id: str, terminal_id: str, act: Act) -> None:
    with transaction.atomic():
        fail_point("action.sweeping")
        lock_terminal(terminal_id)
        # Under the lock: the device may have answered since the sweep found it.
        action = TerminalAction.objects.select_related("operation", "terminal__merchant").get(id=action_id)
        act(action, timezone.now())
        fail_point("action.swept")


def _follow(action: TerminalAction, now: datetime) -> None:
    follow(action, actor=ACTOR, now=now)


def _expire(action: TerminalAction, now: datetime) -> None:
    """No device was given it in time, so that nothing can have happened."""
    if action.status == ActionStatus.QUEUED and action.sent_at is None:
        end_unmade(action, ActionStatus.EXPIRED, cause="expired", actor=ACTOR, now=now)


def _ask(action: TerminalAction, now: datetime) -> None:
    """The device was given it and is silent: it may have happened, so that nobody assumes that it did not."""
    if action.ask_at is None or action.ask_at > now:
        return
    if action.is_open:
        leave_unknown(action, cause="no_answer", actor=ACTOR, now=now)
    if action.status != ActionStatus.UNKNOWN:
        return
    ask_about(action.terminal, action, actor=ACTOR, now=now)
    # One question at a time stands; a device that answers it with nothing new is asked again.
    action.questions += 1
    action.ask_at = now + pause(action)
    action.save(update_fields=["questions", "ask_at"])

"""Drive a terminal that its maker drives: what the terminal is to do is taken, asked of the maker, and recorded.

It is the device's part, played here: the same row is taken, the maker is asked with no transaction open, and its
answer becomes a transaction of the terminal, recorded as if the device had posted it. A process that dies in between
leaves an action without an answer, about which the maker is asked as any silent device is.
"""

from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments.core.money import Money
from payments.db import bulk
from payments.payloads import instant
from payments.providers.base import Outcome
from payments.runtime.fail_points import fail_point
from payments.runtime.sweeps import Sweep
from payments.services.submit import credentials_of
from terminals import sql
from terminals.models import ActionStatus, ActionType, Terminal, TerminalAction
from terminals.providers.base import Answer, Request, Till
from terminals.providers.registry import driver, drivers
from terminals.services.actions.device import apply_word, present, take
from terminals.services.actions.transitions import lock_terminal
from terminals.services.ingest import ingest

WORK: Final = "terminals.drive"
_WORDS: Final = {Outcome.PENDING: "in_progress", Outcome.UNKNOWN: "unknown"}
_NOT_MADE: Final = {"canceled": "aborted", "not_found": "not_found"}


def drive_all() -> int:
    """Drive every terminal that has something to do; return how many actions were taken up."""
    asking = [code for code, one in drivers().items() if one.asks]
    due = TerminalAction.objects.filter(status=ActionStatus.QUEUED, terminal__driver__in=asking)
    sweep, done = Sweep(WORK), 0
    named = due.exclude(terminal_id__in=sweep.resting).order_by("terminal_id")
    for terminal_id, merchant_id in set(named.values_list("terminal_id", "merchant_id")):
        with sweep.item(terminal_id, merchant_id=merchant_id):
            done += drive(terminal_id)
    return done


def drive(terminal_id: str) -> int:
    """Do what one terminal is asked for until nothing is left; return how many actions that were."""
    done = 0
    while (action := _begin(terminal_id)) is not None:
        fail_point("drive.taken")
        answer = _ask(action)
        fail_point("drive.answered")
        _record(action, answer)
        fail_point("drive.recorded")
        done += 1
    return done


@transaction.atomic
def _begin(terminal_id: str) -> TerminalAction | None:
    """Take the next action and note that it is presented: from then on only the maker knows what came of it."""
    terminal, now = lock_terminal(terminal_id), timezone.now()
    action = take(terminal, now)
    if action is not None:
        present(action, terminal.id, now)
    return action


def _ask(action: TerminalAction) -> Answer:
    maker = driver(action.terminal.driver)
    known = credentials_of(action.terminal.provider_account)
    till = Till(action.terminal.device_id or action.terminal_id, known.secrets, known.test_mode)
    if action.target_id is not None:
        ask_maker = maker.status if action.type == ActionType.STATUS else maker.cancel
        return ask_maker(action.target_id, till)
    request = Request(
        action_id=action.id,
        amount=Money(action.amount or 0, action.currency or ""),
        operator=action.operator,
        original=action.payment_id if action.type == ActionType.REFUND else None,
    )
    return maker.refund(request, till) if action.type == ActionType.REFUND else maker.start(request, till)


@transaction.atomic
def _record(action: TerminalAction, answer: Answer) -> None:
    terminal, now = lock_terminal(action.terminal_id), timezone.now()
    action = TerminalAction.objects.select_related("target", "terminal").get(id=action.id)
    subject = action.target or action
    if answer.outcome == Outcome.SUCCEEDED or (answer.outcome == Outcome.DECLINED and answer.code not in _NOT_MADE):
        # Asked twice, a maker says the same twice: it has charged one card.
        if _is_news(subject, answer):
            _post(terminal, subject, answer, now)
    elif answer.outcome == Outcome.NOT_SENT:
        # Of a charge that never left nothing came; a question or a stop that did not is no answer.
        apply_word(action, "aborted" if action.target is None else "unknown", terminal.id, now)
    else:
        apply_word(action, _NOT_MADE.get(answer.code) or _WORDS[answer.outcome], terminal.id, now)


def _is_news(subject: TerminalAction, answer: Answer) -> bool:
    goes_on = subject.is_open or subject.status == ActionStatus.UNKNOWN
    return goes_on or (answer.outcome == Outcome.SUCCEEDED and subject.status != ActionStatus.SUCCEEDED)


def _post(terminal: Terminal, subject: TerminalAction, answer: Answer, now: datetime) -> None:
    """Record the maker's answer as a transaction of the terminal, under the next number of its series."""
    state = sql.request_state(terminal_id=terminal.id, series=terminal.series, open_items=1)
    item = _transaction(terminal, subject, answer, now)
    _, unwritten = ingest(terminal, [item], places=[""], now=now, state=state)
    bulk.write(unwritten)


def _transaction(terminal: Terminal, subject: TerminalAction, answer: Answer, now: datetime) -> dict[str, Any]:
    charged = answer.charged or Money(subject.amount or 0, subject.currency or "")
    approved = answer.outcome == Outcome.SUCCEEDED
    card = answer.card
    found: dict[str, Any] = {
        "sequence": terminal.next_sequence,
        "type": subject.type,
        "amount": charged.amount,
        "currency": charged.currency,
        "outcome": "approved" if approved else "declined",
        "occurred_at": instant(answer.occurred_at or now.astimezone(UTC)),
        "action": subject.id,
        "tip": answer.tip or None,
        "operator": subject.operator or None,
        "reason": subject.reason or None,
        "decline_code": None if approved else answer.code or "declined",
        "card": {"brand": card.brand, "last4": card.last4, "fingerprint": card.fingerprint} if card.last4 else None,
        "entry_mode": card.entry_mode,
        "rrn": answer.rrn,
        "stan": answer.stan,
        "authorization_code": answer.authorization_code,
        "acquirer_tid": answer.acquirer_tid,
    }
    return {name: value for name, value in found.items() if value is not None}

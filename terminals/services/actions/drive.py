"""Drive a terminal that its maker drives: what the terminal is to do is taken, asked of the maker, and recorded.

It is the device's part, played here: the same row is taken, the maker is asked with no transaction open, and its
answer becomes a transaction of the terminal, recorded as if the device had posted it. A maker that is still at it is
asked every few seconds, until the action's time is over. A process that dies in between leaves an action without an
answer, about which the maker is asked as any silent device is.

One process sends an action, once. It looks again just before it sends: a process that stood still since it took the
action might else charge a card for which everybody else has learned by now that nothing was charged. For as long as a
request may be on its way, "the maker knows of no such request" is no answer either.
"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments.core.money import Money
from payments.db import bulk
from payments.models import Operation
from payments.payloads import instant
from payments.providers.base import Card, Outcome
from payments.runtime.fail_points import fail_point
from payments.runtime.sweeps import Sweep
from payments.services.submit import credentials_of, webhook_url
from payments.services.terminal_charge import known_outcome
from terminals import sql
from terminals.models import ActionStatus, ActionType, Terminal, TerminalAction
from terminals.providers.base import TIMEOUT, Answer, Request, Till
from terminals.providers.registry import driver, drivers
from terminals.services.actions.device import apply_word, present, take
from terminals.services.actions.transitions import follow, lock_terminal
from terminals.services.ingest import ingest

WORK: Final = "terminals.drive"
_WORDS: Final = {Outcome.PENDING: "in_progress", Outcome.UNKNOWN: "unknown"}
_NOT_MADE: Final = {"canceled": "aborted", "not_found": "not_found"}
_LEASE: Final = timedelta(seconds=10)  # from taking an action to sending it
_ON_ITS_WAY: Final = _LEASE + timedelta(seconds=TIMEOUT)
_POLLED_EVERY: Final = timedelta(seconds=2)
_NO_BRAND: Final = "unknown"
_NOT_SENT: Final = Answer(outcome=Outcome.NOT_SENT, code="lease_over")


def drive_all() -> int:
    """Drive every terminal that has something to do, and ask about what is under way; return how many that were."""
    return _drive_queued() + _poll_due()


def _drive_queued() -> int:
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


def _poll_due() -> int:
    sweep, done = Sweep(WORK), 0
    due = TerminalAction.objects.filter(poll_at__lte=timezone.now()).exclude(terminal_id__in=sweep.resting)
    for action_id, terminal_id, merchant_id in due.values_list("id", "terminal_id", "merchant_id"):
        with sweep.item(terminal_id, merchant_id=merchant_id):
            done += poll(action_id)
    return done


def poll(action_id: str) -> bool:
    """Ask the maker about an action that it is at; False where that is not due any more."""
    action = _claim_poll(action_id)
    if action is None:
        return False
    fail_point("drive.polling")
    known = _known_to_maker(action)
    answer = driver(action.terminal.driver).status(_request(known), _till(action))
    fail_point("drive.polled")
    # Until its time is over, a question without an answer says as little as "still at it".
    unsaid = answer.outcome in (Outcome.UNKNOWN, Outcome.NOT_SENT)
    _record(action, replace(answer, outcome=Outcome.PENDING, code="") if unsaid else answer)
    return True


@transaction.atomic
def _claim_poll(action_id: str) -> TerminalAction | None:
    """Take a question for one process; the next is asked after this one can have been answered."""
    rows = TerminalAction.objects.select_related("terminal__provider_account__merchant", "operation")
    action = rows.select_for_update(of=("self",), skip_locked=True).filter(id=action_id, poll_at__isnull=False).first()
    now = timezone.now()
    if action is None or action.poll_at is None or action.poll_at > now:
        return None
    # Past its time the sweep asks, with pauses that grow.
    is_over = not action.is_open or (action.expires_at is not None and action.expires_at <= now)
    action.poll_at = None if is_over else now + timedelta(seconds=TIMEOUT)
    action.save(update_fields=["poll_at"])
    return None if is_over else action


@transaction.atomic
def _begin(terminal_id: str) -> TerminalAction | None:
    """Take the next action and note that it is presented: from then on only the maker knows what came of it."""
    terminal, now = lock_terminal(terminal_id), timezone.now()
    action = take(terminal, now)
    if action is not None:
        present(action, terminal.id, now)
    return action


def _ask(action: TerminalAction) -> Answer:
    maker, till = driver(action.terminal.driver), _till(action)
    if action.target is not None:
        ask_maker = maker.status if action.type == ActionType.STATUS else maker.cancel
        return ask_maker(_request(_known_to_maker(action.target)), till)
    if not _may_send(action):
        return _NOT_SENT
    request = _request(action)
    return maker.refund(request, till) if request.is_refund else maker.start(request, till)


def _may_send(action: TerminalAction) -> bool:
    """Whether it still stands as this process took it, a moment ago."""
    since = timezone.now() - _LEASE
    rows = TerminalAction.objects.filter(id=action.id, status=ActionStatus.PRESENTED, presented_at__gt=since)
    return rows.exists()


def _till(action: TerminalAction) -> Till:
    known = credentials_of(action.terminal.provider_account)
    return Till(action.terminal.device_id or action.terminal_id, known.secrets, known.test_mode)


def _known_to_maker(action: TerminalAction) -> TerminalAction:
    """As it stands: the answer that named it may have come since this process read it."""
    rows = TerminalAction.objects.select_related("terminal__provider_account__merchant", "payment")
    return rows.get(id=action.id)


def _request(action: TerminalAction) -> Request:
    is_refund = action.type == ActionType.REFUND
    return Request(
        action_id=action.id,
        amount=Money(action.amount or 0, action.currency or ""),
        operator=action.operator,
        operation_id=action.operation_id or "",
        is_refund=is_refund,
        original=action.payment_id if is_refund else None,
        original_reference=_charged_as(action) if is_refund else None,
        webhook_url=webhook_url(action.terminal.provider_account),
        reference=action.maker_reference or _told_by_webhook(action),
    )


def _told_by_webhook(action: TerminalAction) -> str | None:
    """The name of a charge whose first answer was lost, where a webhook has told it since."""
    return action.payment.provider_reference if action.type == ActionType.SALE and action.payment else None


def _charged_as(refund: TerminalAction) -> str | None:
    """The maker's name for the charge that a refund is of; the provider's, where no terminal was asked for it."""
    sales = TerminalAction.objects.filter(payment_id=refund.payment_id, type=ActionType.SALE)
    named = sales.filter(maker_reference__isnull=False, terminal__driver=refund.terminal.driver).order_by("-id").first()
    if named is not None:
        return named.maker_reference
    return refund.payment.provider_reference if refund.payment is not None else None


@transaction.atomic
def _record(action: TerminalAction, answer: Answer) -> None:
    terminal, now = lock_terminal(action.terminal_id), timezone.now()
    rows = TerminalAction.objects.select_related("target__operation", "operation", "terminal__merchant")
    action = rows.get(id=action.id)
    subject = action.target or action
    _name(subject, answer)
    # A webhook may have told meanwhile. From here on the order is locked, so that none can tell in between.
    outcome = known_outcome(_operation(subject), answer.payment_reference, actor=terminal.id)
    answer = _while_on_its_way(subject, answer, now)
    if outcome == Outcome.SUCCEEDED:
        subject.refresh_from_db()
        follow(subject, actor=terminal.id, now=now)
    elif answer.outcome == Outcome.SUCCEEDED or (answer.outcome == Outcome.DECLINED and answer.code not in _NOT_MADE):
        # Asked twice, a maker says the same twice: it has charged one card.
        if _is_news(subject, answer):
            _post(terminal, subject, answer, now)
    elif answer.outcome == Outcome.NOT_SENT:
        # Of a charge that never left nothing came; a question or a stop that did not is no answer.
        apply_word(action, "aborted" if action.target is None else "unknown", terminal.id, now)
    else:
        apply_word(action, _NOT_MADE.get(answer.code) or _WORDS[answer.outcome], terminal.id, now)
    _poll_later(subject, answer, now)


def _name(subject: TerminalAction, answer: Answer) -> None:
    """Keep the maker's name for it, by which it is asked about and stopped."""
    if answer.reference and subject.maker_reference != answer.reference:
        subject.maker_reference = answer.reference
        subject.save(update_fields=["maker_reference"])


def _while_on_its_way(subject: TerminalAction, answer: Answer, now: datetime) -> Answer:
    """What the maker does not know yet may just be on its way to it, from the process that took the action."""
    started = subject.presented_at
    if answer.code == "not_found" and started is not None and now < started + _ON_ITS_WAY:
        return replace(answer, outcome=Outcome.PENDING, code="")
    return answer


def _poll_later(subject: TerminalAction, answer: Answer, now: datetime) -> None:
    """Ask a maker that is at it again soon: the customer and the till are waiting."""
    subject.refresh_from_db(fields=["status"])
    waits = subject.status == ActionStatus.PRESENTED and answer.outcome == Outcome.PENDING
    at = now + _POLLED_EVERY if waits else None
    if subject.poll_at != at:
        subject.poll_at = at
        subject.save(update_fields=["poll_at"])


def _operation(subject: TerminalAction) -> Operation:
    operation = subject.operation
    assert operation is not None  # whatever moves money has one: a constraint of the table
    return operation


def _is_news(subject: TerminalAction, answer: Answer) -> bool:
    goes_on = subject.is_open or subject.status == ActionStatus.UNKNOWN
    return goes_on or (answer.outcome == Outcome.SUCCEEDED and subject.status != ActionStatus.SUCCEEDED)


def _post(terminal: Terminal, subject: TerminalAction, answer: Answer, now: datetime) -> None:
    """Record the maker's answer as a transaction of the terminal, under the next number of its series."""
    state = sql.request_state(terminal_id=terminal.id, series=terminal.series, open_items=1)
    item = _transaction(terminal, subject, answer, now)
    [result], unwritten = ingest(terminal, [item], places=[""], now=now, state=state)
    if result.faults:
        # Of a driver's making: its answer must not be taken for recorded. The sweep says so, and asks again.
        raise ValueError(f"{subject.id}: {[f'{fault.param}: {fault.code}' for fault in result.faults]}")
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
        "card": _card(card) if card.last4 else None,
        "entry_mode": card.entry_mode,
        "rrn": answer.rrn,
        "stan": answer.stan,
        "authorization_code": answer.authorization_code,
        "acquirer_tid": answer.acquirer_tid,
    }
    return {name: value for name, value in found.items() if value is not None}


def _card(card: Card) -> dict[str, str | None]:
    """As a device posts it; a maker that tells no brand has not said that it is another one."""
    return {"brand": card.brand or _NO_BRAND, "last4": card.last4, "fingerprint": card.fingerprint}

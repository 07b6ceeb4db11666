"""Days of channels and months of merchants: which they are, whether they are closed, and what was decided of them."""

from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from django.utils import timezone

from payments import audit_log
from payments.core.errors import Invalid
from payments.ledger import days
from payments.ledger.days import Status
from payments.models import Channel, Merchant
from payments.notify.services.emit import NewEvent, emit
from payments.people.models import Approval
from reconciliation import payloads
from reconciliation.closing import Check, Scope, State
from reconciliation.models import Period, PeriodChange
from reconciliation.services.checklist import checklist


def day_of(channel: Channel, day: date) -> Scope:
    """The business day of a channel; it needs its merchant."""
    return Scope(merchant=channel.merchant, channel=channel, first=day)


def month_of(merchant: Merchant, day: date) -> Scope:
    """The month of a merchant in which a day lies."""
    return Scope(merchant=merchant, channel=None, first=day.replace(day=1))


def is_over(scope: Scope) -> bool:
    """Whether its last day is over: at midnight in UTC a shop in Amsterdam may still sell."""
    return timezone.now() >= scope.end


def refuse_unless_over(scope: Scope) -> None:
    """Raise Invalid `day_not_over` while the days of the scope still run."""
    if not is_over(scope):
        raise Invalid(
            "day_not_over", f"{scope.last} is not over yet in {scope.merchant.timezone}. Close {scope.name} after it."
        )


def status_of(scope: Scope, period: Period | None) -> Status:
    """Whether it is closed: a day by the ledger's lock, a month by the last that was decided about it."""
    if scope.channel is not None:
        return days.status(scope.merchant.id, scope.first, scope.channel.id)
    last = period.changes.last() if period is not None else None
    return Status.CLOSED if last is not None and last.status == PeriodChange.Status.CLOSED else Status.OPEN


def state_of(scope: Scope) -> State:
    """Read a day or month, and change nothing."""
    period = find(scope)
    changes = list(period.changes.all()) if period is not None else []
    status = status_of(scope, period)
    kept = changes[-1].checklist if changes and changes[-1].status == PeriodChange.Status.CLOSED else None
    checks = [Check(**each) for each in kept] if status == Status.CLOSED and kept else checklist(scope)
    waiting = Approval.objects.filter(subject_id=period.id, decision=None).first() if period is not None else None
    return State(scope=scope, status=status, checks=checks, changes=changes, waiting=waiting)


def find(scope: Scope) -> Period | None:
    """The period's row, if anything was ever asked or decided about it."""
    return Period.objects.filter(merchant=scope.merchant, channel=scope.channel, first=scope.first).first()


def find_or_make(scope: Scope) -> Period:
    """The period's row, under the lock of its days."""
    period, _ = Period.objects.get_or_create(merchant=scope.merchant, channel=scope.channel, first=scope.first)
    return period


def scope_of(period: Period) -> Scope:
    """What a period's row stands for; it needs its merchant and channel."""
    return Scope(merchant=period.merchant, channel=period.channel, first=period.first)


def note(period: Period, scope: Scope, change: PeriodChange) -> State:
    """Write down a closing or reopening: in the log, in the audit log, and as an event."""
    last = period.changes.last()
    change.period, change.number = period, last.number + 1 if last is not None else 1
    change.save(force_insert=True)
    state = state_of(scope)
    kind = "day" if scope.channel is not None else "month"
    after: dict[str, Any] = {kind: scope.name, "channel": scope.channel_id}
    if change.reason:
        after |= {"operator": change.operator, "reason": change.reason, "approval": change.approval}
    audit_log.write(
        actor=change.approved_by or change.actor,
        action=f"{kind}.{change.status}",
        subject=period,
        merchant_id=scope.merchant.id,
        after=after,
    )
    emit(
        [
            NewEvent(
                merchant_id=scope.merchant.id,
                channel_id=scope.channel_id,
                type=f"{kind}.{change.status}",
                object_type="close",
                object_id=period.id,
                data={"object": payloads.close(state)},
                test_mode=scope.merchant.test_mode,
            )
        ]
    )
    return state


def in_spans(chosen: Iterable[date], mark: Callable[[date, date], object]) -> None:
    """Call `mark` with the first and last of each run of days that follow one another."""
    ordered = sorted(chosen)
    if not ordered:
        return
    starts = [ordered[0], *(after for before, after in pairwise(ordered) if after - before > timedelta(days=1))]
    for start, following in zip(starts, [*starts[1:], date.max], strict=True):
        mark(start, max(day for day in ordered if day < following))

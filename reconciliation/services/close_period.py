"""Close a day of a channel, or a month of a merchant: what comes later is booked on the first day that is open.

One transaction: the ledger's lock of the days is taken first, so that who is booking is waited for and who comes finds
the days closed; then everything is checked, closed and written down, or nothing is.
"""

from collections import defaultdict
from datetime import date, timedelta

from django.db import transaction

from payments.core.errors import Conflict
from payments.ledger import days
from payments.ledger.days import Status
from payments.models import Channel
from payments.people.actions import Action
from payments.people.actors import Actor, name_of
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.runtime.fail_points import fail_point
from payments.services.idempotency import IdempotencyGuard
from reconciliation import payloads
from reconciliation.closing import Check, Scope, State, Why, approval_payload
from reconciliation.models import Period, PeriodChange
from reconciliation.services.checklist import checklist, failed, open_days, stored
from reconciliation.services.periods import (
    find_or_make,
    in_spans,
    note,
    refuse_unless_over,
    scope_of,
    state_of,
    status_of,
)


def close(
    scope: Scope, *, actor: Actor, override: Why | None = None, guard: IdempotencyGuard | None = None
) -> State | Approval:
    """Close it if everything is in order; in spite of what is not, if a second person agrees to the `override`.

    Return the state; of what is closed already, as it was closed. Return the approval that waits, where one does.

    Raises:
        Invalid: `day_not_over`.
        ValidationFailed: an override that does not say who and why.
        Conflict: `checklist_failed`, with the whole checklist; `approval_waiting`.
        Forbidden: as `gate.check`.
    """
    gate.check(
        Action.CLOSE_PERIOD if override is None else Action.OVERRIDE_CLOSE,
        by=actor,
        merchant_id=scope.merchant.id,
        channel_id=scope.channel_id,
    )
    refuse_unless_over(scope)
    if override is not None:
        override.check("override.")
    with transaction.atomic():
        done = _close_under_lock(scope, actor, override, guard)
        fail_point("close.written")
    fail_point("close.committed")
    return done


def _close_under_lock(
    scope: Scope, actor: Actor, override: Why | None, guard: IdempotencyGuard | None
) -> State | Approval:
    since = _lock(scope)
    fail_point("close.locked")
    period = find_or_make(scope)
    if guard is not None:
        guard.begin(period.id)
    if status_of(scope, period) == Status.CLOSED:
        return state_of(scope)
    checks = checklist(scope)
    if not failed(checks):
        # All is in order by now: nobody has to agree any longer.
        approvals.withdraw(subject_id=period.id, action=Action.OVERRIDE_CLOSE, actor=name_of(actor))
        return _close(scope, period, PeriodChange(actor=name_of(actor), checklist=stored(checks)), since=since)
    if override is None:
        raise _checklist_failed(scope, checks)
    return _propose(scope, period, checks, override, actor)


def decide_override(subject_id: str, *, user: User, approved: bool, note: str = "") -> None:
    """Close in spite of the checklist, as a second person agrees, or leave it open.

    Raises:
        Conflict: `approval_not_open`; `changed_meanwhile`, when more stands in the way than the person was shown.
        Forbidden: as `approvals.decide`.
    """
    period = Period.objects.select_related("merchant", "channel__merchant").get(id=subject_id)
    scope = scope_of(period)
    with transaction.atomic():
        since = _lock(scope)
        approval = approvals.decide(
            subject_id=subject_id,
            action=Action.OVERRIDE_CLOSE,
            user=user,
            approved=approved,
            note=note,
            alone_from=scope.merchant.decides_alone_from,
        )
        if not approved:
            return
        checks = checklist(scope)
        _refuse_if_worse(checks, approval)
        change = PeriodChange(
            actor=approval.requested_by,
            approved_by=user.id,
            approval=approval.id,
            operator=approval.payload["operator"],
            reason=approval.payload["reason"],
            checklist=stored(checks),
        )
        _close(scope, period, change, since=since)


def _lock(scope: Scope) -> date:
    """Lock its days in the ledger, with those before it that close along; return the first of them."""
    first = scope.first if scope.channel is None else _after_last_closed(scope, scope.channel)
    days.lock_days(scope.merchant.id, first, scope.last)
    return first


def _after_last_closed(scope: Scope, channel: Channel) -> date:
    before = scope.first - timedelta(days=1)
    closed = days.closed_days(scope.merchant.id, date.min, before, channel.id)
    return closed[-1] + timedelta(days=1) if closed else scope.first


def _close(scope: Scope, period: Period, change: PeriodChange, *, since: date) -> State:
    """Close its days, under their lock; `since` is the first day that closes along."""
    change.status = PeriodChange.Status.CLOSED
    if scope.channel is None:
        days.close_days(scope.merchant.id, scope.first, scope.last, actor=change.actor)
    else:
        _close_day(scope, scope.channel, since, actor=change.actor)
    fail_point("close.days")
    return note(period, scope, change)


def _close_day(scope: Scope, channel: Channel, since: date, *, actor: str) -> None:
    """Close a channel's day, and the days before it on which nothing was sold, which nobody would close.

    A day that every channel has closed is closed for the merchant as a whole: settlements and bank lines are of no
    channel.
    """
    merchant_id = scope.merchant.id
    left = {day for _, day in open_days(scope)}
    span = [since + timedelta(days=number) for number in range((scope.first - since).days + 1)]
    chosen = [day for day in span if day not in left]
    in_spans(chosen, lambda first, last: days.close_days(merchant_id, first, last, actor=actor, branch=channel.id))
    in_spans(closed_by_all(scope, since), lambda first, last: days.close_days(merchant_id, first, last, actor=actor))


def closed_by_all(scope: Scope, since: date) -> list[date]:
    """Return the days from `since` that every channel has closed which had sold anything by then.

    A channel that never sold has no day to close, and holds up nobody.
    """
    merchant_id = scope.merchant.id
    channels = list(Channel.objects.filter(merchant_id=merchant_id).values_list("id", flat=True))
    begun = days.first_active_days(merchant_id, channels)
    closed: dict[date, set[str]] = defaultdict(set)
    for (day, of), row in days.latest(merchant_id, since, scope.last).items():
        if row.closed and of:
            closed[day].add(of)
    return sorted(day for day, by in closed.items() if all(of in by for of, first in begun.items() if first <= day))


def _checklist_failed(scope: Scope, checks: list[Check]) -> Conflict:
    wrong = failed(checks)
    return Conflict(
        "checklist_failed",
        f"{scope.name} stays open: {' '.join(check.detail for check in wrong)} Resolve it, or send an override with "
        "operator and reason, to which a second person has to agree.",
        **payloads.close_members(scope, checks),
        result_status=Status.OPEN.value,
    )


def _propose(scope: Scope, period: Period, checks: list[Check], override: Why, actor: Actor) -> Approval:
    return gate.propose(
        Action.OVERRIDE_CLOSE,
        subject=period,
        by=actor,
        merchant_id=scope.merchant.id,
        channel_id=scope.channel_id,
        payload={**approval_payload(scope, override), "checklist": stored(checks)},
    )


def _refuse_if_worse(checks: list[Check], approval: Approval) -> None:
    """Refuse an approval of less than what stands in the way now."""
    shown = {each["check"]: each["count"] for each in approval.payload["checklist"]}
    if any(check.count > shown.get(check.check, 0) for check in checks):
        raise Conflict("changed_meanwhile", "More stands in the way by now. Reject this request and ask again.")

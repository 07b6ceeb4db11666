"""Reopen a day or month that was closed: asked for by one person, agreed to by another, and kept in the log."""

from datetime import timedelta

from django.db import transaction

from payments.core.errors import Conflict
from payments.ledger import days
from payments.ledger.days import Status
from payments.people.actions import Action
from payments.people.actors import Actor
from payments.people.models import Approval, User
from payments.people.services import approvals, gate
from payments.services.idempotency import IdempotencyGuard
from reconciliation.closing import Scope, Why, approval_payload
from reconciliation.models import Period, PeriodChange
from reconciliation.services.close_period import closed_by_all
from reconciliation.services.periods import find, find_or_make, in_spans, month_of, note, scope_of, status_of


def reopen(scope: Scope, *, actor: Actor, why: Why, guard: IdempotencyGuard | None = None) -> Approval:
    """Ask a second person to reopen it; nothing changes before.

    Raises:
        Conflict: `period_not_closed`; `month_closed`, of a day in it; `approval_waiting`.
        ValidationFailed: it does not say who and why.
        Forbidden: as `gate.check`.
    """
    gate.check(Action.REOPEN_PERIOD, by=actor, merchant_id=scope.merchant.id, channel_id=scope.channel_id)
    why.check()
    with transaction.atomic():
        days.lock_days(scope.merchant.id, scope.first, scope.last)
        period = find_or_make(scope)
        _refuse_unless_closed(scope, period)
        if guard is not None:
            guard.begin(period.id)
        return gate.propose(
            Action.REOPEN_PERIOD,
            subject=period,
            by=actor,
            merchant_id=scope.merchant.id,
            channel_id=scope.channel_id,
            payload=approval_payload(scope, why),
        )


def decide(subject_id: str, *, user: User, approved: bool, note: str = "") -> None:
    """Reopen it, as a second person agrees, or leave it closed.

    Raises:
        Conflict: `approval_not_open`; `period_not_closed`, `month_closed`, where that came in between.
        Forbidden: as `approvals.decide`.
    """
    period = Period.objects.select_related("merchant", "channel__merchant").get(id=subject_id)
    scope = scope_of(period)
    with transaction.atomic():
        days.lock_days(scope.merchant.id, scope.first, scope.last)
        approval = approvals.decide(
            subject_id=subject_id,
            action=Action.REOPEN_PERIOD,
            user=user,
            approved=approved,
            note=note,
            alone_from=scope.merchant.decides_alone_from,
        )
        if approved:
            _refuse_unless_closed(scope, period)
            _reopen(scope, period, approval, user)


def _refuse_unless_closed(scope: Scope, period: Period) -> None:
    if status_of(scope, period) == Status.OPEN:
        raise Conflict("period_not_closed", f"{scope.name} is open: there is nothing to reopen.")
    month = month_of(scope.merchant, scope.first)
    if scope.channel is not None and status_of(month, find(month)) == Status.CLOSED:
        raise Conflict("month_closed", f"{month.name} is closed. Reopen the month first, then the day.")


def _reopen(scope: Scope, period: Period, approval: Approval, user: User) -> None:
    merchant_id, actor, by_two = scope.merchant.id, user.id, approval.id
    if scope.channel is not None:
        first, last = scope.first, scope.last
        days.reopen_days(merchant_id, first, last, actor=actor, approval=by_two, branch=scope.channel.id)
        days.reopen_days(merchant_id, first, last, actor=actor, approval=by_two)
    else:
        # What the days' own closings lock stays locked, until such a day is reopened itself.
        kept = set(closed_by_all(scope, scope.first))
        span = (scope.first + timedelta(days=number) for number in range((scope.last - scope.first).days + 1))
        in_spans(
            (day for day in span if day not in kept),
            lambda first, last: days.reopen_days(merchant_id, first, last, actor=actor, approval=by_two),
        )
    change = PeriodChange(
        status=PeriodChange.Status.REOPENED,
        actor=approval.requested_by,
        approved_by=user.id,
        approval=approval.id,
        operator=approval.payload["operator"],
        reason=approval.payload["reason"],
    )
    note(period, scope, change)

"""What has to be in order before a day of a channel, or a month of a merchant, is closed.

Each check counts what stands in the way as of now, whatever day it came to light: a difference that a settlement shows
on Wednesday belongs to Monday's sale.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.conf import settings
from django.db.models import F, Max, Q, QuerySet, Sum
from django.db.models.functions import Abs
from django.utils.module_loading import import_string
from django.utils.translation import gettext_noop

from payments.core.bank_days import bank_day_until
from payments.core.money import Money
from payments.ledger import days
from payments.models import Channel, Discrepancy, Payment, RefundPart
from payments.models.discrepancy import DiscrepancyKind as Kind
from payments.models.payment import PaymentStatus
from payments.models.refund import PartStatus
from payments.text.messages import Value, message_columns
from reconciliation.closing import Check, Scope
from reconciliation.models import BankStatement, Payout
from reconciliation.services.overdue import PAID_WITHIN
from reconciliation.services.own_accounts import ibans_of

OF_TERMINALS: Final = (Kind.SHIFT_DIFFERS, Kind.SEQUENCE_GAP, Kind.SEQUENCE_CONFLICT)
# Each of these is counted by a check of its own.
COUNTED: Final = (
    *OF_TERMINALS,
    Kind.MISSING_IN_SETTLEMENT,
    Kind.PAYOUT_NOT_RECEIVED,
    Kind.STATEMENT_GAP,
    Kind.OUTCOME_UNKNOWN,
)


def checklist(scope: Scope) -> list[Check]:
    """Return all checks of a day or month, in the order in which people look at them."""
    return [check(scope) for check in _CHECKS]


def failed(checks: Iterable[Check]) -> list[Check]:
    """Return those that stand in the way."""
    return [check for check in checks if not check.passed]


def stored(checks: Iterable[Check]) -> list[dict[str, Any]]:
    """Return the checks as they are kept with a closing."""
    return [asdict(check) for check in checks]


def open_days(scope: Scope) -> list[tuple[str, date]]:
    """Return the (channel, day) on which something is booked and that is not closed: before a day, or in a month."""
    merchant_id = scope.merchant.id
    if scope.channel is not None:
        channels, last = [scope.channel.id], scope.first - timedelta(days=1)
    else:
        channels, last = list(Channel.objects.filter(merchant_id=merchant_id).values_list("id", flat=True)), scope.last
    active = days.active_days(merchant_id, date.min, last, channels)
    closed = {at for at, row in days.latest(merchant_id, date.min, last).items() if row.closed}
    return sorted(((of, day) for of, day in active if not {(day, of), (day, "")} & closed), key=lambda each: each[::-1])


def differences(scope: Scope) -> "QuerySet[Discrepancy]":
    """Return what is not resolved of the scope's days; of a channel, what is about it alone."""
    rows = Discrepancy.objects.filter(merchant=scope.merchant).exclude(status=Discrepancy.Status.RESOLVED)
    until = Q(payment__business_day__lte=scope.last) | Q(payment=None, created_at__lt=scope.end)
    here = Q() if scope.channel is None else Q(channel_id=scope.channel.id) | Q(payment__channel_id=scope.channel.id)
    return rows.filter(until, here)


def unknown_payments(scope: Scope) -> "QuerySet[Payment]":
    """Return the charges of the scope's days of which nobody knows whether they were made."""
    return _payments(scope).filter(status=PaymentStatus.UNKNOWN)


def provisional_payments(scope: Scope) -> "QuerySet[Payment]":
    """Return the sales that a terminal approved offline and no settlement has shown yet."""
    return _payments(scope).filter(provisional=True)


def late_payouts(scope: Scope) -> "QuerySet[Payout]":
    """Return the payouts that the bank should have shown by the scope's end."""
    expected = (scope.end - PAID_WITHIN).date()
    return Payout.objects.filter(
        merchant=scope.merchant, status=Payout.Status.ANNOUNCED, expected_on__lt=expected
    ).exclude(amount_received=F("amount"))


def _payments(scope: Scope) -> "QuerySet[Payment]":
    rows = Payment.objects.filter(merchant=scope.merchant, business_day__lte=scope.last)
    return rows if scope.channel is None else rows.filter(channel=scope.channel)


def _shifts(scope: Scope) -> Check:
    # Whatever day they came to light: nobody can tell on which day a transaction was made that is missing.
    rows = Discrepancy.objects.filter(merchant=scope.merchant, kind__in=OF_TERMINALS)
    rows = rows.exclude(status=Discrepancy.Status.RESOLVED)
    count = (rows if scope.channel is None else rows.filter(channel_id=scope.channel.id)).count()
    # Named in the settings: terminals stand beside this package, and neither imports the other.
    open_shifts: Callable[[str, str | None, datetime], int] = import_string(settings.OPEN_SHIFTS)
    return _check(
        "shifts",
        count + open_shifts(scope.merchant.id, scope.channel_id, scope.end),
        gettext_noop("The terminals' shifts are closed and agree, and none of their transactions is missing."),
        gettext_noop("Shifts that are open or differ, and gaps in what terminals have sent: {count}."),
    )


def _settlements(scope: Scope) -> Check:
    count = differences(scope).filter(kind=Kind.MISSING_IN_SETTLEMENT).count()
    # A payout is of no channel: it stands in the way of each.
    count += late_payouts(scope).count()
    return _check(
        "settlements",
        count,
        gettext_noop("No settlement or payout is overdue."),
        gettext_noop("Sales without a settlement and payouts that the bank does not show, overdue: {count}."),
    )


def _bank(scope: Scope) -> Check:
    statements = BankStatement.objects.filter(
        merchant=scope.merchant, kind="statement", account__in=ibans_of(scope.merchant), closed_on__isnull=False
    )
    reached = dict(statements.values_list("account").annotate(Max("closed_on")))
    wanted = bank_day_until(scope.last)
    gaps = Discrepancy.objects.filter(merchant=scope.merchant, kind=Kind.STATEMENT_GAP, created_at__lt=scope.end)
    count = sum(until < wanted for until in reached.values())
    count += gaps.exclude(status=Discrepancy.Status.RESOLVED).count()
    return _check(
        "bank",
        count,
        gettext_noop("The bank statements run without a gap up to {day}.")
        if reached
        else gettext_noop("No bank statement was ever imported, so that none is missing."),
        gettext_noop("Bank accounts without statements up to {day}, and gaps between statements: {count}."),
        day=wanted,
    )


def _differences(scope: Scope) -> Check:
    rows = differences(scope).exclude(kind__in=COUNTED)
    most, own = scope.merchant.close_threshold, scope.merchant.currency
    sums = {row["currency"]: row["total"] or 0 for row in rows.values("currency").annotate(total=Sum(Abs("amount")))}
    # What is open in another currency cannot be held against a limit in this one.
    within = sums.pop(own, 0) <= most and not any(sums.values())
    return _check(
        "discrepancies",
        0 if within else rows.count(),
        gettext_noop("The differences that are open come to at most {limit}."),
        gettext_noop("Open differences: {count}. Together they are more than {limit}."),
        limit=Money(most, own),
    )


def _unknowns(scope: Scope) -> Check:
    refunds = RefundPart.objects.filter(
        status=PartStatus.UNKNOWN, refund__merchant=scope.merchant, refund__created_at__lt=scope.end
    )
    if scope.channel is not None:
        refunds = refunds.filter(refund__channel=scope.channel)
    payments = unknown_payments(scope)
    named = differences(scope).filter(kind=Kind.OUTCOME_UNKNOWN).exclude(payment__status=PaymentStatus.UNKNOWN)
    return _check(
        "unknowns",
        payments.count() + refunds.count() + named.count(),
        gettext_noop("The outcome of every charge and refund is known."),
        gettext_noop("Charges and refunds whose outcome nobody knows: {count}."),
    )


def _provisional(scope: Scope) -> Check:
    return _check(
        "provisional",
        provisional_payments(scope).count(),
        gettext_noop("No sale that was approved offline waits for its settlement."),
        gettext_noop("Sales that were approved offline and that no settlement shows yet: {count}."),
    )


def _earlier(scope: Scope) -> Check:
    found = open_days(scope)
    if scope.channel is not None:
        return _check(
            "earlier_day_open",
            len(found),
            gettext_noop("All days before it are closed."),
            gettext_noop("Days before it that are not closed: {count}, the first is {day}."),
            day=found[0][1] if found else scope.first,
        )
    return _check(
        "days_open",
        len(found),
        gettext_noop("All days of all channels are closed."),
        gettext_noop("Days of channels that are not closed: {count}, the first is {day}."),
        day=found[0][1] if found else scope.first,
    )


_CHECKS: Final[tuple[Callable[[Scope], Check], ...]] = (
    _shifts,
    _settlements,
    _bank,
    _differences,
    _unknowns,
    _provisional,
    _earlier,
)


def _check(name: str, count: int, passed: str, failed: str, **values: Value) -> Check:
    columns = message_columns(failed if count else passed, count=count, **values)
    return Check(check=name, passed=not count, count=count, **columns)

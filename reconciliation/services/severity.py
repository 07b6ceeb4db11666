"""How urgent a discrepancy is, by its amount and age, and by when it should be resolved."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from django.db.models import Q

from payments.core.money import EXPONENTS, Money
from payments.models import Discrepancy


class Severity(StrEnum):
    """The least urgent first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


_ORDER: Final = tuple(Severity)
# In whole units of the currency; what has no amount (a gap, a conflict) may hide any.
_FROM: Final = ((1_000, Severity.CRITICAL), (100, Severity.HIGH), (10, Severity.MEDIUM))
_AGED: Final = timedelta(days=14)  # one step more urgent each
_DAYS: Final = {Severity.LOW: 14, Severity.MEDIUM: 7, Severity.HIGH: 3, Severity.CRITICAL: 1}


def severity(row: Discrepancy, *, now: datetime) -> Severity:
    """Return how urgent it is: by amount, and a step more for each two weeks that it stands open."""
    until = row.resolved_at or now
    steps = (until - row.created_at) // _AGED
    return _ORDER[min(_ORDER.index(_of_amount(row)) + max(0, steps), len(_ORDER) - 1)]


def due_on(row: Discrepancy) -> date:
    """Return the day by which it should be resolved: by its amount, or the day that a person waits until."""
    zone = row.merchant.zone
    if row.wait_until is not None:
        return row.wait_until.astimezone(zone).date()
    return row.created_at.astimezone(zone).date() + timedelta(days=_DAYS[_of_amount(row)])


def overdue(*, now: datetime) -> Q:
    """Ask for discrepancies that should have been resolved by now, to the hour: days end by each merchant's clock."""
    late = Q(pk__in=[])
    for level, days in _DAYS.items():
        late |= _amounts_of(level) & Q(created_at__lt=now - timedelta(days=days + 1))
    waits = Q(wait_until__isnull=False)
    return ~Q(status="resolved") & ((waits & Q(wait_until__lt=now)) | (~waits & late))


def of_level(level: Severity, *, now: datetime) -> Q:
    """Ask for open discrepancies that are just so urgent."""
    at = _ORDER.index(level)
    found = Q(pk__in=[])
    for start in range(at + 1):
        step = at - start
        aged = Q(created_at__lte=now - step * _AGED)
        if level != _ORDER[-1]:
            aged &= Q(created_at__gt=now - (step + 1) * _AGED)
        found |= _amounts_of(_ORDER[start]) & aged
    return found


def _amounts_of(level: Severity) -> Q:
    """Ask for amounts of a level before age is counted."""
    if level == Severity.HIGH:
        return Q(amount=None) | Q(currency=None) | _amounts_between(level)
    return _amounts_between(level)


def _amounts_between(level: Severity) -> Q:
    least = {one: whole for whole, one in _FROM}.get(level, 0)
    above = min((whole for whole, _one in _FROM if whole > least), default=None)
    found = Q(pk__in=[])
    for exponent in sorted(set(EXPONENTS.values())):
        currencies = [code for code, own in EXPONENTS.items() if own == exponent]
        unit = 10**exponent
        outside = Q(amount__gte=least * unit) | Q(amount__lte=-least * unit)
        inside = Q() if above is None else Q(amount__lt=above * unit, amount__gt=-above * unit)
        found |= Q(currency__in=currencies) & outside & inside
    return found


def _of_amount(row: Discrepancy) -> Severity:
    if row.amount is None or row.currency is None:
        return Severity.HIGH
    whole = abs(Money(row.amount, row.currency).to_decimal())
    return next((level for least, level in _FROM if whole >= least), Severity.LOW)

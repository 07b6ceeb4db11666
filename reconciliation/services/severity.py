"""How urgent a discrepancy is, by its amount and age, and by when it should be resolved."""

from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from payments.core.money import Money
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


def _of_amount(row: Discrepancy) -> Severity:
    if row.amount is None or row.currency is None:
        return Severity.HIGH
    whole = abs(Money(row.amount, row.currency).to_decimal())
    return next((level for least, level in _FROM if whole >= least), Severity.LOW)

"""Which transitions are allowed. Only `UnitOfWork.transition` makes them.

A late truth is an ordinary event: a declined, canceled or expired payment may turn out to have been paid, and a
refund that was given up after it failed may turn out to have left all the same.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Final

from payments.models.payment import PaymentStatus as P
from payments.models.refund import PartStatus as R

Transitions = Mapping[str, AbstractSet[str]]  # by status: those that may follow it

_OPEN: Final = {
    P.REQUIRES_ACTION,
    P.PROCESSING,
    P.UNKNOWN,
    P.AUTHORIZED,
    P.CAPTURED,
    P.DECLINED,
    P.CANCELED,
    P.EXPIRED,
}
PAYMENT: Final[Transitions] = {
    P.PROCESSING: _OPEN - {P.PROCESSING},
    P.REQUIRES_ACTION: _OPEN - {P.REQUIRES_ACTION},
    P.UNKNOWN: _OPEN - {P.UNKNOWN},
    P.AUTHORIZED: {P.CAPTURED, P.CANCELED, P.EXPIRED, P.REVERSED},
    P.CAPTURED: {P.REVERSED},
    P.DECLINED: {P.AUTHORIZED, P.CAPTURED},
    P.CANCELED: {P.AUTHORIZED, P.CAPTURED},
    P.EXPIRED: {P.AUTHORIZED, P.CAPTURED},
    P.REVERSED: set(),
}
PART: Final[Transitions] = {
    R.REQUIRES_APPROVAL: {R.QUEUED, R.CANCELED},
    R.QUEUED: {R.PENDING, R.UNKNOWN, R.SUCCEEDED, R.FAILED, R.CANCELED},
    R.PENDING: {R.QUEUED, R.UNKNOWN, R.SUCCEEDED, R.FAILED, R.CANCELED},
    R.UNKNOWN: {R.QUEUED, R.PENDING, R.SUCCEEDED, R.FAILED},
    R.SUCCEEDED: {R.FAILED},
    R.FAILED: {R.SUCCEEDED, R.QUEUED, R.CANCELED},
    R.CANCELED: {R.SUCCEEDED},
}
# Money may still come, or its outcome is unknown: a new charge beside such a payment is refused.
UNSETTLED: Final = frozenset({P.REQUIRES_ACTION, P.PROCESSING, P.UNKNOWN})


def may_transition(table: Transitions, from_status: str, to_status: str) -> bool:
    """Return whether the table allows the transition; keeping the status is always allowed."""
    return from_status == to_status or to_status in table[from_status]

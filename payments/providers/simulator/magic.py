"""The endings that make the simulator misbehave: the last two digits of an amount in minor units.

They apply to the operation that is requested (charge, capture, refund), not to the payment it belongs to. Every
other ending succeeds; 00 and 50 always will.
"""

from enum import IntEnum, StrEnum
from typing import Final


class Ending(IntEnum):
    """What an amount's last two digits do. `PLAIN` is every ending that does nothing."""

    PLAIN = 0
    DO_NOT_HONOR = 1
    INSUFFICIENT_FUNDS = 2
    EXPIRED_CARD = 3
    REDIRECT = 5
    REDIRECT_DECLINED = 6
    REDIRECT_EXPIRES = 7
    PENDING_SUCCEEDS = 10
    PENDING_FAILS = 11
    TIMEOUT_DONE = 20
    TIMEOUT_NOT_DONE = 21
    DROPPED_DONE = 22
    ERROR_DONE = 23
    ERROR_NOT_DONE = 24
    RATE_LIMITED = 25
    UNREACHABLE_ONCE = 26
    BALANCE_SHORT_ONCE = 27
    REVERSED = 30
    FAILS_LATE = 31
    DASHBOARD_REFUND = 32
    CHARGEBACK_LOST = 33
    CHARGEBACK_WON = 34
    CHARGEBACK_INQUIRY = 35
    CHARGEBACK_AGAIN = 36
    WEBHOOK_FIRST = 40
    WEBHOOKS_TWICE = 41
    WEBHOOK_LATE = 42


class Misbehavior(StrEnum):
    """How an answer goes missing. The first three after carrying out the operation, the others instead of it."""

    TIMEOUT_DONE = "timeout_done"
    DROPPED_DONE = "dropped_done"
    ERROR_DONE = "error_done"
    TIMEOUT_NOT_DONE = "timeout_not_done"
    ERROR_NOT_DONE = "error_not_done"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    BALANCE_SHORT = "balance_short"

    @property
    def done(self) -> bool:
        """Whether the operation is carried out before the answer goes missing."""
        return self in (Misbehavior.TIMEOUT_DONE, Misbehavior.DROPPED_DONE, Misbehavior.ERROR_DONE)


DECLINES: Final = {
    Ending.DO_NOT_HONOR: ("do_not_honor", "The card's issuer refused without saying why."),
    Ending.INSUFFICIENT_FUNDS: ("insufficient_funds", "There is not enough money on the customer's account."),
    Ending.EXPIRED_CARD: ("expired_card", "The card has expired."),
}
MISBEHAVIORS: Final = {
    Ending.TIMEOUT_DONE: Misbehavior.TIMEOUT_DONE,
    Ending.TIMEOUT_NOT_DONE: Misbehavior.TIMEOUT_NOT_DONE,
    Ending.DROPPED_DONE: Misbehavior.DROPPED_DONE,
    Ending.ERROR_DONE: Misbehavior.ERROR_DONE,
    Ending.ERROR_NOT_DONE: Misbehavior.ERROR_NOT_DONE,
    Ending.RATE_LIMITED: Misbehavior.RATE_LIMITED,
    Ending.UNREACHABLE_ONCE: Misbehavior.UNREACHABLE,
    Ending.BALANCE_SHORT_ONCE: Misbehavior.BALANCE_SHORT,
}

DELAY: Final = 2.0  # seconds until what the 10s and 30s announce
SOON: Final = 1.0  # seconds between the stages of CHARGEBACK_AGAIN
LATE: Final = 5.0  # seconds until WEBHOOK_LATE's answer and webhook
VERY_LATE: Final = 10.0  # seconds until the webhook of something whose answer went missing
PAGE_LIFETIME: Final = 3600.0  # seconds a customer may take on the payment page


def ending(amount: int) -> Ending:
    """Return what this amount's last two digits do."""
    try:
        return Ending(amount % 100)
    except ValueError:
        return Ending.PLAIN


def magic(amount: int, wanted: Ending) -> int:
    """Return `amount` with its last two digits replaced, so that it does what is wanted."""
    return amount - amount % 100 + wanted

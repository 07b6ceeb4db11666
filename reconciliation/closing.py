"""What a close is about: the day or month, what is checked before, who decides otherwise, and how it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final

from payments.core.errors import Fault, ValidationFailed
from payments.core.pan import has_card_number
from payments.ledger.days import Status
from payments.models import Channel, Merchant
from payments.people.models import Approval
from reconciliation.models import PeriodChange
from reconciliation.models.period import last_of_month

LONGEST_OPERATOR: Final = 100
LONGEST_REASON: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One condition: whether it holds, how many stand in its way, and both as a sentence in every language."""

    check: str
    passed: bool
    detail: str
    count: int
    message: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What is closed: one day of a channel, or without a channel all days from `first` of a merchant's month."""

    merchant: Merchant
    channel: Channel | None
    first: date

    @property
    def last(self) -> date:
        """Its last day."""
        return self.first if self.channel is not None else last_of_month(self.first)

    @property
    def end(self) -> datetime:
        """When its last day is over, on the merchant's calendar."""
        return datetime.combine(self.last + timedelta(days=1), time(0), self.merchant.zone)

    @property
    def channel_id(self) -> str | None:
        """The channel's id, None for a month."""
        return None if self.channel is None else self.channel.id

    @property
    def name(self) -> str:
        """`2026-11-29`, or `2026-11` of a month."""
        return self.first.isoformat() if self.channel is not None else f"{self.first:%Y-%m}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Why:
    """Who decides something out of the ordinary (a name at the till or in the office), and why."""

    operator: str
    reason: str

    def check(self, place: str = "") -> None:
        """Refuse what says nothing, or has a card number in it.

        Raises:
            ValidationFailed: `required`, `card_number_refused`.
        """
        faults = []
        for name, value, longest in (
            ("operator", self.operator, LONGEST_OPERATOR),
            ("reason", self.reason, LONGEST_REASON),
        ):
            if not 1 <= len(value.strip()) <= longest:
                faults.append(Fault(place + name, "required", f"Say it in 1 to {longest} characters."))
            elif has_card_number(value):
                faults.append(Fault(place + name, "card_number_refused", "Leave the card number out."))
        if faults:
            raise ValidationFailed(faults)


def approval_payload(scope: Scope, why: Why) -> dict[str, str]:
    """What a request for a second person says: PostgreSQL, too, reads from it which days may be reopened."""
    return {
        "first": scope.first.isoformat(),
        "last": scope.last.isoformat(),
        "operator": why.operator,
        "reason": why.reason,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """A day or month as it stands: `checks` as they were when it was closed, as they are now while it is open."""

    scope: Scope
    status: Status
    checks: Sequence[Check]
    changes: Sequence[PeriodChange]
    waiting: Approval | None = None

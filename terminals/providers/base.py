"""The seam between Onetill and whoever makes terminals do something.

A driver is a stateless translator: it is given what a terminal is asked to do, asks the maker, and returns one of the
five outcomes of `payments.providers.base`. It has no database, keeps nothing between calls, never raises for what a
maker or a network does, and waits no longer than `TIMEOUT` seconds.

    SUCCEEDED  the maker says that the card was charged (or given back to), with the numbers that prove it
    DECLINED   it says that it was not, and nothing will come of it. `code` says why: `canceled` by the customer or the
               till, `not_found` where the maker knows of no such request, else the card's own refusal
    PENDING    it has the request, and is at it: ask `status` later
    UNKNOWN    no answer, or one that cannot be read: it may have happened. Ask `status`, never `start` again
    NOT_SENT   it certainly never got the request: it may be started again under the same id

`action_id` is the idempotency key of every request about it: a second `start` under it moves no money.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from payments.core.money import Money
from payments.providers.base import Card, Outcome

TIMEOUT: Final = 20.0  # seconds of one call


@dataclass(frozen=True, slots=True)
class Till:
    """A terminal as its maker knows it: by the id that the maker gave it.

    `secrets` are those of its provider account, decrypted, and never logged; `test_mode` is its merchant's.
    """

    device_id: str
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    test_mode: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One charge, or one refund of a charge that the maker knows under `original`."""

    action_id: str
    amount: Money
    operator: str = ""
    original: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a maker says. `charged` is what the card was charged or given, `tip` a part of it."""

    outcome: Outcome
    code: str = ""
    charged: Money | None = None
    tip: int = 0
    card: Card = field(default_factory=Card)
    occurred_at: datetime | None = None
    rrn: str | None = None
    stan: str | None = None
    authorization_code: str | None = None
    acquirer_tid: str | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """What a terminal counts since its last closing, of one brand and type (`sale` or `refund`)."""

    brand: str
    type: str
    count: int
    amount: Money


class TerminalDriver(Protocol):
    """How one kind of terminal is driven."""

    code: str
    # Whether we ask; False: the device fetches what it is to do, and answers by itself.
    asks: bool
    test_only: bool

    def start(self, request: Request, till: Till) -> Answer:
        """Have a card charged."""

    def refund(self, request: Request, till: Till) -> Answer:
        """Have money given back on a card."""

    def cancel(self, action_id: str, till: Till) -> Answer:
        """Have it stopped. What came of it all the same is the answer: SUCCEEDED where it was too late."""

    def status(self, action_id: str, till: Till) -> Answer:
        """What came of it; DECLINED with `not_found` where the maker never heard of it."""

    def totals(self, till: Till) -> Sequence[Total] | None:
        """What it counts since its last closing; None where nobody answers."""

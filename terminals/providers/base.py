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

`action_id` is the idempotency key of every request about it: a second `start` under it moves no money. A maker that
has no such keys is asked once, and never again: what was not answered is looked up.

Most makers know a request by a name of their own. `Answer.reference` is that name; it is kept with the action, and
handed back as `Request.reference` when the same request is asked about or stopped. It is None where the first answer
was lost: the driver then finds the request by `action_id`, or answers UNKNOWN. A driver is asked again every few
seconds while it answers PENDING, so that `start` need not wait for the customer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Protocol

from payments.core.money import Money
from payments.providers.base import Card, Outcome

TIMEOUT: Final = 20.0  # seconds of one call
# Codes of DECLINED where the terminal took nothing. It is a refusal, and never sent again by itself: by then nobody may
# stand at the till.
BUSY: Final = "terminal_busy"
UNREACHABLE: Final = "terminal_unreachable"


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
    """One charge, or one refund of a charge: as it is to be started, or as it was when it is asked about or stopped.

    `original` is our id of the payment that a refund is of, and `original_reference` the maker's name for that charge.
    `webhook_url` is where the provider of the terminal's account sends what happened; `operation_id` is what it then
    has to name. `reference` is the maker's own name for this request, once an answer gave one.
    """

    action_id: str
    amount: Money
    operator: str = ""
    operation_id: str = ""
    is_refund: bool = False
    original: str | None = None
    original_reference: str | None = None
    webhook_url: str | None = None
    reference: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a maker says. `charged` is what the card was charged or given, `tip` a part of it.

    `reference` is the maker's name for the request, and `payment_reference` the name by which the provider of the
    terminal's account knows the payment, where that can give it back or tells of it by webhooks and in settlements.
    """

    outcome: Outcome
    code: str = ""
    reference: str | None = None
    payment_reference: str | None = None
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

    def cancel(self, request: Request, till: Till) -> Answer:
        """Have it stopped. What came of it all the same is the answer: SUCCEEDED where it was too late."""

    def status(self, request: Request, till: Till) -> Answer:
        """What came of it; DECLINED with `not_found` where the maker never heard of it."""

    def totals(self, till: Till) -> Sequence[Total] | None:
        """What it counts since its last closing; None where nobody answers."""

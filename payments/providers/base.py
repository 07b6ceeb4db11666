"""The interface of payment providers: one protocol, five outcomes, no ORM.

Providers differ in three things that decide how an unknown outcome is resolved, and `Capabilities` says which:
whether an operation may be sent again under its id (`keys_live`), whether its outcome can be looked up (`can_fetch`),
and whether two of one payment can be told apart (`one_at_a_time`). `payments.services.recover` acts on them; a
translator never decides alone to send anything twice.

Adding a provider is three stops: a module that implements `Provider`, its dotted path in `PROVIDERS` (settings), and
recordings for the contract test in `tests/contracts/`, which runs every provider of the registry through this file.

A provider never raises for what a provider may answer: a refusal is `DECLINED`, silence is `UNKNOWN`, a connection
that was never made is `NOT_SENT`. What it does raise is a programming error.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final, Protocol, runtime_checkable

from payments.core.errors import OnetillError
from payments.core.money import Money


class Verb(StrEnum):
    """The operations of a provider. `SALE` is authorize and capture in one."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    SALE = "sale"
    CANCEL = "cancel"
    REFUND = "refund"


# What our own books take: the money is in the drawer already, or was a debt of ours.
RECORDED_METHODS: Final = frozenset({"cash", "voucher"})


class Outcome(StrEnum):
    """What came of it. Only `SUCCEEDED` and `DECLINED` are final; `UNKNOWN` is resolved by `fetch`, never repeated."""

    SUCCEEDED = "succeeded"
    DECLINED = "declined"
    PENDING = "pending"
    UNKNOWN = "unknown"
    NOT_SENT = "not_sent"  # it is certain that nothing arrived: safe to send again


class ReportType(StrEnum):
    """What a provider reports: the answer to one of our verbs, or something that happened without us."""

    AUTHORIZE = "authorize"
    CAPTURE = "capture"
    SALE = "sale"
    CANCEL = "cancel"
    REFUND = "refund"
    EXPIRE = "expire"  # an authorization or an unpaid redirect ran out
    REVERSAL = "reversal"  # a sale was taken back by scheme or provider
    CHARGEBACK_INQUIRY = "chargeback_inquiry"  # no money moved yet
    CHARGEBACK_OPENED = "chargeback_opened"
    CHARGEBACK_WON = "chargeback_won"
    CHARGEBACK_LOST = "chargeback_lost"


class Stage(StrEnum):
    """How far a dispute has come, the last one furthest. Each may take again what the one before gave back."""

    INQUIRY = "inquiry"
    CHARGEBACK = "chargeback"
    PRE_ARBITRATION = "pre_arbitration"
    ARBITRATION = "arbitration"


@dataclass(frozen=True, slots=True)
class Card:
    """What may be known of a card: never its number. `fingerprint` is the acquirer's token."""

    brand: str | None = None
    last4: str | None = None
    fingerprint: str | None = None
    par: str | None = None
    entry_mode: str | None = None
    verification: str | None = None


@dataclass(frozen=True, slots=True)
class Payer:
    """The bank account that a customer paid from, where the method tells it (iDEAL, SEPA): compact IBAN, and name."""

    iban: str = field(repr=False)
    name: str = field(repr=False)


# The code of `PENDING` where another amount arrived than was asked for: finance has to look, and nothing is delivered.
AMOUNT_TO_CHECK: Final = "amount_to_check"
# The code of `NOT_SENT` where the merchant's balance at the provider is too short for a refund: tried again later.
BALANCE_TOO_SHORT: Final = "balance_too_short"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A provider account as a provider needs to know it; `secrets` are decrypted, and never logged."""

    account_id: str
    provider: str
    currency: str
    external_id: str | None = None
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    test_mode: bool | None = None  # the merchant's, so that no key of the other mode is used; None: not known


@dataclass(frozen=True, slots=True)
class ProviderRequest:
    """One operation requested from a provider. `operation_id` is the idempotency key, the same at every retry."""

    operation_id: str
    verb: Verb
    amount: Money
    payment_id: str
    method: str | None = None
    payment_reference: str | None = None  # the provider's name for the payment, once it gave one
    operation_reference: str | None = None  # the provider's name for this operation, once it gave one
    final: bool = True  # of a capture: release the rest
    return_url: str | None = None
    webhook_url: str | None = None
    order_reference: str | None = None
    description: str | None = None
    reason: str | None = None
    customer_email: str | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)
    # Of a capture or refund at a provider that names none (`one_at_a_time`): what our books know to have moved before.
    moved_before: Money | None = None
    sent_at: datetime | None = None  # when it was sent last; None: it is just being sent for the first time


@dataclass(frozen=True, slots=True)
class Result:
    """A provider's answer to one call.

    `reference` names the operation and `payment_reference` the payment at the provider; `amount` is what really
    moved (None: as requested). `redirect_url` with `PENDING` sends the customer there.
    """

    outcome: Outcome
    reference: str | None = None
    payment_reference: str | None = None
    amount: Money | None = None
    code: str | None = None
    detail: str | None = None
    redirect_url: str | None = None
    method: str | None = None
    card: Card | None = None
    payer: Payer | None = None
    occurred_at: datetime | None = None
    expected_at: datetime | None = None


def held_back(unusable: tuple[str, str] | None, refused: tuple[str, str] | None) -> Result | None:
    """The outcome of a request that is not sent: code and detail of credentials that are no good, or of a sure refusal.

    None: it is to be sent.
    """
    if unusable is not None:
        # Sent again once the operator has mended them: nothing is lost by wrong ones.
        return Result(Outcome.NOT_SENT, code=unusable[0], detail=unusable[1])
    return Result(Outcome.DECLINED, code=refused[0], detail=refused[1]) if refused is not None else None


@dataclass(frozen=True, slots=True)
class ProviderReport:
    """One thing a provider says happened, in a webhook or a list: `result` as it would have answered a call.

    It is ours when `operation_id` says so or `result.reference` is one we know. `payment_reference` (in `result`)
    says which payment it is about; `original_reference` the operation a reversal takes back. Of a chargeback,
    `stage` says how far it has come (None: as far as its fact alone tells) and `respond_by` until when the merchant
    may send evidence; `result.reference` names the dispute, the same one in all of its stages.
    """

    fact: ReportType
    result: Result
    operation_id: str | None = None
    original_reference: str | None = None
    reason: str | None = None
    stage: Stage | None = None
    respond_by: datetime | None = None
    final: bool = True  # of a capture that was not requested here: the rest is released
    # Of a refund or capture: the amount is all that ever moved so of the payment, as a provider says that names none.
    is_total: bool = False


@dataclass(frozen=True, slots=True)
class WebhookEvent:
    """A verified webhook: the provider's own event id, and what it reports (maybe nothing we care for).

    `announces` names a payout of which there is news at the provider; reconciliation reads it there. `look_up` names a
    payment of which there is news that has to be asked for (`HintedProvider`); `operation_id` is our name for it, where
    the event has one. Of an event without proof that the provider sent it (`is_proven`) nothing but such a hint is
    taken, and only about a payment of ours.
    """

    event_id: str
    reports: tuple[ProviderReport, ...]
    type: str = ""
    announces: str = ""
    look_up: str = ""
    operation_id: str | None = None
    is_proven: bool = True


@dataclass(frozen=True, slots=True)
class Credential:
    """One thing that an account needs to know for signing in: its name, and whether it is ever shown."""

    name: str
    required: bool = True
    secret: bool = True


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a provider really can do, for planning: nothing is promised that it can't keep."""

    methods: frozenset[str]
    refund_methods: frozenset[str]  # methods it refunds without the card being there
    redirect_methods: frozenset[str] = frozenset()
    manual_capture_methods: frozenset[str] = frozenset()
    partial_capture: bool = True
    multiple_captures: bool = False
    refund_arrival: timedelta = timedelta(days=1)  # how long until the customer has the money
    refund_window: timedelta | None = None
    partial_refund: bool = True  # whether less than all of a payment can be given back
    most_refunds: int | None = None  # of one payment
    least_refund: Mapping[str, int] = field(default_factory=dict)  # in minor units, of the currencies that have one
    instant: bool = False  # execute() moves nothing outside our own books and may run inside a transaction
    test_only: bool = False  # moves no money: a live merchant is refused
    reports_only: bool = False  # it moves money by itself and reports it; it takes no requests
    credentials: tuple[Credential, ...] = ()
    other_credentials: bool = False  # whatever else its merchant wants to keep with the account
    drives_terminals: bool = False
    refunds_terminal_sales: bool = False  # gives back without the card what a terminal of its own has charged
    currencies: Mapping[str, frozenset[str]] = field(default_factory=dict)  # of methods that know only these
    # How long an operation may be sent again under its id and move money once. None: always. Zero: the provider has no
    # idempotency, so that what may have arrived is never sent again without a person.
    keys_live: timedelta | None = None
    can_fetch: bool = True  # whether an outcome can be looked up at all
    one_at_a_time: bool = False  # it names no capture or refund: the next is sent when the last one is answered
    # What it wants to read when a webhook has been stored, by the webhook's body.
    acknowledgement: Callable[[bytes], str] | None = None

    def takes(self, method: str, currency: str) -> bool:
        """Whether a method is served, and in this currency."""
        return method in self.methods and currency in self.currencies.get(method, (currency,))

    def takes_unasked(self, method: str | None, currency: str) -> bool:
        """Whether a payment may go here where no account is named; no method is what the customer will choose.

        Cash and vouchers go to our own books, everything else to a provider that moves money and takes requests.
        """
        is_ours = method in RECORDED_METHODS
        return not self.reports_only and self.instant == is_ours and (method is None or self.takes(method, currency))


class SignatureInvalid(OnetillError):
    """A webhook that its provider account's secret did not sign."""

    status = 400
    title = "Signature invalid"

    def __init__(self, detail: str = "The signature does not match this provider account's secret.") -> None:
        super().__init__("signature_invalid", detail)


class Provider(Protocol):
    """One provider. Instances are stateless and shared between threads."""

    code: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    def execute(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Request one operation, within the provider's timeout. The same `operation_id` never moves money twice."""
        ...

    def fetch(self, call: ProviderRequest, credentials: Credentials) -> Result:
        """Look up the outcome of a request. `NOT_SENT`: the provider never got it. `UNKNOWN`: no answer."""
        ...

    def try_connection(self, credentials: Credentials) -> Result:
        """Sign in and move nothing: `SUCCEEDED`, or `DECLINED` with what is wrong; no answer is `UNKNOWN`."""
        ...

    def verify(self, body: bytes, headers: Mapping[str, str], credentials: Credentials) -> str:
        """Check a webhook's signature over its raw bytes; return the provider's own event id.

        Header names are lower case. A provider that names no event is given a name for it: what makes two deliveries
        the same event (its object, state and amounts). Hints without a signature may pass (`WebhookEvent.is_proven`).

        Raises:
            SignatureInvalid: the secret did not sign these bytes.
        """
        ...

    def parse_webhook(self, body: bytes) -> WebhookEvent:
        """Read a stored webhook that `verify` let in: what it reports (maybe nothing that concerns us)."""
        ...

    def limits(self, method: str, currency: str) -> tuple[int | None, int | None]:
        """The least and the most that can be charged, in minor units of the currency; None: no bound is known."""
        ...

    def new_secrets(self) -> Mapping[str, str]:
        """The secrets a new account of this provider needs before anyone gave any (a test webhook secret, say)."""
        ...


@runtime_checkable
class HintedProvider(Provider, Protocol):
    """A provider some of whose webhooks only say that there is news of a payment."""

    def look_up(self, reference: str, credentials: Credentials) -> Sequence[ProviderReport] | None:
        """Return what is true now of the payment that the provider calls `reference`; None: no answer."""
        ...

"""The seam to the files of providers, acquirers and banks: one protocol, a few frozen records, no ORM.

Adding a format is three stops: a module with a class that implements `Format`, its dotted path in
`SETTLEMENT_FORMATS` (settings), and a golden file beside the contract test in `tests/reconciliation/`.

A parser streams: it reads as it yields and keeps nothing, so that a file of a million lines needs no more memory
than one of ten. It never raises for what a file may hold: whatever is wrong becomes a `Problem` that names the
source line, and one of them makes the importer refuse the whole file. Amounts are exact (`Money`): a fraction of a
minor unit is a problem and never rounded.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import BinaryIO, ClassVar, Protocol

from payments.core.errors import OnetillError
from payments.core.money import Money

HEAD = 4096  # bytes of a file that `identify` sees


class Kind(StrEnum):
    """What a file is for."""

    SETTLEMENT = "settlement"  # a provider's account of what it owes
    STATEMENT = "statement"  # a bank's account of a period, with balances
    NOTIFICATION = "notification"  # a bank's details beside its statement: stored; the statement is booked
    INTERIM = "interim"  # before the day is over: recognized, neither stored nor booked


class LineType(StrEnum):
    """What one settlement line is about. `gross` is signed from the merchant's side: a refund's is negative."""

    SALE = "sale"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    REVERSAL = "reversal"
    CHARGEBACK = "chargeback"
    CHARGEBACK_REVERSAL = "chargeback_reversal"
    FEE = "fee"
    RESERVE_HOLD = "reserve_hold"
    RESERVE_RELEASE = "reserve_release"
    BALANCE_CARRIED = "balance_carried"  # what one settlement leaves to another; both lines have one reference
    ROUNDING = "rounding"  # what is left of costs with more decimals than the payout
    CONVERSION = "conversion"  # one side of a change of currency at the provider
    PAYOUT_RETURNED = "payout_returned"  # an earlier payout (`reference`) came back from the bank
    # An acquirer's confirmation of a transaction, or that it will never pay it; without money: `gross` is 0.
    CONFIRMED = "confirmed"
    DECLINED = "declined"

    @property
    def label(self) -> str:
        """The word for it."""
        return self.value.replace("_", " ")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a file cannot be booked: the source line or record, a stable code, and what to do."""

    line: int | None
    code: str
    detail: str


class Unreadable(OnetillError):
    """Reading cannot go on after this problem."""

    status = 422
    title = "File unreadable"

    def __init__(self, line: int | None, code: str, detail: str) -> None:
        super().__init__(code, detail)
        self.problem = Problem(line, code, detail)


@dataclass(frozen=True, slots=True)
class SettlementHeader:
    """Opens one settlement: the provider's name for it, and when it was drawn up."""

    line: int
    reference: str
    currency: str
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class SettlementLine:
    """One movement in a settlement, `net` recomputed as gross − fee − vat.

    It is ours by the first of these that is known: `operation_id` (our own), `reference` (the provider's name for
    the movement), `payment_reference` (its name for the payment), for card-present movements `rrn`, `tid` with
    `stan`, `authorization_code`, and `order_reference` with the amount where one operation alone can be meant;
    by `card_last4` with amount and day where the merchant has chosen so.
    """

    line: int
    type: LineType
    reference: str
    occurred_at: datetime
    gross: Money
    fee: Money
    vat: Money
    operation_id: str = ""
    payment_reference: str = ""
    rrn: str = ""
    tid: str = ""
    stan: str = ""
    authorization_code: str = ""
    order_reference: str = ""  # the merchant's own name for the order, as the provider was given it
    card_last4: str = ""
    settlement: int | None = None  # its place among the document's settlements, where several are open at once
    fee_parts: Mapping[str, Money] | None = None  # what the fee consists of, where the provider tells

    @property
    def net(self) -> Money:
        """What the provider owes for this line; a file's own column is only ever compared with it."""
        return self.gross - self.fee - self.vat


@dataclass(frozen=True, slots=True)
class Transfer:
    """One of several payouts of a settlement."""

    line: int
    reference: str
    amount: Money
    on: date | None


@dataclass(frozen=True, slots=True)
class SettlementTrailer:
    """Closes the settlement: its sums, checked against its lines, and the payout it announces (if it does).

    Where it is paid by several transfers, `transfers` has them all, and they come to its net.
    """

    line: int
    gross: Money
    fee: Money
    vat: Money
    net: Money
    payout_reference: str = ""
    payout_on: date | None = None
    transfers: tuple[Transfer, ...] = ()
    closed_at: datetime | None = None  # where only the last line shows when it was drawn up


@dataclass(frozen=True, slots=True)
class StatementHeader:
    """Opens one statement of one bank account. `opening` is signed; None where the format has no balances."""

    line: int
    reference: str
    account: str
    sequence: str
    currency: str
    opening: Money | None
    opened_on: date | None


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One transaction at the bank; of a batch, one of its parts. `amount` is signed, money in positive.

    `statement` is the place of its header among those of the document where accounts are mixed; None: the last one.
    """

    line: int
    amount: Money
    booked_on: date
    valued_on: date | None = None
    reversal: bool = False
    bank_reference: str = ""
    end_to_end_id: str = ""
    batch: str = ""
    counterparty_name: str = ""
    counterparty_iban: str = ""
    remittance: str = ""
    code: str = ""
    statement: int | None = None


@dataclass(frozen=True, slots=True)
class StatementTrailer:
    """Closes the first statement that is open. The parser has checked that opening and lines give `closing`.

    A list that begins with its newest line knows only now with what it opened.
    """

    line: int
    closing: Money | None
    closed_on: date | None
    opening: Money | None = None
    opened_on: date | None = None


Record = (
    SettlementHeader | SettlementLine | SettlementTrailer | StatementHeader | StatementLine | StatementTrailer | Problem
)


@dataclass(slots=True)
class Sums:
    """Adds up the lines' amounts, to be compared with those of their trailer."""

    currency: str
    totals: dict[str, int] = field(default_factory=dict)

    def add(self, **amounts: Money) -> None:
        for name, amount in amounts.items():
            self.totals[name] = self.totals.get(name, 0) + amount.amount

    def differences(self, **stated: Money) -> list[str]:
        """One sentence for each stated sum that the lines do not make."""
        return [
            f"{name} is stated as {amount} but the lines make {Money(self.totals.get(name, 0), self.currency)}"
            for name, amount in stated.items()
            if self.totals.get(name, 0) != amount.amount or amount.currency != self.currency
        ]


class Reader(Protocol):
    """What reads one file: a format, or a merchant's mapping, of which there is one per merchant and provider."""

    @property
    def code(self) -> str:
        """The name of the format, or the id of the mapping."""
        ...

    @property
    def kind(self) -> Kind:
        """What its files are for."""
        ...

    @property
    def providers(self) -> tuple[str, ...]:
        """Whose accounts a settlement can be about."""
        ...

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """As `Format.parse`."""
        ...


class Format(Protocol):
    """One file format. Instances are stateless and shared between threads."""

    code: ClassVar[str]
    kind: ClassVar[Kind]
    providers: ClassVar[tuple[str, ...]]  # whose accounts a settlement of this format can be about

    # A settlement format may have `movements_once: ClassVar[bool] = True`: exports of any period, in which a movement
    # that was imported before shows that two of them overlap.

    def identify(self, head: bytes, name: str) -> bool:
        """Return whether a file is of this format, by its first `HEAD` bytes (and its name if those are ambiguous)."""
        ...

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield each settlement or statement as header, lines, trailer, and a `Problem` for whatever is wrong.

        A truncated file yields a `Problem` in place of its trailer. Where the rows of several settlements are mixed,
        each line says which it is in, and the trailers follow at the end in the order of the headers.
        """
        ...


def guarded(records: Iterator[Record]) -> Iterator[Record]:
    """Turn the point where reading cannot go on into the last `Problem`."""
    try:
        yield from records
    except Unreadable as end:
        yield end.problem

"""The seam to the accountant's software: one protocol, a few frozen records, no ORM.

Adding a kind of export is three stops: a module with a class that implements `ExportKind`, its dotted path in
`EXPORT_KINDS` (settings), and a golden file beside the contract test in `tests/reconciliation/exports/`.

A kind streams: it writes as it reads and keeps nothing, so that a year needs no more memory than a day. What it writes
depends on its arguments alone (no clock, no chance), so that the same books give the same bytes. All amounts are minor
units of one currency, debit positive. The service checks the books while they are read; a kind checks nothing.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import IO, ClassVar, Final, Protocol

SOFTWARE: Final = "Onetill"


class Nature(StrEnum):
    """What an account is in the accountant's books. Clearing: what the shop itself books as turnover goes over it."""

    ASSET = "asset"
    LIABILITY = "liability"
    CLEARING = "clearing"
    INCOME = "income"
    EXPENSE = "expense"

    @property
    def of_balance(self) -> bool:
        """Whether it stands on the balance sheet; the others make the result."""
        return self not in (Nature.INCOME, Nature.EXPENSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account as the accountant knows it, and what stood on it before and after the span.

    `ledger_code` is its name in our ledger; `number` is what a statement of it says in place of an IBAN.
    """

    ledger_code: str
    code: str
    name: str
    nature: Nature
    journal: str
    vat_code: str
    number: str
    opening: int = 0
    closing: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """One posting; `about` is the object of ours that it is about, if there is one."""

    account: Account
    amount: int
    about: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One journal entry, with its postings in the export's currency.

    `reference` is by what people know it (an order, a settlement, a payout), `text` is a sentence for them, `invoice`
    the invoice that its order pays.
    """

    id: str
    key: str
    event: str
    book_date: dt.date
    journal: str
    reference: str
    text: str
    lines: list[Line]
    invoice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    """Whose books they are. `fiscal_year_start` is a month from 1 to 12."""

    name: str
    country: str
    vat_number: str
    registration_number: str
    fiscal_year_start: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What the span moves, known before the first entry is read; `booked_on` the day on which its last was booked."""

    entries: int
    postings: int
    debit: int
    credit: int
    booked_on: dt.date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What is exported: whose, of which days, in which currency, and every account that has anything to do with it."""

    company: Company
    currency: str
    exponent: int
    first: dt.date
    last: dt.date
    profile: str
    accounts: tuple[Account, ...]
    totals: Totals
    statement_of: Account | None = None  # the one account that a statement is of

    @property
    def day_after(self) -> dt.date:
        """The day after the last one."""
        return self.last + dt.timedelta(days=1)


class ExportKind(Protocol):
    """One kind of file. Instances are stateless and shared between threads."""

    code: ClassVar[str]
    suffix: ClassVar[str]  # of the file's name, without a dot
    media_type: ClassVar[str]
    profiles: ClassVar[tuple[str, ...]]  # the first is taken where none is named; none: it has no profiles
    of_one_account: ClassVar[bool]  # a statement: `account` is required, entries hold one line each
    by_channel: ClassVar[bool]  # whether it can be of one channel; else it is of the whole books
    by_journal: ClassVar[bool]  # entries come journal by journal; else by day
    one_fiscal_year: ClassVar[bool]  # whether the span must lie within one
    most_decimals: ClassVar[int]  # of currencies it can hold

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        """Write the whole file. `entries` is read once, to its end."""
        ...


@dataclass(slots=True)
class CodedAccount:
    """What the accountant sees as one account, though several of ours have its code."""

    code: str
    name: str
    nature: Nature
    opening: int = 0
    closing: int = 0
    ledger_codes: list[str] = field(default_factory=list)


def by_code(accounts: Iterable[Account]) -> list[CodedAccount]:
    """The accountant's accounts, sorted by code; where several of ours have one code, the first gives its name."""
    found: dict[str, CodedAccount] = {}
    for account in accounts:
        coded = found.setdefault(account.code, CodedAccount(account.code, account.name, account.nature))
        coded.opening += account.opening
        coded.closing += account.closing
        coded.ledger_codes.append(account.ledger_code)
    return [found[code] for code in sorted(found)]


def major(minor: int, exponent: int, *, point: str = ".") -> str:
    """An amount in major units, with all of its decimals: `-12.50`."""
    sign, digits = ("-" if minor < 0 else ""), str(abs(minor)).zfill(exponent + 1)
    return f"{sign}{digits[:-exponent]}{point}{digits[-exponent:]}" if exponent else f"{sign}{digits}"


def fiscal_year(day: dt.date, start: int) -> tuple[dt.date, dt.date]:
    """First and last day of the fiscal year that a day is in; `start` is the month in which it begins."""
    first = dt.date(day.year if day.month >= start else day.year - 1, start, 1)
    return first, dt.date(first.year + 1, start, 1) - dt.timedelta(days=1)


def fiscal_period(day: dt.date, start: int) -> int:
    """The month of its fiscal year, from 1 to 12."""
    return (day.month - start) % 12 + 1


def months(first: dt.date) -> Iterator[tuple[int, dt.date, dt.date]]:
    """The twelve periods of a fiscal year: number, first and last day."""
    begins = first
    for number in range(1, 13):
        following = dt.date(begins.year + begins.month // 12, begins.month % 12 + 1, 1)
        yield number, begins, following - dt.timedelta(days=1)
        begins = following

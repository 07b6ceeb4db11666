"""What may be booked: entries of debit and credit lines, checked before they reach the database."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final
from zoneinfo import ZoneInfo

from payments.core.money import EXPONENTS
from payments.ledger.errors import ItemMissing, LineRefused, Unbalanced

MAX_LINE: Final = 2**62  # far above any amount Onetill takes; two of them still add up within a BIGINT


class AccountKind(StrEnum):
    """What an account is in the chart: where its balance belongs when the books are read."""

    ASSET = "asset"
    LIABILITY = "liability"
    INCOME = "income"
    EXPENSE = "expense"


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """An account as the chart describes it. It is made at its first posting, once per merchant and currency."""

    code: str
    kind: str
    currency: str
    item_required: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One posting to be: `amount` is signed, a debit positive. Write `debit()` or `credit()`."""

    account: AccountSpec
    amount: int
    item: int | None = None


def debit(account: AccountSpec, amount: int, item: int | None = None) -> Line:
    """A line on the debit side; `amount` is above zero. Without something to book, leave the line out."""
    return _line(account, amount, item, sign=1)


def credit(account: AccountSpec, amount: int, item: int | None = None) -> Line:
    """A line on the credit side; `amount` is above zero."""
    return _line(account, amount, item, sign=-1)


@dataclass(frozen=True, slots=True)
class Entry:
    """One event to be booked.

    `key` names the event for good (`capture:op_…`): the same key is booked once. `occurred_at` is aware, and
    `timezone` the merchant's zone in which its business day is found. `reverses` is the key of an entry taken back.
    `branch` is whose day it is where no account tells: a refund leaves on the day of the channel that accepted it.
    """

    key: str
    event: str
    merchant_id: str
    occurred_at: datetime
    timezone: str
    lines: Sequence[Line]
    reverses: str | None = None
    branch: str | None = None

    @property
    def branches(self) -> tuple[str, ...]:
        """Whose days it is booked on: the owners of its accounts, and `branch`."""
        owners = {line.account.code.partition(":")[2] for line in self.lines}
        return tuple(sorted(owners | {self.branch or ""} - {""}))

    @property
    def business_day(self) -> date:
        """The day on which it happened, on the merchant's calendar."""
        return self.occurred_at.astimezone(ZoneInfo(self.timezone)).date()


@dataclass(frozen=True, slots=True)
class Posted:
    """An entry as it stands in the books. `new` is False when its key had been booked before."""

    id: str
    key: str
    book_date: date
    booked_at: datetime
    new: bool


def check(entry: Entry) -> None:
    """Refuse an entry that the database would refuse too, in words that say what to do.

    Raises:
        Unbalanced: its lines do not sum to zero in each currency.
        ItemMissing: an account that lists open items was given none.
        LineRefused: an amount is zero, or no whole number.
        ValueError: `occurred_at` is naive, or `key` is empty.
    """
    if not entry.key or entry.occurred_at.tzinfo is None:
        raise ValueError("an entry has a key, and its occurred_at a time zone")
    sums: dict[str, int] = defaultdict(int)
    for line in entry.lines:
        sums[line.account.currency] += _whole(line.account, line.amount)
        if line.item is None and line.account.item_required:
            raise ItemMissing(entry.key, line.account.code)
    # Per currency: a sum over several would be balanced by chance.
    off = {currency: total for currency, total in sums.items() if total}
    if off or not sums:
        raise Unbalanced(entry.key, off)


def _line(account: AccountSpec, amount: int, item: int | None, *, sign: int) -> Line:
    if _whole(account, amount) < 0:
        raise LineRefused(account.code, amount)
    if account.currency not in EXPONENTS:
        raise ValueError(f"{account.currency!r} is no ISO 4217 currency")
    return Line(account, sign * amount, item)


def _whole(account: AccountSpec, amount: int) -> int:
    # Not isinstance: True is an int, and a line of 1 cent.
    if type(amount) is not int or not 0 < abs(amount) < MAX_LINE:
        raise LineRefused(account.code, amount)
    return amount

"""What the lists that banks offer for download share: movements of one account or several, in either order.

A list has no closing line. Where each row has the account's balance, the balances prove that none is missing: each row
leads from one balance to another, and all of them together from one opening to one closing balance, in whatever order
they stand (`Chain`). Where there are none, a list that was cut off between two rows looks like a shorter one.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from payments.core.money import Money
from reconciliation.formats import table
from reconciliation.formats.base import (
    Problem,
    Record,
    StatementHeader,
    StatementLine,
    StatementTrailer,
    Unreadable,
    guarded,
)
from reconciliation.formats.table import Row

MOST_LOOSE: Final = 10_000  # balances that wait for the row before or after them
LONGEST_TEXT: Final = 2000
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_ACCOUNT: Final = re.compile(r"[A-Z0-9][A-Z0-9.-]{3,39}")
_BLANKS: Final = re.compile(r"\s+")
_DAYS: Final = {"%Y%m%d": "YYYYMMDD", "%d-%m-%Y": "DD-MM-YYYY", "%Y-%m-%d": "YYYY-MM-DD", "%d/%m/%Y": "DD/MM/YYYY"}


@dataclass(frozen=True, slots=True)
class Movement:
    """One row: its line, whose account it moves, and the balance after it where the list has one."""

    account: str
    line: StatementLine
    balance: Money | None = None


@dataclass(slots=True)
class Chain:
    """Balances that no other row has taken up yet: those that rows start from, and those that they lead to."""

    starts: dict[int, list[int]] = field(default_factory=dict)  # balance -> rows
    ends: dict[int, list[int]] = field(default_factory=dict)

    def add(self, row: int, before: int, after: int) -> None:
        """Link a row to its neighbours.

        Raises:
            Unreadable: far too many rows fit no other.
        """
        _take_or_keep(self.ends, self.starts, before, row)
        _take_or_keep(self.starts, self.ends, after, row)
        if len(self.starts) > MOST_LOOSE:
            raise Unreadable(row, "sums_differ", "The balances of the rows do not follow from one another.")

    @property
    def broken_at(self) -> int | None:
        """A row that nothing leads to, beside the one that the list begins with; None if all fit."""
        loose = sorted(row for rows in self.starts.values() for row in rows)
        return loose[-1] if len(loose) > 1 else None


def _take_or_keep(waiting: dict[int, list[int]], own: dict[int, list[int]], balance: int, row: int) -> None:
    rows = waiting.get(balance)
    if rows is None:
        own.setdefault(balance, []).append(row)
    elif len(rows) == 1:
        del waiting[balance]
    else:
        rows.pop()


@dataclass(slots=True)
class _Account:
    """One account while its rows stream by."""

    place: int
    currency: str
    first: Movement
    last: Movement
    opened_on: date
    closed_on: date
    chain: Chain = field(default_factory=Chain)

    def take(self, movement: Movement) -> StatementLine:
        line = movement.line
        self.last = movement
        self.opened_on, self.closed_on = min(self.opened_on, line.booked_on), max(self.closed_on, line.booked_on)
        if movement.balance is not None:
            after = movement.balance.amount
            self.chain.add(line.line, after - line.amount.amount, after)
        return replace(line, statement=self.place)

    def end(self, name: str) -> Iterator[Record]:
        broken = self.chain.broken_at
        if broken is not None:
            detail = f"Row {broken}: the balance does not follow from the other rows of {name}; some are missing."
            yield Problem(broken, "sums_differ", f"{detail} Download the list again.")
        opening, closing = self._balances()
        yield StatementTrailer(self.last.line.line, closing, self.closed_on, opening, self.opened_on)

    def _balances(self) -> tuple[Money | None, Money | None]:
        if self.first.balance is None or self.last.balance is None:
            return None, None
        if self.chain.starts and self.chain.ends:
            return Money(min(self.chain.starts), self.currency), Money(min(self.chain.ends), self.currency)
        # It closes as it opened: in which order it stands, the days tell.
        oldest = self.first if self.first.line.booked_on <= self.last.line.booked_on else self.last
        at = oldest.balance - oldest.line.amount if oldest.balance is not None else None
        return at, at


def statements(rows: Callable[[], Iterator[Row]], read: Callable[[Row], Iterator[Movement]]) -> Iterator[Record]:
    """Yield a statement of each account that the rows are about.

    Args:
        rows: begins to read them.
        read: makes movements of a row, usually one.
    """
    return guarded(_statements(rows, read))


def _statements(rows: Callable[[], Iterator[Row]], read: Callable[[Row], Iterator[Movement]]) -> Iterator[Record]:
    accounts: dict[tuple[str, str], _Account] = {}
    for row in rows():
        try:
            for movement in read(row):
                yield from _take(movement, accounts)
        except ValueError as fault:
            yield table.problem(row, fault)
    if not accounts:
        raise Unreadable(None, "file_truncated", "The list has no movements in it. Download it for another period.")
    for (name, _currency), account in accounts.items():
        yield from account.end(name)


def _take(movement: Movement, accounts: dict[tuple[str, str], _Account]) -> Iterator[Record]:
    line, named = movement.line, (movement.account, movement.line.amount.currency)
    account = accounts.get(named)
    if account is None:
        day, currency = line.booked_on, line.amount.currency
        account = accounts[named] = _Account(len(accounts), currency, movement, movement, day, day)
        yield StatementHeader(line.line, "", movement.account, "", currency, None, None)
    yield account.take(movement)


def account(row: Row, column: str) -> str:
    """The account that a row is about, as it is compared.

    Raises:
        ValueError: the cell names none.
    """
    name = _BLANKS.sub("", row[column]).upper()
    if _ACCOUNT.fullmatch(name) is None:
        raise ValueError(f"{column} is {row[column]!r}, which is no account")
    return name


def day(row: Row, column: str, pattern: str) -> date:
    """A day written by one of the patterns that banks use.

    Raises:
        ValueError: anything else.
    """
    try:
        # `strptime` takes "1" for "01", and a list with such days was edited by hand.
        value = datetime.strptime(row[column], pattern).date()  # noqa: DTZ007 (a day has no zone)
        if value.strftime(pattern) == row[column]:
            return value
    except ValueError:
        pass
    raise ValueError(f"{column} is {row[column]!r}: it is no day ({_DAYS[pattern]})")


def optional_day(row: Row, column: str, pattern: str) -> date | None:
    """The same of a cell that may be empty."""
    return day(row, column, pattern) if row[column] else None


def amount(row: Row, column: str, currency: str, *, mark: str) -> Money:
    """A signed amount, which has to be there.

    Raises:
        ValueError: it cannot be read, or is not there.
    """
    if not row[column]:
        raise ValueError(f"{column} is empty")
    return row.money(column, currency, mark=mark)


def directed(row: Row, column: str, unsigned: Money, *, out: tuple[str, ...], into: tuple[str, ...]) -> Money:
    """An unsigned amount with the sign that another cell tells.

    Raises:
        ValueError: the amount has a sign, or the cell says neither.
    """
    word = row[column].casefold()
    if unsigned.amount < 0:
        raise ValueError(f"the amount has a sign, although {column} tells the direction")
    if word not in (*out, *into):
        raise ValueError(f"{column} is {row[column]!r}: it is neither {into[0]} nor {out[0]}")
    return -unsigned if word in out else unsigned


def iban(text: str) -> str:
    """A counterparty's IBAN, "" for what is none (a card's number, a national number)."""
    compact = _BLANKS.sub("", text).upper()
    return compact if _IBAN.fullmatch(compact) else ""


def joined(*texts: str) -> str:
    """Texts one after another, as a description is kept."""
    return _BLANKS.sub(" ", " ".join(filter(None, texts))).strip()[:LONGEST_TEXT]

"""What hledger and beancount share: account names that both take, and transactions that both read."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import IO, ClassVar, Final

from reconciliation.exports.base import Account, Books, Entry, Nature, by_code, major
from reconciliation.exports.text import ascii_letters, one_line

# Clearing accounts carry what the shop still has to book as turnover: a debt of theirs until it does.
_ROOTS: Final[Mapping[Nature, str]] = {
    Nature.ASSET: "Assets",
    Nature.LIABILITY: "Liabilities",
    Nature.CLEARING: "Liabilities",
    Nature.INCOME: "Income",
    Nature.EXPENSE: "Expenses",
}
_NOT_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9]+")
OPENING: Final = "Opening balances"


class PlainText(ABC):
    """What both write: accounts, what stood on them, transactions, and what must stand on each at the end."""

    media_type: ClassVar[str] = "text/plain"
    profiles: ClassVar[tuple[str, ...]] = ()
    of_one_account: ClassVar[bool] = False
    by_channel: ClassVar[bool] = False
    by_journal: ClassVar[bool] = False
    one_fiscal_year: ClassVar[bool] = False
    most_decimals: ClassVar[int] = 3

    @abstractmethod
    def head(self, books: Books, names: dict[str, str]) -> Iterator[str]:
        """The currency, and the accounts by their names."""

    @abstractmethod
    def assertions(self, books: Books, names: dict[str, str]) -> Iterator[str]:
        """What must stand on each account after the last day."""

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        """Write the whole file."""
        names = _account_names(books.accounts)
        out.write("".join((*self.head(books, names), "\n", *_opening(books, names))).encode())
        _write_transactions(out, books, names, entries)
        out.write("".join(self.assertions(books, names)).encode())


def _account_names(accounts: Iterable[Account]) -> dict[str, str]:
    """What each code is called: `Assets:1210-Receivable-Stripe`."""
    return {one.code: f"{_ROOTS[one.nature]}:{_part(f'{one.code} {one.name}')}" for one in by_code(accounts)}


def _opening(books: Books, names: Mapping[str, str]) -> Iterator[str]:
    """The transaction that brings in what stood before the first day; nothing where the books begin with it."""
    opened = [(names[one.code], one.opening) for one in by_code(books.accounts) if one.opening]
    if opened:
        yield f'{books.first} * "{OPENING}" "before {books.first}"\n'
        yield from (_posting(name, amount, books) for name, amount in opened)
        yield "\n"


def _write_transactions(out: IO[bytes], books: Books, names: Mapping[str, str], entries: Iterable[Entry]) -> None:
    """One transaction an entry; its id is its link, by which it is found again in our books."""
    for entry in entries:
        head = f'{entry.book_date} * "{_quoted(entry.reference)}" "{_quoted(entry.text)}" ^{_link(entry.id)}\n'
        lines = (_posting(names[line.account.code], line.amount, books) for line in entry.lines)
        out.write("".join((head, *lines, "\n")).encode())


def _posting(name: str, amount: int, books: Books) -> str:
    return f"  {name:<50}  {major(amount, books.exponent):>16} {books.currency}\n"


def _part(name: str) -> str:
    """Capital letter or digit first, then letters, digits and hyphens."""
    part = _NOT_IN_NAMES.sub("-", ascii_letters(name)).strip("-") or "X"
    return part[0].upper() + part[1:]


def _quoted(text: str) -> str:
    """Within quotation marks; neither program lets another one stand there unharmed."""
    return one_line(text).replace("\\", "/").replace('"', "'").replace("|", "/").replace(";", ",")


def _link(text: str) -> str:
    return text.replace("_", "-")

"""A journal for hledger: accounts, opening balances, transactions, and what must stand on each account at the end."""

from collections.abc import Iterator
from typing import IO, ClassVar

from reconciliation.exports.base import Books, Entry, by_code, major
from reconciliation.exports.plain_text import account_names, opening, write_transactions


class Hledger:
    """`hledger check` refuses the file where a balance is not what our books say."""

    code: ClassVar[str] = "hledger"
    suffix: ClassVar[str] = "journal"
    media_type: ClassVar[str] = "text/plain"
    profiles: ClassVar[tuple[str, ...]] = ()
    of_one_account: ClassVar[bool] = False
    by_channel: ClassVar[bool] = False
    by_journal: ClassVar[bool] = False
    one_fiscal_year: ClassVar[bool] = False
    most_decimals: ClassVar[int] = 3

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        names = account_names(books.accounts)
        out.write("".join(_head(books, names)).encode())
        write_transactions(out, books, names, entries)
        out.write("".join(_assertions(books, names)).encode())


def _head(books: Books, names: dict[str, str]) -> Iterator[str]:
    places = f".{'0' * books.exponent}" if books.exponent else "."
    yield f"commodity 1000{places} {books.currency}\n"
    yield from (f"account {name}\n" for name in names.values())
    yield "\n"
    yield from opening(books, names)


def _assertions(books: Books, names: dict[str, str]) -> Iterator[str]:
    yield f"{books.last} * balances after the last day\n"
    for one in by_code(books.accounts):
        yield f"  {names[one.code]:<50}  0 {books.currency} = {major(one.closing, books.exponent)} {books.currency}\n"

"""A journal for hledger: accounts, opening balances, transactions, and what must stand on each account at the end."""

from collections.abc import Iterator
from typing import ClassVar

from reconciliation.exports.base import Books, by_code, major
from reconciliation.exports.plain_text import PlainText


class Hledger(PlainText):
    """`hledger check` refuses the file where a balance is not what our books say."""

    code: ClassVar[str] = "hledger"
    suffix: ClassVar[str] = "journal"

    def head(self, books: Books, names: dict[str, str]) -> Iterator[str]:
        places = f".{'0' * books.exponent}" if books.exponent else "."
        yield f"commodity 1000{places} {books.currency}\n"
        yield from (f"account {name}\n" for name in names.values())

    def assertions(self, books: Books, names: dict[str, str]) -> Iterator[str]:
        yield f"{books.last} * balances after the last day\n"
        for one in by_code(books.accounts):
            amount = major(one.closing, books.exponent)
            yield f"  {names[one.code]:<50}  0 {books.currency} = {amount} {books.currency}\n"

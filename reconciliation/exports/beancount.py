"""A file for beancount: accounts, opening balances, transactions, and what must stand on each account at the end."""

from collections.abc import Iterator
from typing import ClassVar

from reconciliation.exports.base import Books, by_code, major
from reconciliation.exports.plain_text import PlainText


class Beancount(PlainText):
    """`bean-check` refuses the file where a balance is not, to the cent, what our books say."""

    code: ClassVar[str] = "beancount"
    suffix: ClassVar[str] = "beancount"

    def head(self, books: Books, names: dict[str, str]) -> Iterator[str]:
        yield f'option "operating_currency" "{books.currency}"\n'
        yield from (f"{books.first} open {name} {books.currency}\n" for name in names.values())

    def assertions(self, books: Books, names: dict[str, str]) -> Iterator[str]:
        """A balance is that of a day's beginning; without `~ 0` beancount lets a cent pass."""
        zero = major(0, books.exponent)
        for one in by_code(books.accounts):
            amount = major(one.closing, books.exponent)
            yield f"{books.day_after} balance {names[one.code]:<50}  {amount} ~ {zero} {books.currency}\n"

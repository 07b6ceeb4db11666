"""bunq's list of movements as CSV, in Dutch or in English. It has no balances.

Amounts have a comma or a point by the language of the app, and always two decimals: the last mark is the decimal one.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from payments.core.money import Money
from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine
from reconciliation.formats.table import Row, has_columns, money, table
from reconciliation.formats.text import bank_lines

_DUTCH: Final = ("Datum", "Bedrag", "Rekening", "Tegenrekening", "Naam", "Omschrijving")
_ENGLISH: Final = ("Date", "Amount", "Account", "Counterparty", "Name", "Description")
_DECIMAL: Final = re.compile(r"[+-]?[0-9.,]*[0-9]([.,])[0-9]{2}")
CURRENCY: Final = "EUR"


class BunqCsv:
    """Reads the movements of one account or several."""

    code: ClassVar[str] = "bunq_csv"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns of either language."""
        return has_columns(head, _DUTCH) or has_columns(head, _ENGLISH)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return bank_csv.statements(lambda: table(stream, _DUTCH, _ENGLISH, read_lines=bank_lines), _movement)


def _movement(row: Row) -> Iterator[Movement]:
    columns = _DUTCH if row.places[_DUTCH[0]] is not None else _ENGLISH
    day, amount, account, other, name, text = columns
    yield Movement(
        account=bank_csv.account(row, account),
        line=StatementLine(
            line=row.number,
            amount=_amount(row, amount),
            booked_on=bank_csv.day(row, day, "%Y-%m-%d"),
            counterparty_name=row[name],
            counterparty_iban=bank_csv.iban(row[other]),
            remittance=bank_csv.joined(row[text]),
        ),
    )


def _amount(row: Row, column: str) -> Money:
    match = _DECIMAL.fullmatch(row[column])
    if match is None:
        raise ValueError(f"{column} is {row[column]!r}: it is no amount with two decimals")
    return money(row[column], CURRENCY, mark=match[1])

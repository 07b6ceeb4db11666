"""ING's list of movements as CSV, in Dutch or in English, with or without the balance after each."""

import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine
from reconciliation.formats.table import Row, has_columns, table
from reconciliation.formats.text import bank_lines

_DUTCH: Final = {
    "day": "Datum",
    "name": "Naam / Omschrijving",
    "account": "Rekening",
    "other": "Tegenrekening",
    "code": "Code",
    "direction": "Af Bij",
    "amount": "Bedrag (EUR)",
    "text": "Mededelingen",
    "balance": "Saldo na mutatie",
}
_ENGLISH: Final = {
    "day": "Date",
    "name": "Name / Description",
    "account": "Account",
    "other": "Counterparty",
    "code": "Code",
    "direction": "Debit/credit",
    "amount": "Amount (EUR)",
    "text": "Notifications",
    "balance": "Resulting balance",
}
_OPTIONAL: Final = "balance"
CURRENCY: Final = "EUR"
_REFERENCE: Final = re.compile(r"(?:Kenmerk|Reference): (\S+)")


class IngCsv:
    """Reads the movements of one account or several."""

    code: ClassVar[str] = "ing_csv"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns of either language."""
        return any(has_columns(head, _required(columns)) for columns in (_DUTCH, _ENGLISH))

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return bank_csv.statements(
            lambda: table(stream, _required(_DUTCH), _required(_ENGLISH), read_lines=bank_lines), _movement
        )


def _required(columns: dict[str, str]) -> set[str]:
    return {column for name, column in columns.items() if name != _OPTIONAL}


def _movement(row: Row) -> Iterator[Movement]:
    columns = _DUTCH if row.places[_DUTCH["direction"]] is not None else _ENGLISH
    unsigned = bank_csv.amount(row, columns["amount"], CURRENCY, mark=",")
    amount = bank_csv.directed(row, columns["direction"], unsigned, out=("af", "debit"), into=("bij", "credit"))
    reference = _REFERENCE.search(row[columns["text"]])
    yield Movement(
        account=bank_csv.account(row, columns["account"]),
        line=StatementLine(
            line=row.number,
            amount=amount,
            booked_on=bank_csv.day(row, columns["day"], "%Y%m%d"),
            end_to_end_id=reference[1][:35] if reference else "",
            counterparty_name=row[columns["name"]],
            counterparty_iban=bank_csv.iban(row[columns["other"]]),
            remittance=bank_csv.joined(row[columns["text"]]),
            code=row[columns["code"]],
        ),
        balance=row.money(columns["balance"], CURRENCY, mark=",") if row[columns["balance"]] else None,
    )

"""Knab's list of movements as CSV, in Dutch. It has no balances."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine
from reconciliation.formats.table import Row, has_columns, table
from reconciliation.formats.text import bank_lines

REQUIRED: Final = (
    *("Rekeningnummer", "Transactiedatum", "Valutacode", "CreditDebet", "Bedrag", "Tegenrekeningnummer"),
    *("Tegenrekeninghouder", "Valutadatum", "Omschrijving", "Referentie"),
)


class KnabCsv:
    """Reads the movements of one account or several."""

    code: ClassVar[str] = "knab_csv"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns, below a title or not."""
        return has_columns(head, REQUIRED)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return bank_csv.statements(lambda: table(stream, REQUIRED, read_lines=bank_lines), _movement)


def _movement(row: Row) -> Iterator[Movement]:
    unsigned = bank_csv.amount(row, "Bedrag", row.currency("Valutacode"), mark=",")
    booked_on = "Boekdatum" if row["Boekdatum"] else "Transactiedatum"
    yield Movement(
        account=bank_csv.account(row, "Rekeningnummer"),
        line=StatementLine(
            line=row.number,
            amount=bank_csv.directed(row, "CreditDebet", unsigned, out=("d", "debet"), into=("c", "credit")),
            booked_on=bank_csv.day(row, booked_on, "%d-%m-%Y"),
            valued_on=bank_csv.optional_day(row, "Valutadatum", "%d-%m-%Y"),
            bank_reference=row.reference("Referentie"),
            counterparty_name=row["Tegenrekeninghouder"],
            counterparty_iban=bank_csv.iban(row["Tegenrekeningnummer"]),
            remittance=bank_csv.joined(row["Omschrijving"]),
            code=row["Betaalwijze"],
        ),
    )

"""Rabobank's list of movements as CSV (CSV_A): all accounts of the shop, numbered, with the balance after each."""

from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine
from reconciliation.formats.table import Row, has_columns, table
from reconciliation.formats.text import bank_lines

REQUIRED: Final = ("IBAN/BBAN", "Munt", "Volgnr", "Datum", "Rentedatum", "Bedrag", "Saldo na trn")
_TEXTS: Final = ("Betalingskenmerk", "Omschrijving-1", "Omschrijving-2", "Omschrijving-3", "Reden retour")


class RabobankCsv:
    """Reads the movements of one account or several."""

    code: ClassVar[str] = "rabobank_csv"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """It has the columns, with the bank's own number and balance."""
        return has_columns(head, REQUIRED)

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return bank_csv.statements(lambda: table(stream, REQUIRED, read_lines=bank_lines), _movement)


def _movement(row: Row) -> Iterator[Movement]:
    currency = row.currency("Munt")
    reference = row["Transactiereferentie"]
    yield Movement(
        account=bank_csv.account(row, "IBAN/BBAN"),
        line=StatementLine(
            line=row.number,
            amount=bank_csv.amount(row, "Bedrag", currency, mark=","),
            booked_on=bank_csv.day(row, "Datum", "%Y-%m-%d"),
            valued_on=bank_csv.optional_day(row, "Rentedatum", "%Y-%m-%d"),
            bank_reference=row.reference("Volgnr"),
            end_to_end_id="" if reference == "NOTPROVIDED" else reference,
            batch=row["Batch ID"],
            counterparty_name=row["Naam tegenpartij"],
            counterparty_iban=bank_csv.iban(row["Tegenrekening IBAN/BBAN"]),
            remittance=bank_csv.joined(*(row[column] for column in _TEXTS)),
            code=row["Code"],
        ),
        balance=bank_csv.amount(row, "Saldo na trn", currency, mark=","),
    )

"""The list of movements of ASN Bank, SNS and RegioBank: nineteen columns without a header row, texts in single quotes.

Each row has the balance before it. The text alone may hold a comma.
"""

import re
from collections.abc import Iterator
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine, Unreadable
from reconciliation.formats.table import Places, Row
from reconciliation.formats.text import bank_lines, head_text

COLUMNS: Final = (
    *("Boekingsdatum", "Opdrachtgeversrekening", "Tegenrekeningnummer", "Naam tegenrekening", "Adres", "Postcode"),
    *("Plaats", "Valutasoort rekening", "Saldo rekening voor mutatie", "Valutasoort mutatie", "Transactiebedrag"),
    *("Journaaldatum", "Valutadatum", "Interne transactiecode", "Globale transactiecode", "Volgnummer"),
    *("Betalingskenmerk", "Omschrijving", "Afschriftnummer"),
)
_FIRST: Final = re.compile(
    r"\s*[0-9]{2}-[0-9]{2}-[0-9]{4},[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30},(?:[^,\n]*,){5}[A-Z]{3},-?[0-9.]+,[A-Z]{3},-?[0-9.]+,"
)
_TEXT_AT: Final = COLUMNS.index("Omschrijving")
_REST: Final = re.compile(r"(?:'(.*)'|([^,]*)),([^,']*)")


class VolksbankCsv:
    """Reads the movements of one account or several."""

    code: ClassVar[str] = "volksbank_csv"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """Its first line is such a row."""
        return _FIRST.match(head_text(head)) is not None

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return bank_csv.statements(lambda: _rows(bank_lines(stream)), _movement)


def _rows(lines: Iterator[str]) -> Iterator[Row]:
    places = Places({column.casefold(): place for place, column in enumerate(COLUMNS)})
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        cells = line.rstrip("\r\n").split(",", _TEXT_AT)
        rest = _REST.fullmatch(cells[-1]) if len(cells) > _TEXT_AT else None
        if rest is None:
            last = next(lines, None) is None  # a file cut off within a row gets another code than one that is wrong
            detail = f"Row {number} does not have the {len(COLUMNS)} cells of this list."
            raise Unreadable(number, "file_truncated" if last else "record_invalid", detail)
        yield Row(number, [*cells[:-1], rest[1] or rest[2] or "", rest[3]], places)


def _movement(row: Row) -> Iterator[Movement]:
    currency = row.currency("Valutasoort rekening")
    if row.currency("Valutasoort mutatie") != currency:
        raise ValueError(f"Valutasoort mutatie is {row['Valutasoort mutatie']}, and the account is in {currency}")
    amount = bank_csv.amount(row, "Transactiebedrag", currency, mark=".")
    yield Movement(
        account=bank_csv.account(row, "Opdrachtgeversrekening"),
        line=StatementLine(
            line=row.number,
            amount=amount,
            booked_on=bank_csv.day(row, "Boekingsdatum", "%d-%m-%Y"),
            valued_on=bank_csv.optional_day(row, "Valutadatum", "%d-%m-%Y"),
            # The number alone comes again: 00000000 is nobody's.
            bank_reference=row["Volgnummer"] if row["Volgnummer"].strip("0") else "",
            counterparty_name=row["Naam tegenrekening"],
            counterparty_iban=bank_csv.iban(row["Tegenrekeningnummer"]),
            remittance=bank_csv.joined(row["Betalingskenmerk"], row["Omschrijving"]),
            code=row["Globale transactiecode"],
        ),
        balance=bank_csv.amount(row, "Saldo rekening voor mutatie", currency, mark=".") + amount,
    )

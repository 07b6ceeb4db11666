"""ABN AMRO's list of movements (TAB): eight columns without a header row, with the balance before and after each."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO, ClassVar, Final

from reconciliation.formats import bank_csv
from reconciliation.formats.bank_csv import Movement
from reconciliation.formats.base import Kind, Record, StatementLine
from reconciliation.formats.mt_details import details
from reconciliation.formats.table import Row, untitled
from reconciliation.formats.text import bank_lines, head_text

COLUMNS: Final = (
    *("Rekeningnummer", "Muntsoort", "Transactiedatum", "Beginsaldo", "Eindsaldo", "Rentedatum", "Transactiebedrag"),
    "Omschrijving",
)
_AMOUNT: Final = r"[+-]?[0-9.]+,[0-9]{2}"
_FIRST: Final = re.compile(
    rf"\s*[A-Z0-9.]{{6,34}}\t[A-Z]{{3}}\t[0-9]{{8}}\t{_AMOUNT}\t{_AMOUNT}\t[0-9]{{8}}\t{_AMOUNT}\t"
)
# Of a card payment or a transfer in fixed columns: the words before a colon, and what stands behind it.
_FIXED: Final = re.compile(
    r"(IBAN|BIC|Naam|Omschrijving|Kenmerk): *(.*?)(?= +(?:IBAN|BIC|Naam|Omschrijving|Kenmerk):|$)"
)


class AbnAmroTab:
    """Reads the movements of one account or several."""

    code: ClassVar[str] = "abnamro_tab"
    kind: ClassVar[Kind] = Kind.STATEMENT
    providers: ClassVar[tuple[str, ...]] = ()

    def identify(self, head: bytes, name: str) -> bool:
        """Its first line is such a row."""
        return _FIRST.match(head_text(head)) is not None

    def parse(self, stream: BinaryIO) -> Iterator[Record]:
        """Yield headers and lines as they come, then the trailers."""
        return bank_csv.statements(lambda: untitled(bank_lines(stream), COLUMNS, "\t"), _movement)


def _movement(row: Row) -> Iterator[Movement]:
    currency = row.currency("Muntsoort")
    amount, before, after = (
        bank_csv.amount(row, column, currency, mark=",") for column in ("Transactiebedrag", "Beginsaldo", "Eindsaldo")
    )
    if before + amount != after:
        raise ValueError(f"Beginsaldo {before} and Transactiebedrag {amount} do not make Eindsaldo {after}")
    line = StatementLine(
        line=row.number,
        amount=amount,
        booked_on=bank_csv.day(row, "Transactiedatum", "%Y%m%d"),
        valued_on=bank_csv.day(row, "Rentedatum", "%Y%m%d"),
    )
    yield Movement(bank_csv.account(row, "Rekeningnummer"), _described(line, row["Omschrijving"]), after)


def _described(line: StatementLine, text: str) -> StatementLine:
    """As the bank's MT940 has it, or in fixed columns."""
    if text.startswith("/"):
        return details(line, [text])
    fields = {match[1]: match[2].strip() for match in _FIXED.finditer(text)}
    return replace(
        line,
        counterparty_iban=bank_csv.iban(fields.get("IBAN", "")),
        counterparty_name=fields.get("Naam", ""),
        end_to_end_id=fields.get("Kenmerk", "")[:35],
        remittance=bank_csv.joined(text),
    )

"""The columns of a journal, as each package names them.

No package publishes a layout for journal files that could be checked here, but for Xero's template. So the columns are
the fields of its API where those are documented (README: "What was verified by what"), one row a posting.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from reconciliation.exports.base import Books, Entry, Line, fiscal_period, fiscal_year
from reconciliation.exports.text import one_line


@dataclass(frozen=True, slots=True)
class Amount:
    """Minor units of the export's currency, a number in every file."""

    minor: int


Cell = str | int | Amount | dt.date | None
Value = Callable[[Books, Entry, Line, int], Cell]


@dataclass(frozen=True, slots=True)
class Profile:
    """A layout: its columns, and how CSV is written where the package expects Dutch or English files."""

    columns: tuple[tuple[str, Value], ...]
    delimiter: str = ";"
    decimal: str = ","
    date_format: str = "%d-%m-%Y"


def _debit(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return Amount(line.amount) if line.amount > 0 else None


def _credit(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return Amount(-line.amount) if line.amount < 0 else None


def _signed(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return Amount(line.amount)


def _unsigned(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return Amount(abs(line.amount))


def _text(longest: int | None = None) -> Value:
    return lambda books, entry, line, number: one_line(entry.text, longest)


def _reference(longest: int | None = None) -> Value:
    return lambda books, entry, line, number: one_line(entry.reference, longest)


def _invoice(longest: int) -> Value:
    """The invoice that the order pays, by which open ones are matched; without one, what people know the entry by."""
    return lambda books, entry, line, number: one_line(entry.invoice or entry.reference, longest)


def _voucher(longest: int) -> Value:
    """The entry's own id, from its end: it stays unique."""
    return lambda books, entry, line, number: entry.id.partition("_")[2][-longest:]


def _year(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return fiscal_year(entry.book_date, books.company.fiscal_year_start)[0].year


def _period(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return fiscal_period(entry.book_date, books.company.fiscal_year_start)


def _year_and_period(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    start = books.company.fiscal_year_start
    return f"{fiscal_year(entry.book_date, start)[0].year}/{fiscal_period(entry.book_date, start):02}"


def _always(value: Cell) -> Value:
    return lambda books, entry, line, number: value


def _day(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return entry.book_date


def _journal(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return entry.journal


def _account(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return line.account.code


def _currency(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return books.currency


def _vat(none: str = "") -> Value:
    return lambda books, entry, line, number: line.account.vat_code or none


def _side(books: Books, entry: Entry, line: Line, number: int) -> Cell:
    return "debit" if line.amount > 0 else "credit"


PROFILES: Final[dict[str, Profile]] = {
    "generic": Profile(
        (
            ("entry", lambda books, entry, line, number: entry.id),
            ("line", lambda books, entry, line, number: number),
            ("date", _day),
            ("journal", _journal),
            ("event", lambda books, entry, line, number: entry.event),
            ("reference", _reference()),
            ("description", _text()),
            ("account", _account),
            ("account_name", lambda books, entry, line, number: one_line(line.account.name)),
            ("debit", _debit),
            ("credit", _credit),
            ("currency", _currency),
            ("vat_code", _vat()),
            ("about", lambda books, entry, line, number: line.about),
            ("ledger_account", lambda books, entry, line, number: line.account.ledger_code),
            ("invoice", lambda books, entry, line, number: one_line(entry.invoice)),
        ),
        delimiter=",",
        decimal=".",
        date_format="%Y-%m-%d",
    ),
    "exact": Profile(
        (
            ("JournalCode", _journal),
            ("FinancialYear", _year),
            ("FinancialPeriod", _period),
            ("Date", _day),
            ("GLAccountCode", _account),
            ("Description", _text(60)),
            ("AmountFC", _signed),
            ("Currency", _currency),
            ("VATCode", _vat()),
            ("Notes", lambda books, entry, line, number: entry.id),
        )
    ),
    "twinfield": Profile(
        (
            ("code", _journal),
            ("period", _year_and_period),
            ("date", _day),
            ("currency", _currency),
            ("number", _voucher(26)),
            ("dim1", _account),
            ("debitcredit", _side),
            ("value", _unsigned),
            ("vatcode", _vat()),
            ("invoicenumber", _invoice(40)),
            ("description", _text(40)),
        ),
        date_format="%Y%m%d",
    ),
    "snelstart": Profile(
        (
            ("Dagboek", _journal),
            ("Datum", _day),
            ("Boekstuk", _voucher(25)),
            ("Omschrijving", _text(250)),
            ("Grootboek", _account),
            ("Debet", _debit),
            ("Credit", _credit),
            ("Btw", _vat("Geen")),
        )
    ),
    "afas": Profile(
        (
            ("Year", _year),
            ("Peri", _period),
            ("JoCo", _journal),
            ("VaAs", _always("1")),
            ("AcNr", _account),
            ("EnDa", _day),
            ("BpDa", _day),
            ("BpNr", _voucher(26)),
            ("Ds", _text(255)),
            ("AmDe", _debit),
            ("AmCr", _credit),
            ("VaId", _vat()),
            ("PaId", _reference(32)),
        )
    ),
    "eboekhouden": Profile(
        (
            ("type", _always("7")),
            ("date", _day),
            ("entryNumber", _voucher(26)),
            ("ledgerCode", _account),
            ("description", _text(50)),
            ("inExVat", _always("EX")),
            ("vatCode", _vat("GEEN")),
            ("amount", _signed),
            ("invoiceNumber", _invoice(50)),
        )
    ),
    "moneybird": Profile(
        (
            ("reference", lambda books, entry, line, number: entry.id),
            ("date", _day),
            ("ledger_account", _account),
            ("tax_rate", _vat()),
            ("description", _text()),
            ("debit", _debit),
            ("credit", _credit),
        ),
        delimiter=",",
        decimal=".",
        date_format="%Y-%m-%d",
    ),
    "xero": Profile(
        (
            ("*Narration", lambda books, entry, line, number: entry.id),
            ("*Date", _day),
            ("Description", _text()),
            ("*AccountCode", _account),
            ("*TaxRate", _vat("NONE")),
            ("*Amount", _signed),
            ("TrackingName1", _always("")),
            ("TrackingOption1", _always("")),
            ("TrackingName2", _always("")),
            ("TrackingOption2", _always("")),
        ),
        delimiter=",",
        decimal=".",
        date_format="%d/%m/%Y",
    ),
}

"""The Dutch audit file (XML Auditfile Financieel), versions 3.2 and 4.0: a fiscal year, or a part of it.

Totals stand before the lines they are of, so they come from the books and are compared while the lines are written.
Amounts are unsigned beside `amntTp`. Onetill closes no result at the end of a year: what an account of the result
stands at is opened with, like the others, and the accountant's books decide about it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import IO, ClassVar, Final

from reconciliation.exports.base import (
    SOFTWARE,
    Books,
    CodedAccount,
    Entry,
    by_code,
    fiscal_period,
    fiscal_year,
    major,
    months,
)
from reconciliation.exports.markup import DECLARATION, element, optional

FORMAT_VERSION: Final = "1"  # of what is written here, not of the program: the same books give the same bytes
NO_NUMBER: Final = "ONBEKEND"  # where the merchant has no VAT number; the export says so in its problems


@dataclass(frozen=True, slots=True)
class Version:
    """What differs between the versions: longest texts, and elements that only one of them has."""

    namespace: str
    name: int
    reference: int
    company_number: str  # the element of the trade register's number
    dates_its_opening: bool
    describes_periods: bool


V32: Final = Version("http://www.auditfiles.nl/XAF/3.2", 999, 999, "companyIdent", True, True)
V40: Final = Version(
    "http://www.odb.belastingdienst.nl/Belastingdienst/BCPP/1.1/structures/XmlauditfileXAF_4.0",
    255,
    255,
    "Commercenr",
    False,
    False,
)


class _Xaf:
    """What both versions share."""

    version: ClassVar[Version]
    suffix: ClassVar[str] = "xaf"
    media_type: ClassVar[str] = "application/xml"
    profiles: ClassVar[tuple[str, ...]] = ()
    of_one_account: ClassVar[bool] = False
    by_channel: ClassVar[bool] = False
    by_journal: ClassVar[bool] = True
    one_fiscal_year: ClassVar[bool] = True
    most_decimals: ClassVar[int] = 2

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        writer = _Writer(self.version, books)
        for piece in writer.pieces(entries):
            out.write(piece.encode())


class Xaf32(_Xaf):
    """Version 3.2, which every Dutch package reads."""

    code: ClassVar[str] = "xaf32"
    version: ClassVar[Version] = V32


class Xaf40(_Xaf):
    """Version 4.0, of 2025."""

    code: ClassVar[str] = "xaf40"
    version: ClassVar[Version] = V40


class _Writer:
    def __init__(self, version: Version, books: Books) -> None:
        self._version, self._books = version, books
        self._start = books.company.fiscal_year_start

    def pieces(self, entries: Iterator[Entry]) -> Iterator[str]:
        """The file from its first to its last character."""
        yield f'{DECLARATION}<auditfile xmlns="{self._version.namespace}">'
        yield from self._header()
        yield "<company>"
        yield from self._company()
        accounts = by_code(self._books.accounts)
        yield from self._accounts(accounts)
        yield from self._periods()
        yield from self._opening([one for one in accounts if one.opening])
        yield from self._transactions(entries)
        yield "</company></auditfile>\n"

    def _header(self) -> Iterator[str]:
        books = self._books
        first, last = fiscal_year(books.first, self._start)
        yield "<header>"
        yield element("fiscalYear", first.year if first.year == last.year else f"{first.year}-{last.year}")
        yield element("startDate", books.first.isoformat())
        yield element("endDate", books.last.isoformat())
        yield element("curCode", books.currency)
        yield element("dateCreated", (books.totals.booked_on or books.last).isoformat())
        yield element("softwareDesc", SOFTWARE)
        yield element("softwareVersion", FORMAT_VERSION)
        yield "</header>"

    def _company(self) -> Iterator[str]:
        company = self._books.company
        yield optional(self._version.company_number, company.registration_number, 35)
        yield element("companyName", company.name, self._version.name)
        yield element("taxRegistrationCountry", company.country)
        yield element("taxRegIdent", company.vat_number or company.registration_number or NO_NUMBER, 30)

    def _accounts(self, accounts: list[CodedAccount]) -> Iterator[str]:
        if not accounts:
            return
        yield "<generalLedger>"
        for one in accounts:
            yield "<ledgerAccount>"
            yield element("accID", one.code, 35)
            yield element("accDesc", one.name, self._version.name)
            yield element("accTp", "B" if one.nature.of_balance else "P")
            yield "</ledgerAccount>"
        yield "</generalLedger>"

    def _periods(self) -> Iterator[str]:
        yield "<periods>"
        for number, first, last in months(fiscal_year(self._books.first, self._start)[0]):
            yield f"<period>{element('periodNumber', number)}"
            if self._version.describes_periods:
                yield element("periodDesc", f"{first:%Y-%m}")
            yield element("startDatePeriod", first.isoformat())
            yield f"{element('endDatePeriod', last.isoformat())}</period>"
        yield "</periods>"

    def _opening(self, accounts: list[CodedAccount]) -> Iterator[str]:
        debit = sum(one.opening for one in accounts if one.opening > 0)
        yield "<openingBalance>"
        if self._version.dates_its_opening:
            yield element("opBalDate", self._books.first.isoformat())
        yield self._totals(len(accounts), debit, debit - sum(one.opening for one in accounts))
        for number, one in enumerate(accounts, 1):
            yield f"<obLine>{element('nr', number)}{element('accID', one.code, 35)}{self._amount(one.opening)}</obLine>"
        yield "</openingBalance>"

    def _transactions(self, entries: Iterator[Entry]) -> Iterator[str]:
        totals = self._books.totals
        yield "<transactions>"
        yield self._totals(totals.postings, totals.debit, totals.credit)
        for journal, its in groupby(entries, lambda entry: entry.journal):
            yield f"<journal>{element('jrnID', journal, 35)}{element('desc', journal)}{element('jrnTp', 'M')}"
            for entry in its:
                yield self._transaction(entry)
            yield "</journal>"
        yield "</transactions>"

    def _transaction(self, entry: Entry) -> str:
        day, text = entry.book_date, optional("desc", entry.text, 9999)
        about = element("docRef", entry.reference or entry.id, self._version.reference)
        about += element("effDate", day.isoformat())
        lines = "".join(
            f"<trLine>{element('nr', number)}{element('accID', line.account.code, 35)}{about}{text}"
            f"{self._amount(line.amount)}</trLine>"
            for number, line in enumerate(entry.lines, 1)
        )
        head = element("nr", entry.id.partition("_")[2]) + text
        head += element("periodNumber", fiscal_period(day, self._start)) + element("trDt", day.isoformat())
        return f"<transaction>{head}{lines}</transaction>"

    def _totals(self, count: int, debit: int, credit: int) -> str:
        return (
            element("linesCount", count)
            + element("totalDebit", self._major(debit))
            + element("totalCredit", self._major(credit))
        )

    def _amount(self, amount: int) -> str:
        return element("amnt", self._major(abs(amount))) + element("amntTp", "D" if amount > 0 else "C")

    def _major(self, amount: int) -> str:
        return major(amount, self._books.exponent)

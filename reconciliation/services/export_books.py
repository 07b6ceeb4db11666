"""Read the books for an export within one snapshot, and prove them while they are written.

Three things must agree: what the ledger says stood and stands on each account (checkpoints and their tail), what
the database adds up over the span, and what was really written, entry by entry.
"""

import datetime as dt
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter
from typing import IO, Any, Final

from django.utils import translation

from payments.core.errors import OnetillError
from payments.core.money import EXPONENTS
from payments.ledger import balances
from payments.ledger.models import Account as LedgerAccount
from payments.models import Merchant
from payments.queries import books
from reconciliation.exports.base import Account, Books, Company, Entry, ExportKind, Line, Totals
from reconciliation.models import Export
from reconciliation.services import export_texts
from reconciliation.services.account_mapping import mapped_accounts
from reconciliation.sql import exports as sql
from reconciliation.sql.exports import Moved, Row, Span

AT_ONCE: Final = 1_000  # entries whose texts are looked up together
MODULUS: Final = 1 << 256

Problem = dict[str, Any]


class NotReleased(OnetillError):
    """The export stays where it is; `problems` say why."""

    status = 422
    title = "Export failed"

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("export_failed", problems[0]["detail"])
        self.problems = problems


@dataclass(slots=True)
class Tally:
    """What was written, counted while it was: the ground on which an export is released."""

    balanced: bool  # whether each entry must come to nothing
    entries: int = 0
    postings: int = 0
    debit: int = 0
    credit: int = 0
    first: tuple[dt.date, str] | None = None
    last: tuple[dt.date, str] | None = None
    digest: int = 0
    moved: dict[str, int] = field(default_factory=dict)
    unbalanced: list[str] = field(default_factory=list)
    opening: int | None = None
    closing: int | None = None

    def watch(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        """Hand on each entry, and count it."""
        for entry in entries:
            self._count(entry)
            yield entry

    @property
    def entries_sha256(self) -> str:
        """The sum of the SHA-256 of the entries' ids, so that the order of a file makes no difference."""
        return f"{self.digest:064x}"

    def _count(self, entry: Entry) -> None:
        place, total = (entry.book_date, entry.id), 0
        for line in entry.lines:
            total += line.amount
            code = line.account.ledger_code
            self.moved[code] = self.moved.get(code, 0) + line.amount
            self.debit += max(line.amount, 0)
            self.credit += max(-line.amount, 0)
        if self.balanced and total:
            self.unbalanced.append(entry.id)
        self.entries += 1
        self.postings += len(entry.lines)
        self.first = min(self.first or place, place)
        self.last = max(self.last or place, place)
        self.digest = (self.digest + int.from_bytes(hashlib.sha256(entry.id.encode()).digest())) % MODULUS


def write_books(export: Export, kind: ExportKind, out: IO[bytes]) -> Tally:
    """Write the export's file and return what it holds.

    Raises:
        NotReleased: an account that has something to export is unmapped, or the books do not agree with what was
            written.
    """
    with sql.snapshot(), translation.override(export.merchant.language):
        reading = _Reading(export, kind)
        reading.refuse_unmapped()
        tally = Tally(balanced=not kind.of_one_account)
        kind.write(out, reading.books, tally.watch(reading.entries()))
        reading.refuse_differences(tally)
    tally.opening, tally.closing = reading.opening_and_closing()
    return tally


def booked_since(export: Export, kind: ExportKind) -> int:
    """How many entries the export's days have now that its file does not hold: nothing that is booked goes away."""
    codes = _account_codes(export, kind)
    _, entries, _ = sql.totals(_span(export, kind, codes, dict.fromkeys(codes, "")))
    return entries - (export.entries or 0)


class _Reading:
    """The books of one export, within the snapshot."""

    def __init__(self, export: Export, kind: ExportKind) -> None:
        self._export, self._kind = export, kind
        self._mapped = mapped_accounts(export.merchant)
        self._codes = _account_codes(export, kind)
        journals = {number: self._mapped[code].journal for number, code in self._codes.items()}
        self._span = _span(export, kind, self._codes, journals)
        self._moved, entries, booked_at = sql.totals(self._span)
        self._opening = self._stood(export.first - dt.timedelta(days=1))
        self._closing = self._stood(export.last)
        self._accounts = {number: self._account(number) for number in self._codes if self._is_in(number)}
        self.books = self._books(entries, booked_at)

    def refuse_unmapped(self) -> None:
        """Release nothing while an account has no code; a statement names none."""
        unmapped = [] if self._kind.of_one_account else [one for one in self._accounts.values() if not one.code]
        if unmapped:
            raise NotReleased([_unmapped(one.ledger_code) for one in unmapped])

    def entries(self) -> Iterator[Entry]:
        """The entries in the order of the kind, with their texts."""
        rows = groupby(sql.rows(self._span), key=attrgetter("entry"))
        whole = ([*its] for _, its in rows)
        while some := _some(whole):
            yield from self._named(some)

    def refuse_differences(self, tally: Tally) -> None:
        """Compare what was written with the books' own sums, and with what stood before and stands after."""
        totals = self.books.totals
        problems = [_unbalanced(entry) for entry in tally.unbalanced]
        stated = {name: getattr(totals, name) for name in ("entries", "postings", "debit", "credit")}
        problems += [
            _differs(name, value, made) for name, value in stated.items() if (made := getattr(tally, name)) != value
        ]
        for number, code in self._codes.items():
            if self._span.owned is None or number in self._span.owned:
                made = self._opening.get(number, 0) + tally.moved.get(code, 0)
                if made != self._closing.get(number, 0):
                    problems.append(_differs(code, self._closing.get(number, 0), made))
        if problems:
            raise NotReleased(problems)

    def opening_and_closing(self) -> tuple[int | None, int | None]:
        """A statement's balances; of whole books the sum of a trial balance's debits; of one channel none."""
        if self._span.owned is not None:
            return None, None
        if self._kind.of_one_account:
            return sum(self._opening.values()), sum(self._closing.values())
        return _debits(self._opening), _debits(self._closing)

    def _stood(self, day: dt.date) -> dict[int, int]:
        found = balances.trial_balance(self._export.merchant_id, day)
        return {row.number: row.amount for row in found if row.number in self._codes}

    def _is_in(self, number: int) -> bool:
        if number in self._moved or self._kind.of_one_account:
            return True
        return self._span.owned is None and bool(self._opening.get(number) or self._closing.get(number))

    def _account(self, number: int) -> Account:
        mapped = self._mapped[self._codes[number]]
        return mapped.stood(self._opening.get(number, 0), self._closing.get(number, 0))

    def _books(self, entries: int, booked_at: dt.datetime | None) -> Books:
        export, accounts = self._export, sorted(self._accounts.values(), key=attrgetter("ledger_code"))
        return Books(
            company=company_of(export.merchant),
            currency=export.currency,
            exponent=EXPONENTS[export.currency],
            first=export.first,
            last=export.last,
            profile=export.profile,
            accounts=tuple(accounts),
            totals=_totals(self._moved, entries, booked_at and export.merchant.business_day(booked_at)),
            statement_of=accounts[0] if self._kind.of_one_account else None,
        )

    def _named(self, entries: list[list[Row]]) -> Iterator[Entry]:
        items = {rows[0].entry: [row.item for row in rows if row.item is not None] for rows in entries}
        # A statement has one line of each entry: the others may be about what people look for.
        about = sql.first_items(list(items)) if self._kind.of_one_account else {}
        described = [
            export_texts.Described(rows[0].entry, rows[0].key, rows[0].event, [*its, *about.get(rows[0].entry, [])])
            for rows, its in zip(entries, items.values(), strict=True)
        ]
        names = export_texts.Names(described)
        for rows, entry in zip(entries, described, strict=True):
            yield self._entry(rows, names.of(entry), names)

    def _entry(self, rows: list[Row], named: export_texts.Named, names: export_texts.Names) -> Entry:
        row = rows[0]
        return Entry(
            id=row.entry,
            key=row.key,
            event=row.event,
            book_date=row.book_date,
            journal=row.journal,
            reference=named.reference,
            text=export_texts.sentence(row.event, named),
            invoice=named.invoice,
            lines=[Line(self._accounts[one.account], one.amount, names.object_of(one.item)) for one in rows],
        )


def _account_codes(export: Export, kind: ExportKind) -> dict[int, str]:
    """The accounts that an export reads, by their numbers."""
    rows = LedgerAccount.objects.filter(merchant_id=export.merchant_id, currency=export.currency)
    known = rows.filter(code=export.account) if kind.of_one_account else rows
    return dict(known.order_by("number").values_list("number", "code"))


def _span(export: Export, kind: ExportKind, codes: Mapping[int, str], journals: Mapping[int, str]) -> Span:
    channel = export.channel_id
    return Span(
        merchant=export.merchant_id,
        first=export.first,
        last=export.last,
        journals=journals,
        owned=[number for number, code in codes.items() if code.endswith(f":{channel}")] if channel else None,
        by_journal=kind.by_journal,
        changes=kind.of_one_account,
    )


def _some(entries: Iterator[list[Row]]) -> list[list[Row]]:
    """The next entries, until they are `AT_ONCE` or have five times as many postings."""
    found: list[list[Row]] = []
    postings = 0
    while len(found) < AT_ONCE and postings < 5 * AT_ONCE and (rows := next(entries, None)):
        found.append(rows)
        postings += len(rows)
    return found


def company_of(merchant: Merchant) -> Company:
    """Whose books they are, as a file says it."""
    return Company(
        name=merchant.name,
        country=merchant.country,
        vat_number=merchant.vat_number,
        registration_number=merchant.registration_number,
        fiscal_year_start=merchant.fiscal_year_start,
    )


def _totals(moved: Mapping[int, Moved], entries: int, booked_on: dt.date | None) -> Totals:
    return Totals(
        entries=entries,
        postings=sum(one.postings for one in moved.values()),
        debit=sum(one.debit for one in moved.values()),
        credit=-sum(one.credit for one in moved.values()),
        booked_on=booked_on,
    )


def _debits(stood: Mapping[int, int]) -> int:
    return sum(amount for amount in stood.values() if amount > 0)


def _unmapped(account: str) -> Problem:
    with translation.override("en"):  # as all details are
        title = books.names([account])[account]
    return {
        "code": "account_unmapped",
        "detail": f"{title} has no account in the accountant's software. Enter its code, then export again.",
        "account": account,
    }


def _unbalanced(entry: str) -> Problem:
    return {"code": "entry_unbalanced", "detail": f"{entry} does not come to nothing.", "account": None}


def _differs(what: str, stated: int, made: int) -> Problem:
    detail = f"{what}: the books have {stated}, the export {made}. Have the books audited (audit_ledger)."
    return {"code": "books_differ", "detail": detail, "account": what if ":" in what else None}

"""Read a file into the session's temporary tables, and return its headers and problems."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any, BinaryIO, Final, cast

from django.conf import settings
from psycopg.types.json import Jsonb

from payments.core.pan import mask_card_numbers
from payments.runtime.fail_points import fail_point
from reconciliation import registry
from reconciliation.formats.archive import documents, stands_beside
from reconciliation.formats.base import (
    HEAD,
    Kind,
    Problem,
    Reader,
    Record,
    SettlementHeader,
    SettlementLine,
    SettlementTrailer,
    StatementHeader,
    StatementLine,
    StatementTrailer,
    Unreadable,
)
from reconciliation.formats.plausible import implausible
from reconciliation.formats.workbook import SheetAsCsv
from reconciliation.models import SettlementFile
from reconciliation.services import mappings
from reconciliation.sql import session

MOST_PROBLEMS: Final = 100  # nobody mends more at a time; reading ends there
LONGEST: Final = 255  # what a column holds
LONGEST_REMITTANCE: Final = 2000
EXCEL_SHEET: Final = "This is an Excel sheet. Save it as CSV, or make a mapping for it under Settings."


@dataclass(slots=True)
class Reading:
    """The contents of a file, except its lines: these are in the temporary tables."""

    format: Reader | None = None
    settlements: list[tuple[SettlementHeader, SettlementTrailer]] = field(default_factory=list)
    statements: list[tuple[StatementHeader, StatementTrailer]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)  # files of an archive that stand beside what is read
    left_out: dict[int, Problem | None] = field(default_factory=dict)  # statements that are not booked, and why
    lines: int = 0
    masked: int = 0
    headers: int = 0
    document: int = 0  # the headers before this document's
    _open: list[Any] = field(default_factory=list)

    @property
    def booked(self) -> list[tuple[StatementHeader, StatementTrailer]]:
        """The statements that are booked of it."""
        return [pair for place, pair in enumerate(self.statements) if place not in self.left_out]

    @property
    def noted(self) -> list[Problem]:
        """What is left out of a file that is imported, each reason once."""
        return list(dict.fromkeys([*filter(None, self.left_out.values()), *self.skipped]))[:MOST_PROBLEMS]

    def text(self, value: str, longest: int = LONGEST) -> str:
        """A reported text with card numbers masked and counted, cut to what a column holds."""
        if not value:
            return value
        # Before it is cut: half a card number would pass unnoticed.
        masked = mask_card_numbers(value)
        self.masked += masked != value
        return masked[:longest]

    def take(self, record: Record) -> bool:
        """Add a record. Return True for a line, which the caller stages."""
        match record:
            case Problem():
                self.problems.append(record)
            case SettlementHeader() | StatementHeader():
                self.headers += 1
                self._open.append(record)
            case SettlementTrailer():
                self.settlements.append((self._open.pop(0), record))
            case StatementTrailer():
                self.statements.append((_opened(self._open.pop(0), record), record))
            case _:
                self.lines += 1
                return True
        return False


def stage(file: SettlementFile) -> Reading:
    """Read the whole file once, in constant memory. If it has problems, the staged lines must not be used."""
    reading = Reading()
    with file.file.open("rb") as stream:
        records = _records(cast(BinaryIO, stream), file, reading)
        # Reading the first record recognizes the format, and so which table the lines are copied into.
        first = next(records, None)
        fail_point("import.reading")
        kind = reading.format.kind if reading.format is not None else None
        lines = chain([] if first is None else [first], records)
        if kind == Kind.SETTLEMENT:
            session.stage_settlement_lines(_settlement_rows(lines, reading))
        elif kind in (Kind.STATEMENT, Kind.NOTIFICATION):
            session.stage_statement_lines(_statement_rows(lines, reading))
        else:
            # Read to its end all the same: headers and problems are collected on the way.
            for _ in lines:
                pass
    if not reading.problems and not reading.headers:
        reading.problems.append(Problem(None, "format_not_recognized", "The file is empty."))
    return reading


def _records(stream: BinaryIO, file: SettlementFile, reading: Reading) -> Iterator[SettlementLine | StatementLine]:
    """Yield the lines, and add every other record to `reading`. Ends early after `MOST_PROBLEMS`."""
    try:
        sheet = mappings.sheet_of(file.merchant_id, file.asked_format)
        for name, document in documents(stream, file.name, most_bytes=settings.MAX_IMPORT_MB * 1_000_000, sheet=sheet):
            packed = document is not stream and name != file.name
            if not _recognized(document, name, file, reading, packed=packed):
                if reading.problems:
                    return
                continue
            yield from _of_document(document, f"{name}: " if packed else "", reading)
            if len(reading.problems) >= MOST_PROBLEMS:
                return
    except Unreadable as end:
        reading.problems.append(end.problem)
    if reading.format is None and reading.skipped and not reading.problems:
        detail = "Nothing in the archive is a settlement or a bank statement."
        reading.problems.append(Problem(None, "format_not_recognized", detail))


def _of_document(document: BinaryIO, prefix: str, reading: Reading) -> Iterator[SettlementLine | StatementLine]:
    assert reading.format is not None
    reading.document = reading.headers
    for record in reading.format.parse(document):
        fault = record if isinstance(record, Problem) else implausible(record)
        if fault is not None:
            reading.problems.append(replace(fault, detail=f"{prefix}{fault.detail}"))
        if record is not fault and reading.take(record) and fault is None:
            assert isinstance(record, SettlementLine | StatementLine)
            yield record
        if len(reading.problems) >= MOST_PROBLEMS:
            return


def _recognized(document: BinaryIO, name: str, file: SettlementFile, reading: Reading, *, packed: bool) -> bool:
    head = document.read(HEAD)
    document.seek(0)
    found = _formats(document, head, name, file)
    if len(found) > 1:
        detail = (
            f"{name} has the columns of several mappings: {', '.join(one.code for one in found)}. Name one as format."
        )
        reading.problems.append(Problem(None, "mapping_ambiguous", detail))
        return False
    if not found and packed and stands_beside(name):
        detail = f"{name} was not read: it is no settlement and no bank statement."
        reading.skipped.append(Problem(None, "file_left_out", detail))
        return False
    if not found or not head:
        reading.problems.append(Problem(None, "format_not_recognized", _not_recognized(document, name)))
        return False
    return _same(found[0], name, reading)


def _formats(document: BinaryIO, head: bytes, name: str, file: SettlementFile) -> list[Reader]:
    """The format that was asked for, else the one that is known by its beginning, else the mappings that fit."""
    if file.asked_format.startswith(mappings.PREFIX):
        return [mappings.named(file.merchant_id, file.asked_format)]
    if file.asked_format:
        return [registry.named(file.asked_format)]
    known = registry.recognize(head, name)
    workbook = isinstance(document, SheetAsCsv)
    return [known] if known else [*mappings.recognized(file.merchant_id, head, name, workbook=workbook)]


def _same(found: Reader, name: str, reading: Reading) -> bool:
    if reading.format is not None and found.code != reading.format.code:
        detail = f"{name} is {found.code}, the files before it {reading.format.code}. Send them separately."
        reading.problems.append(Problem(None, "formats_mixed", detail))
        return False
    reading.format = found
    return True


def _not_recognized(document: BinaryIO, name: str) -> str:
    if isinstance(document, SheetAsCsv):
        return EXCEL_SHEET
    known = ", ".join(registry.formats())
    return f"{name or 'The file'} is in no format known here. Known are: {known}."


def _opened(header: StatementHeader, trailer: StatementTrailer) -> StatementHeader:
    """The header with what its trailer knows of the beginning."""
    return replace(header, opening=header.opening or trailer.opening, opened_on=header.opened_on or trailer.opened_on)


# Where a line does not say whose it is, it is of the header that was read last; where it does, it counts from the first
# header of its own document, of which an archive has several.
def _settlement_rows(lines: Iterator[Any], reading: Reading) -> Iterator[tuple[Any, ...]]:
    for position, line in enumerate(lines):
        yield (
            position,
            reading.headers - 1 if line.settlement is None else reading.document + line.settlement,
            None,
            line.line,
            line.type.value,
            reading.text(line.reference),
            reading.text(line.payment_reference),
            line.operation_id,
            line.rrn,
            line.tid,
            line.stan,
            line.authorization_code,
            line.occurred_at,
            line.gross.currency,
            line.gross.amount,
            line.fee.amount,
            line.vat.amount,
            reading.text(line.order_reference),
            _parts(line),
            line.card_last4,
        )


def _parts(line: SettlementLine) -> Jsonb | None:
    if not line.fee_parts:
        return None
    return Jsonb({name: part.amount for name, part in line.fee_parts.items()})


def _statement_rows(lines: Iterator[Any], reading: Reading) -> Iterator[tuple[Any, ...]]:
    for position, line in enumerate(lines):
        yield (
            position,
            reading.headers - 1 if line.statement is None else reading.document + line.statement,
            line.line,
            line.amount.amount,
            line.amount.currency,
            line.booked_on,
            line.valued_on,
            line.reversal,
            reading.text(line.bank_reference),
            reading.text(line.end_to_end_id),
            reading.text(line.batch),
            reading.text(line.counterparty_name),
            line.counterparty_iban[:40],
            reading.text(line.remittance, LONGEST_REMITTANCE),
            line.code[:40],
        )

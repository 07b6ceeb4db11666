"""The journal as CSV, one row a posting, in the columns of a package (`profiles`)."""

import csv
import datetime as dt
import io
from collections.abc import Iterator
from typing import IO, ClassVar

from payments.text.spreadsheets import no_formula
from reconciliation.exports.base import Books, Entry, major
from reconciliation.exports.profiles import PROFILES, Amount, Cell, Profile


class JournalCsv:
    """UTF-8 with a mark at its beginning, by which spreadsheets know it."""

    code: ClassVar[str] = "journal_csv"
    suffix: ClassVar[str] = "csv"
    media_type: ClassVar[str] = "text/csv"
    profiles: ClassVar[tuple[str, ...]] = tuple(PROFILES)
    of_one_account: ClassVar[bool] = False
    by_channel: ClassVar[bool] = True
    by_journal: ClassVar[bool] = False
    one_fiscal_year: ClassVar[bool] = False
    most_decimals: ClassVar[int] = 3

    def write(self, out: IO[bytes], books: Books, entries: Iterator[Entry]) -> None:
        profile = PROFILES[books.profile]
        text = io.TextIOWrapper(out, encoding="utf-8-sig", newline="", write_through=False)
        rows = csv.writer(text, delimiter=profile.delimiter, lineterminator="\r\n")
        rows.writerow([title for title, _ in profile.columns])
        values = [value for _, value in profile.columns]
        for entry in entries:
            for number, line in enumerate(entry.lines, 1):
                rows.writerow(
                    [_written(value(books, entry, line, number), profile, books.exponent) for value in values]
                )
        text.flush()
        text.detach()  # the stream is its owner's to close


def _written(cell: Cell, profile: Profile, exponent: int) -> str:
    if isinstance(cell, str):
        return no_formula(cell)
    if isinstance(cell, Amount):
        return major(cell.minor, exponent, point=profile.decimal)
    if isinstance(cell, dt.date):
        return cell.strftime(profile.date_format)
    return "" if cell is None else str(cell)

"""Days that no file of a shop is about: a year is mistyped, or a field was read that is none."""

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from reconciliation.formats.base import Problem, Record

EARLIEST: Final = date(2000, 1, 1)
AHEAD: Final = timedelta(days=366)  # of today: value dates and announced payouts lie days ahead, never years


def implausible(record: Record) -> Problem | None:
    """The problem with a record that has such a day, None if it has none."""
    latest = datetime.now(UTC).date() + AHEAD
    for field in fields(record):
        value: Any = getattr(record, field.name)
        if not isinstance(value, date):
            continue
        # The day as it is written: converted, a time of the year 1 leaves the calendar.
        day = date(value.year, value.month, value.day)
        if not EARLIEST <= day <= latest:
            detail = (
                f"Line {record.line}: {day.isoformat()} is no day of this file: days from {EARLIEST.isoformat()} to a "
                "year ahead are taken. Correct it where the file was made."
            )
            return Problem(record.line, "date_implausible", detail)
    return None

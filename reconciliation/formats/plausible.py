"""Days that no file of a shop is about: a year is mistyped, or a field was read that is none."""

from dataclasses import fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, get_args

from reconciliation.formats.base import Problem, Record

EARLIEST: Final = date(2000, 1, 1)
AHEAD: Final = timedelta(days=366)  # of today: value dates and announced payouts lie days ahead, never years
# The fields that hold days or times: of a million lines nobody looks at the others.
_DAYS: Final[dict[type[Any], list[str]]] = {
    kind: [field.name for field in fields(kind) if "date" in str(field.type)] for kind in get_args(Record)
}


def implausible(record: Record) -> Problem | None:
    """The problem with a record that has such a day, None if it has none."""
    latest = datetime.now(UTC).date() + AHEAD
    for name in _DAYS[type(record)]:
        value: Any = getattr(record, name)
        if value is None:
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

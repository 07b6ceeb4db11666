"""The two statements of bulk writing; names come quoted from the models, values as one JSON parameter."""

from collections.abc import Sequence


def insertion(table: str, columns: Sequence[str], *, ignore_conflicts: bool) -> str:
    """Insert rows in the order in which they stand in the JSON array."""
    names = ", ".join(columns)
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM json_populate_recordset(NULL::{table}, %s::json)" + (
        " ON CONFLICT DO NOTHING" if ignore_conflicts else ""
    )


def change(table: str, key: str, columns: Sequence[str]) -> str:
    """Set columns of the rows whose keys stand in the JSON array."""
    changes = ", ".join(f"{column} = new.{column}" for column in columns)
    return (
        f"UPDATE {table} AS old SET {changes} FROM json_populate_recordset(NULL::{table}, %s::json) AS new "
        f"WHERE old.{key} = new.{key}"
    )


def together(statements: Sequence[str]) -> str:
    """Several of these as one statement: none sees what another writes, and foreign keys are checked at the end."""
    *before, last = statements
    parts = ", ".join(f"part_{number} AS ({statement})" for number, statement in enumerate(before))
    return f"WITH {parts} {last}" if before else last

"""Write many rows, of several tables too, in one statement whose text does not depend on how many there are.

The rows travel as one JSON value, which PostgreSQL reads by the table's own row type. So the statement is prepared
once and planned once, and no client builds 20,000 placeholders. Measured on 500 rows against `bulk_create`: a tenth of
the client's time, and half of the server's.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.expressions import DatabaseDefault

from payments.bulk import sql
from payments.crypto import EncryptedTextField

Read = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What is to be done to one table: a statement, and its one parameter."""

    text: str
    rows: str


def insert(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> None:
    """Insert new rows of one model, in their order. Keys that the database draws are not read back."""
    write(insertion(rows, ignore_conflicts=ignore_conflicts))


def update(rows: Sequence[models.Model], names: Sequence[str]) -> None:
    """Write these columns of rows that exist, each found by its key."""
    write(change(rows, names))


def insertion(rows: Sequence[models.Model], *, ignore_conflicts: bool = False) -> list[Part]:
    """How rows are inserted by `write`, in one transaction that either does so or is rolled back."""
    if not rows:
        return []
    model, first = type(rows[0]), rows[0]
    fields = tuple(field for field in model._meta.concrete_fields if not _is_drawn(first, field))
    part = Part(_insertion(model, fields, ignore_conflicts), _as_json(rows, fields))
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return [part]


def change(rows: Sequence[models.Model], names: Sequence[str]) -> list[Part]:
    """How columns of rows are changed by `write`; no row may be changed twice in it."""
    if not rows or not names:
        return []
    model = type(rows[0])
    changed = _fields(model, tuple(sorted(names)))
    return [Part(_change(model, changed), _as_json(rows, (model._meta.pk, *changed)))]


def write(parts: Sequence[Part]) -> None:
    """Do all this in one round trip."""
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(together(tuple(part.text for part in parts)), [part.rows for part in parts])


def _is_drawn(row: models.Model, field: models.Field[Any, Any]) -> bool:
    """Whether the database fills a column in by itself."""
    value = getattr(row, field.attname)
    return isinstance(value, DatabaseDefault) or (field.primary_key and value is None)


def _as_json(rows: Sequence[models.Model], fields: Sequence[models.Field[Any, Any]]) -> str:
    columns = [(field.column, field.attname, _special(field)) for field in fields]
    shapes = [
        {column: getattr(row, name) if read is None else read(getattr(row, name)) for column, name, read in columns}
        for row in rows
    ]
    return msgspec.json.encode(shapes).decode()


def _special(field: models.Field[Any, Any]) -> Read | None:
    """How a value is written that JSON has no word for."""
    if isinstance(field, EncryptedTextField):
        return field.get_prep_value
    if isinstance(field, models.BinaryField):
        return _hexadecimal
    return None


def _hexadecimal(value: bytes | memoryview | None) -> str | None:
    return None if value is None else f"\\x{bytes(value).hex()}"


@lru_cache(maxsize=256)
def together(statements: tuple[str, ...]) -> str:
    """Several statements as one, which gives what the last of them gives."""
    return sql.together(statements)


@lru_cache(maxsize=256)
def _fields(model: type[models.Model], names: tuple[str, ...]) -> tuple[models.Field[Any, Any], ...]:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    return tuple(by_name[name] for name in names)


@lru_cache(maxsize=256)
def _insertion(model: type[models.Model], fields: tuple[models.Field[Any, Any], ...], ignore_conflicts: bool) -> str:
    columns = [_quoted(field) for field in fields]
    return sql.insertion(_table(model), columns, ignore_conflicts=ignore_conflicts)


@lru_cache(maxsize=256)
def _change(model: type[models.Model], fields: tuple[models.Field[Any, Any], ...]) -> str:
    return sql.change(_table(model), _quoted(model._meta.pk), [_quoted(field) for field in fields])


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _quoted(field: models.Field[Any, Any]) -> str:
    return connection.ops.quote_name(field.column or field.attname)

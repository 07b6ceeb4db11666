"""Write many rows, of several tables too, in one statement whose text does not depend on how many there are.

The rows travel as one JSON value, which PostgreSQL reads by the table's own row type. So the statement is prepared
once and planned once, and no client builds 20,000 placeholders. Measured on 500 rows against `bulk_create`: a tenth of
the client's time, and half of the server's.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models.expressions import DatabaseDefault

from payments.core.crypto import EncryptedTextField
from payments.db import sql

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
    drawn = tuple(name for name, is_key in _perhaps_drawn(model) if _is_drawn(getattr(first, name), is_key))
    part = _insertion(model, drawn, ignore_conflicts).part(rows)
    for row in rows:
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return [part]


def change(rows: Sequence[models.Model], names: Sequence[str]) -> list[Part]:
    """How columns of rows are changed by `write`; no row may be changed twice in it."""
    if not rows or not names:
        return []
    return [_change(type(rows[0]), tuple(sorted(names))).part(rows)]


def write(parts: Sequence[Part]) -> None:
    """Do all this in one round trip."""
    if parts:
        with connection.cursor() as cursor:
            cursor.execute(together(tuple(part.text for part in parts)), [part.rows for part in parts])


@dataclass(frozen=True, slots=True)
class _Statement:
    """A text, and how rows become its parameter."""

    text: str
    columns: tuple[str, ...]
    values: Callable[[models.Model], Iterable[Any]]
    special: tuple[tuple[str, Read], ...]

    def part(self, rows: Sequence[models.Model]) -> Part:
        shapes = [dict(zip(self.columns, self.values(row), strict=True)) for row in rows]
        for column, read in self.special:
            for shape in shapes:
                shape[column] = read(shape[column])
        return Part(self.text, msgspec.json.encode(shapes).decode())


def _statement(text: str, fields: Sequence[models.Field[Any, Any]]) -> _Statement:
    specials = [(_column(field), _special(field)) for field in fields]
    return _Statement(
        text=text,
        columns=tuple(_column(field) for field in fields),
        values=_values([field.attname for field in fields]),
        special=tuple((column, read) for column, read in specials if read is not None),
    )


def _values(names: Sequence[str]) -> Callable[[models.Model], Iterable[Any]]:
    """What reads these of a row; `attrgetter` with one name alone gives no tuple."""
    return attrgetter(*names) if len(names) > 1 else lambda row: (getattr(row, names[0]),)


@lru_cache(maxsize=256)
def _perhaps_drawn(model: type[models.Model]) -> tuple[tuple[str, bool], ...]:
    """The columns that the database can fill in by itself, and whether each is the key."""
    fields = model._meta.concrete_fields
    able = [field for field in fields if field.primary_key or field.db_default is not models.NOT_PROVIDED]
    return tuple((field.attname, field.primary_key) for field in able)


def _is_drawn(value: Any, is_key: bool) -> bool:
    return isinstance(value, DatabaseDefault) or (is_key and value is None)


def _special(field: models.Field[Any, Any]) -> Read | None:
    """How a value is written that JSON has no type for; None for all others."""
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
def _insertion(model: type[models.Model], drawn: tuple[str, ...], ignore_conflicts: bool) -> _Statement:
    fields = [field for field in model._meta.concrete_fields if field.attname not in drawn]
    columns = [_quoted(field) for field in fields]
    return _statement(sql.insertion(_table(model), columns, ignore_conflicts=ignore_conflicts), fields)


@lru_cache(maxsize=256)
def _change(model: type[models.Model], names: tuple[str, ...]) -> _Statement:
    by_name = {field.name: field for field in model._meta.concrete_fields}
    fields, key = [by_name[name] for name in names], model._meta.pk
    text = sql.change(_table(model), _quoted(key), [_quoted(field) for field in fields])
    return _statement(text, [key, *fields])


def _table(model: type[models.Model]) -> str:
    return connection.ops.quote_name(model._meta.db_table)


def _quoted(field: models.Field[Any, Any]) -> str:
    return connection.ops.quote_name(_column(field))


def _column(field: models.Field[Any, Any]) -> str:
    return field.column or field.attname

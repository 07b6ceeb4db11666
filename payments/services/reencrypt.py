"""Encrypt again, with the first of `ENCRYPTION_KEYS`, what another key encrypted, so that the others can be dropped.

Each row is read and written by itself, and only while it still holds what was read: a process that changes it meanwhile
has written it with the first key anyway. Broken off, it is simply begun again; what is done is passed over.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from django.apps import apps
from django.db.models import Field, Model, QuerySet, TextField
from django.db.models.functions import Cast

from payments.core import crypto

AT_ONCE: Final = 500


@dataclass(slots=True)
class Column:
    """One encrypted column, and how far it is."""

    model: type[Model]
    name: str
    seen: int = 0
    written: int = 0
    left: int = 0  # encrypted with another key than the first
    unreadable: list[str] = field(default_factory=list)  # rows that no key of ours opens

    def __str__(self) -> str:
        return f"{self.model._meta.db_table}.{self.name}"


def columns() -> list[Column]:
    """Every encrypted column of every app."""
    return [
        Column(model, found.name)
        for model in apps.get_models()
        for found in model._meta.concrete_fields
        if isinstance(found, crypto.EncryptedTextField)
    ]


def reencrypt(progress: Callable[[Column], None]) -> list[Column]:
    """Encrypt everything again, then count what is left; `progress` is called after each batch."""
    for column in columns():
        for rows in _batches(column):
            for key, token in rows:
                _write(column, key, token)
            progress(column)
    return count()


def count() -> list[Column]:
    """Look at everything and change nothing."""
    counted = columns()
    for column in counted:
        for rows in _batches(column):
            for key, token in rows:
                _look(column, key, token)
    return counted


def _write(column: Column, key: Any, token: str) -> None:
    if crypto.is_of_first_key(token):
        return
    try:
        clear = crypto.decrypt(token)
    except crypto.Undecipherable:
        return  # counted and named afterwards
    # Only while it still holds what was read: a credential that was just changed is not put back.
    same = _tokens(column).filter(pk=key, token=token)
    column.written += same.update(**{column.name: clear})


def _look(column: Column, key: Any, token: str) -> None:
    if crypto.is_of_first_key(token):
        return
    column.left += 1
    try:
        crypto.decrypt(token)
    except crypto.Undecipherable:
        column.unreadable.append(str(key))


def _batches(column: Column) -> Iterator[list[tuple[Any, str]]]:
    last = None
    while True:
        rows = _tokens(column).filter(token__isnull=False).order_by("pk")
        # By key, not by offset: rows that are added or deleted meanwhile shift nothing.
        batch = list((rows if last is None else rows.filter(pk__gt=last)).values_list("pk", "token")[:AT_ONCE])
        if not batch:
            return
        column.seen += len(batch)
        yield batch
        last = batch[-1][0]


def _tokens(column: Column) -> Any:
    """The rows with what stands in the column, as it stands there."""
    # Cast to plain text, or the field would decrypt on reading and the key used could not be seen.
    as_it_stands: Field[Any, Any] = TextField()
    return QuerySet(column.model).annotate(token=Cast(column.name, as_it_stands))

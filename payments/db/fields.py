"""The columns that hold our ids and money, on every floor."""

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from django.db import models

from payments.core.ids import MAX_LENGTH, new_id

# What is set and what is got: the type checker's plugin fills them in, with None where a column is nullable.
_Set_contra = TypeVar("_Set_contra", contravariant=True)
_Get_co = TypeVar("_Get_co", covariant=True)


class IdField(models.CharField[_Set_contra, _Get_co]):
    """A column for one of our ids; compared byte by byte, since their order is the order of time."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", MAX_LENGTH)
        kwargs.setdefault("db_collation", "C")
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:
        # Django gives each varchar that is a key, here or where others refer to it, a second index for LIKE. In this
        # order of bytes the first one serves; Django knows a varchar by its name, and this is the type's long name.
        return f"character varying({self.max_length})"


class AmountField(models.BigIntegerField[_Set_contra, _Get_co]):
    """Whole minor units."""


class CurrencyField(models.CharField[_Set_contra, _Get_co]):
    """An ISO 4217 code."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 3)
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:
        # PostgreSQL's own name of char(3): Django inserts many rows by arrays of the type without its size, and a
        # bare "char" would be one character long.
        return "bpchar(3)"


def id_factory(prefix: str) -> Callable[[], str]:
    """A default for primary keys that migrations can name."""
    return partial(new_id, prefix)

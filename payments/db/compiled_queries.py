"""Queries that Django compiles once per process: later calls only bring other values.

Compiling the selects of a payment each time took a third of the processor's time, more than PostgreSQL took to answer
them. The values of a compiled query are texts (ids and references); it returns the rows of its queryset.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from django.core.exceptions import ObjectDoesNotExist
from django.db import DEFAULT_DB_ALIAS, connection, models
from django.db.models import query
from django.db.transaction import TransactionManagementError

_populators: Final[Any] = query.get_related_populators
FEW: Final = 8  # texts in one list; longer lists are rare, and each length is a text of its own

Row = TypeVar("Row", bound=models.Model)
Value = str | Sequence[str]
_Shape = tuple[int | None, ...]  # of each value: how many texts it lists, or None for a text alone


@dataclass(frozen=True, slots=True)
class _Plan:
    """One text, where its parameters come from, and how its columns become rows."""

    text: str
    locks: bool
    parameters: tuple[Callable[[Sequence[str]], Any], ...]
    model: type[models.Model]
    names: Sequence[str]
    columns: slice
    converters: Sequence[tuple[int, Sequence[Callable[..., Any]], Any]]
    populators: Sequence[Any]


class CompiledQuery(Generic[Row]):
    """`make(*values)` gives a queryset; calling this with the same values gives its rows."""

    def __init__(self, make: Callable[..., models.QuerySet[Row]]) -> None:
        self._make = make
        self._plans: dict[_Shape, _Plan] = {}

    def __call__(self, *values: Value) -> list[Row]:
        """The rows of these values, always read from the database."""
        shape = tuple(None if isinstance(value, str) else len(value) for value in values)
        if any(length is not None and not 0 < length <= FEW for length in shape):
            return list(self._make(*values))
        plan = self._plans.get(shape) or self._plans.setdefault(shape, _compiled(self._make, shape))
        if plan.locks and not connection.in_atomic_block:
            raise TransactionManagementError("rows are locked inside transaction.atomic()")
        flat = list(_flat(values))
        with connection.cursor() as cursor:
            cursor.execute(plan.text, [parameter(flat) for parameter in plan.parameters])
            return [_row(plan, list(columns)) for columns in cursor.fetchall()]

    def one(self, *values: Value) -> Row:
        """The only row.

        Raises:
            ObjectDoesNotExist: there is none.
        """
        row = self.first(*values)
        if row is None:
            raise ObjectDoesNotExist(f"there is nothing for {values}")
        return row

    def first(self, *values: Value) -> Row | None:
        """The first row, if there is one."""
        rows = self(*values)
        return rows[0] if rows else None


def _flat(values: Iterable[Value]) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        else:
            yield from value


def _compiled(make: Callable[..., models.QuerySet[Any]], shape: _Shape) -> _Plan:
    """Compile the queryset of marks: texts that no value can be, since PostgreSQL stores no NUL."""
    marks = [_mark(position) for position in range(sum(1 if length is None else length for length in shape))]
    left = iter(marks)
    values = [next(left) if length is None else [next(left) for _ in range(length)] for length in shape]
    compiler: Any = make(*values).query.get_compiler(using=DEFAULT_DB_ALIAS)
    text, parameters = compiler.as_sql()
    places = {mark: position for position, mark in enumerate(marks)}
    chosen = compiler.klass_info["select_fields"]
    columns = slice(chosen[0], chosen[-1] + 1)
    converters = compiler.get_converters([expression for expression, *_ in compiler.select])
    return _Plan(
        text=text,
        locks=compiler.query.select_for_update,
        parameters=tuple(_parameter(places, parameter) for parameter in parameters),
        model=compiler.klass_info["model"],
        names=[expression.target.attname for expression, *_ in compiler.select[columns]],
        columns=columns,
        converters=[(at, tuple(calls), expression) for at, (calls, expression) in converters.items()],
        populators=_populators(compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS),
    )


def _mark(position: int) -> str:
    return f"\0{position}"


def _parameter(places: dict[str, int], parameter: Any) -> Callable[[Sequence[str]], Any]:
    """A value's place among the values, or what stands in the query itself."""
    place = places.get(parameter) if isinstance(parameter, str) else None
    return (lambda _: parameter) if place is None else (lambda values: values[place])


def _row(plan: _Plan, columns: list[Any]) -> Any:
    for at, calls, expression in plan.converters:
        for call in calls:
            columns[at] = call(columns[at], expression, connection)
    row = plan.model.from_db(DEFAULT_DB_ALIAS, plan.names, columns[plan.columns])
    for populator in plan.populators:
        populator.populate(columns, row)
    return row

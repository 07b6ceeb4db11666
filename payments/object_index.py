"""Objects by their id, of every app: the apps above register theirs when they start.

object_index.register("trm", Terminal.objects)                   a terminal that a refund names is found
object_index.register("pyo", Payout.objects, booked=True)        the books know a payout by its `item`
object_index.register("stl", Settlement.objects, booked=True, id="file_id")    a file by the items of its settlements

What several tables register under one prefix is found in all of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Manager, QuerySet

from payments.models import Chargeback, Payment, RefundPart, Voucher

Rows = Manager[Any] | QuerySet[Any]


@dataclass(frozen=True, slots=True)
class _Table:
    """A table that holds objects of one kind, and which of its columns hold their id and their merchant's."""

    rows: Rows
    booked: bool
    id: str = "id"
    merchant: str = "merchant_id"

    def find(self, object_id: str, merchant_id: str) -> QuerySet[Any]:
        return self.rows.filter(**{self.id: object_id, self.merchant: merchant_id})


_tables: Final[dict[str, list[_Table]]] = defaultdict(
    list,
    {
        "pay": [_Table(Payment.objects, booked=True)],
        "ref": [_Table(RefundPart.objects, booked=True, id="refund_id", merchant="refund__merchant_id")],
        "cbk": [_Table(Chargeback.objects, booked=True)],
        "vch": [_Table(Voucher.objects, booked=True)],
    },
)


def register(
    prefix: str,
    rows: Rows,
    *,
    booked: bool = False,
    id: str = "id",  # noqa: A002 (the column's name)
    merchant: str = "merchant_id",
) -> None:
    """Enter a kind of object by its ids' prefix; `booked` says that the books know each by its column `item`."""
    table = _Table(rows, booked, id, merchant)
    if not any(table.rows.model is other.rows.model for other in _tables[prefix]):
        _tables[prefix].append(table)


def exists(prefix: str, object_id: str, *, merchant_id: str) -> bool:
    """Tell whether the merchant has such an object."""
    right_kind = object_id.partition("_")[0] == prefix
    return right_kind and any(table.find(object_id, merchant_id).exists() for table in _tables.get(prefix, ()))


def choices(prefix: str, *, merchant_id: str, **columns: Any) -> list[tuple[str, str]]:
    """What the merchant has of this kind (with these values in its columns), by id and as people call it."""
    tables = _tables.get(prefix, ())
    found = [row for table in tables for row in table.rows.filter(**{table.merchant: merchant_id}, **columns)]
    return sorted(((str(row.pk), str(row)) for row in found), key=lambda named: named[1])


def choices_of(prefix: str, merchant_ids: Iterable[str]) -> list[tuple[str, str]]:
    """The same of several merchants, in one query for each table."""
    own = list(merchant_ids)
    tables = _tables.get(prefix, ())
    found = [row for table in tables for row in table.rows.filter(**{f"{table.merchant}__in": own})]
    return sorted(((str(row.pk), str(row)) for row in found), key=lambda named: named[1])


def booked_kinds() -> list[str]:
    """The prefixes of the ids by which the books know objects."""
    return sorted(prefix for prefix, tables in _tables.items() if any(table.booked for table in tables))


def items_of(object_id: str, *, merchant_id: str) -> list[int]:
    """The open items that the books know an object by; none for what is not the merchant's."""
    tables = [table for table in _tables.get(object_id.partition("_")[0], ()) if table.booked]
    return [item for table in tables for item in table.find(object_id, merchant_id).values_list("item", flat=True)]


def objects_of(items: Collection[int]) -> dict[int, str]:
    """The object that each open item is about, where one is known."""
    found: dict[int, str] = {}
    for table in (table for tables in _tables.values() for table in tables if table.booked):
        found |= dict(table.rows.filter(item__in=items).values_list("item", table.id))
    return found

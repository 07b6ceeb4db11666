"""Objects by their id, of every app: the apps above register theirs when they start.

directory.keep("trm", Terminal.objects)                   a terminal that a refund names is found
directory.keep("pyo", Payout.objects, booked=True)        the books know a payout by its `item`
directory.keep("stl", Settlement.objects, booked=True, id="file_id")    a file by the items of its settlements

What is kept under one prefix by several tables is found in all of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db.models import Manager, QuerySet

from payments.models import Chargeback, Payment, RefundPart, Voucher

Rows = Manager[Any] | QuerySet[Any]


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Where objects of one kind stand, and which columns hold their id and their merchant's."""

    rows: Rows
    booked: bool
    id: str = "id"
    merchant: str = "merchant_id"

    def find(self, object_id: str, merchant_id: str) -> QuerySet[Any]:
        return self.rows.filter(**{self.id: object_id, self.merchant: merchant_id})


_shelves: Final[dict[str, list[_Shelf]]] = defaultdict(
    list,
    {
        "pay": [_Shelf(Payment.objects, booked=True)],
        "ref": [_Shelf(RefundPart.objects, booked=True, id="refund_id", merchant="refund__merchant_id")],
        "cbk": [_Shelf(Chargeback.objects, booked=True)],
        "vch": [_Shelf(Voucher.objects, booked=True)],
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
    shelf = _Shelf(rows, booked, id, merchant)
    if not any(shelf.rows.model is other.rows.model for other in _shelves[prefix]):
        _shelves[prefix].append(shelf)


def exists(prefix: str, object_id: str, *, merchant_id: str) -> bool:
    """Tell whether the merchant has such an object."""
    right_kind = object_id.partition("_")[0] == prefix
    return right_kind and any(shelf.find(object_id, merchant_id).exists() for shelf in _shelves.get(prefix, ()))


def choices(prefix: str, *, merchant_id: str, **columns: Any) -> list[tuple[str, str]]:
    """What the merchant has of this kind (with these values in its columns), by id and as people call it."""
    shelves = _shelves.get(prefix, ())
    found = [row for shelf in shelves for row in shelf.rows.filter(**{shelf.merchant: merchant_id}, **columns)]
    return sorted(((str(row.pk), str(row)) for row in found), key=lambda named: named[1])


def choices_of(prefix: str, merchant_ids: Iterable[str]) -> list[tuple[str, str]]:
    """The same of several merchants, in one query for each table."""
    own = list(merchant_ids)
    shelves = _shelves.get(prefix, ())
    found = [row for shelf in shelves for row in shelf.rows.filter(**{f"{shelf.merchant}__in": own})]
    return sorted(((str(row.pk), str(row)) for row in found), key=lambda named: named[1])


def booked_kinds() -> list[str]:
    """The prefixes of the ids by which the books know objects."""
    return sorted(prefix for prefix, shelves in _shelves.items() if any(shelf.booked for shelf in shelves))


def items_of(object_id: str, *, merchant_id: str) -> list[int]:
    """The open items that the books know an object by; none for what is not the merchant's."""
    shelves = [shelf for shelf in _shelves.get(object_id.partition("_")[0], ()) if shelf.booked]
    return [item for shelf in shelves for item in shelf.find(object_id, merchant_id).values_list("item", flat=True)]


def objects_of(items: Collection[int]) -> dict[int, str]:
    """The object that each open item is about, where one is known."""
    found: dict[int, str] = {}
    for shelf in (shelf for shelves in _shelves.values() for shelf in shelves if shelf.booked):
        found |= dict(shelf.rows.filter(item__in=items).values_list("item", shelf.id))
    return found

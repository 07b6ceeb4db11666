"""What an entry is called for people: the order, settlement or payout it is about, and a sentence."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from payments.accounting.labels import EVENTS
from payments.models import Chargeback, Operation, Payment, RefundPart
from reconciliation.models import Payout, Settlement

_SETTLED: Final = "settled"  # about the settlement, though it is also about every payment in it


@dataclass(frozen=True, slots=True)
class Named:
    """By what people know it, and what they wrote about it."""

    reference: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Described:
    """An entry as far as its text needs it: `items` are what its postings are about."""

    id: str
    key: str
    event: str
    items: Sequence[int]


def named(entries: Sequence[Described]) -> dict[str, Named]:
    """What each of these entries is about, with a number of queries that does not grow."""
    operations = _operations({name for entry in entries if (name := entry.key.rpartition(":")[2]).startswith("op_")})
    tables = _tables({item for entry in entries for item in entry.items})
    return {entry.id: _of(entry, operations, tables) for entry in entries}


def sentence(event: str, about: Named) -> str:
    """`Sale 1001: two chairs`, in the active language."""
    head = f"{EVENTS.get(event, event)} {about.reference}"
    return f"{head}: {about.note}" if about.note else head


def _of(entry: Described, operations: Mapping[str, Named], tables: Sequence[Mapping[int, Named]]) -> Named:
    operation = operations.get(entry.key.rpartition(":")[2])
    if operation is not None:
        return operation
    ordered = tables if entry.event != _SETTLED else tables[-1:]
    found = (table[item] for table in ordered for item in entry.items if item in table)
    return next(found, Named(entry.key))


def _tables(items: Collection[int]) -> list[dict[int, Named]]:
    """What is rarer before what is common; a settlement last, which a payout's entry is about, too."""
    return [
        _plain(Payout.objects.filter(item__in=items).values_list("item", "reference")),
        _ordered(Chargeback.objects.filter(item__in=items), "order", "reason"),
        _ordered(RefundPart.objects.filter(item__in=items), "refund__order", "refund__reason"),
        _ordered(Payment.objects.filter(item__in=items), "order", "description"),
        _plain(Settlement.objects.filter(item__in=items).values_list("item", "reference")),
    ]


def _plain(rows: Iterable[tuple[int, str]]) -> dict[int, Named]:
    return {item: Named(reference) for item, reference in rows}


def _ordered(rows: Any, order: str, note: str) -> dict[int, Named]:
    found = rows.values_list("item", f"{order}__reference", f"{order}_id", note)
    return {item: Named(reference or order_id, text) for item, reference, order_id, text in found}


def _operations(ids: Collection[str]) -> dict[str, Named]:
    rows = Operation.objects.filter(id__in=ids).values_list(
        "id",
        "refund_part__refund__order__reference",
        "refund_part__refund__order_id",
        "refund_part__refund__reason",
        "payment__order__reference",
        "payment__order_id",
        "payment__description",
    )
    return {
        row[0]: Named(row[1] or row[2], row[3] or "") if row[2] else Named(row[4] or row[5] or row[0], row[6] or "")
        for row in rows
    }

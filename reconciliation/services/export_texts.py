"""What an entry is called for people: the order, settlement or payout it is about, and a sentence."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from django.utils.translation import gettext as _

from payments.accounting.labels import EVENTS
from reconciliation.sql import export_names
from reconciliation.sql.export_names import NAMELESS, SETTLEMENT, NamedItem

_SETTLED: Final = "settled"  # about the settlement, though it is also about every payment in it


@dataclass(frozen=True, slots=True)
class Named:
    """By what people know it, and what they wrote about it."""

    reference: str
    note: str = ""
    invoice: str = ""  # that the order pays


@dataclass(frozen=True, slots=True)
class Described:
    """An entry as far as its text needs it: `items` are what its postings are about."""

    id: str
    key: str
    event: str
    items: Sequence[int]


class Names:
    """What many entries are about, read in two statements."""

    def __init__(self, entries: Sequence[Described]) -> None:
        keys = (entry.key.rpartition(":")[2] for entry in entries)
        self._operations = export_names.of_operations({name for name in keys if name.startswith("op_")})
        self._items = _first(export_names.of_items({item for entry in entries for item in entry.items}))

    def of(self, entry: Described) -> Named:
        """What an entry is about; of one about nothing that has a name, its key."""
        operation = self._operations.get(entry.key.rpartition(":")[2])
        if operation is not None:
            return Named(*operation)
        known = [found for item in entry.items if (found := self._items.get(item)) and found.rank != NAMELESS]
        if entry.event == _SETTLED:
            known = [found for found in known if found.rank == SETTLEMENT]
        best = min(known, key=lambda found: found.rank, default=None)
        return Named(entry.key) if best is None else Named(best.reference, best.note, best.invoice)

    def object_of(self, item: int | None) -> str:
        """The object that an item is about, nothing where none is known."""
        found = None if item is None else self._items.get(item)
        return "" if found is None else found.object_id


def named(entries: Sequence[Described]) -> Mapping[str, Named]:
    """What each of these entries is about, by its id."""
    names = Names(entries)
    return {entry.id: names.of(entry) for entry in entries}


def sentence(event: str, about: Named) -> str:
    """`Sale 1001, invoice 2026-17: two chairs`, in the active language."""
    head = f"{EVENTS.get(event, event)} {about.reference}"
    if about.invoice:
        head = _("%(sale)s, invoice %(invoice)s") % {"sale": head, "invoice": about.invoice}
    return f"{head}: {about.note}" if about.note else head


def _first(found: Iterable[NamedItem]) -> dict[int, NamedItem]:
    """Of what is known of an item, what ranks first; of equals the first by its id, whatever order they came in."""
    ordered = sorted(found, key=lambda one: (one.rank, one.object_id), reverse=True)
    return {one.item: one for one in ordered}

"""What others ask the books about entries and postings."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import Prefetch, Q

from payments.ledger.models import JournalEntry, Posting


class Position(NamedTuple):
    """Where a page of an account's postings ended."""

    xid: int
    entry_id: str
    line: int


class Excerpt(NamedTuple):
    """An entry, and those of its postings that are of interest."""

    entry: JournalEntry
    postings: list[Posting]


def entries_about(items: Iterable[int]) -> dict[int, list[JournalEntry]]:
    """Every entry of which any posting is about one of these items, oldest first, with postings and accounts."""
    touching = Posting.objects.filter(item__in=set(items)).values_list("item", "entry_id")
    pairs = sorted(set(touching))
    entries = (
        JournalEntry.objects.filter(id__in={entry for _, entry in pairs})
        .select_related("reverses")
        .prefetch_related(Prefetch("postings", Posting.objects.select_related("account").order_by("line")))
        .in_bulk()
    )
    found: dict[int, list[JournalEntry]] = defaultdict(list)
    for item, entry_id in pairs:
        if item is not None and entry_id in entries:
            found[item].append(entries[entry_id])
    return dict(found)


def excerpts_about(items: Collection[int], *, shared: Collection[str]) -> list[Excerpt]:
    """The entries of which any posting is about one of these items, in a number of statements that does not grow.

    Of an entry whose event is `shared` (a settlement is one entry for thousands of payments) only the postings about
    these items are read.
    """
    found = Posting.objects.filter(item__in=items).values_list("entry_id", flat=True)
    entries = JournalEntry.objects.filter(id__in=set(found)).select_related("reverses").in_bulk()
    # A payment's own entries whole, so that a reader sees both sides; of a settlement only what is about it.
    whole = Q(entry_id__in=[row.id for row in entries.values() if row.event not in shared])
    postings: dict[str, list[Posting]] = defaultdict(list)
    rows = Posting.objects.filter(entry_id__in=entries).filter(whole | Q(item__in=items))
    for posting in rows.select_related("account").order_by("entry_id", "line"):
        postings[posting.entry_id].append(posting)
    return [Excerpt(entry, postings[entry.id]) for entry in entries.values()]


def account_postings(number: int, *, limit: int, before: Position | None = None) -> list[Posting]:
    """An account's postings with their entries, newest first; `before` continues after the last one seen."""
    rows = Posting.objects.filter(account_id=number).select_related("entry")
    if before is not None:
        older = Q(xid__lt=before.xid)
        older |= Q(xid=before.xid, entry_id__lt=before.entry_id)
        older |= Q(xid=before.xid, entry_id=before.entry_id, line__lt=before.line)
        # The second condition says nothing new; it lets the planner begin in the index on (account, xid).
        rows = rows.filter(older, xid__lte=before.xid)
    return list(rows.order_by("-xid", "-entry_id", "-line")[:limit])

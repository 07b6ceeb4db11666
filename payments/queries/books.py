"""The books as finance reads them: what an object is booked as, and what the accounts are called."""

from collections.abc import Collection, Iterable
from itertools import product
from typing import Any, Final

from django.db.models import Q, QuerySet

from payments import object_index, payloads
from payments.accounting.labels import ACCOUNTS
from payments.ledger import queries
from payments.ledger.models import Account, JournalEntry, Posting
from payments.ledger.queries import Excerpt
from payments.models import Channel, Operation, Payment, ProviderAccount

Shape = dict[str, Any]

_BOOKED: Final = ("sale", "capture", "reversal", "refund", "refund_failed")  # what an operation is booked as

_SHARED: Final = frozenset({"settled"})  # events that are one entry about the payments of many customers


def entries(merchant_id: str, *, about: str | None = None) -> QuerySet[JournalEntry]:
    """A merchant's entries with their postings; `about` an object: those that are about it by any of their postings."""
    rows = JournalEntry.objects.filter(merchant_id=merchant_id).prefetch_related("postings__account")
    if about is None:
        return rows
    items = object_index.items_of(about, merchant_id=merchant_id)
    # Few: read first, so that no plan walks through all entries in search of them.
    found = set(Posting.objects.filter(item__in=items).values_list("entry_id", flat=True))
    operations = Operation.objects.filter(payment_id=about, merchant_id=merchant_id).values_list("id", flat=True)
    found |= set(JournalEntry.objects.filter(key__in=_keys(operations)).values_list("id", flat=True))
    return rows.filter(id__in=found)


def entries_of(payments: Collection[Payment], *, test_mode: bool) -> dict[str, list[Shape]]:
    """The entries about each payment, oldest first: of its open item, and of its operations (cash has no open item)."""
    about = queries.entries_about({row.item for row in payments})
    found = {row.id: {entry.id: entry for entry in about.get(row.item, [])} for row in payments}
    operations = dict(Operation.objects.filter(payment_id__in=found).values_list("id", "payment_id"))
    for row in _of_operations(operations):
        found[operations[row.key.partition(":")[2]] or ""][row.id] = row
    return {name: [entry(rows[key], test_mode=test_mode) for key in sorted(rows)] for name, rows in found.items()}


def story(items: Collection[int], operations: Collection[str]) -> list[Excerpt]:
    """All entries about these open items, and of these operations: what is paid in cash is about no open item.

    Of a settlement only the postings about these items: it is one entry for everybody whom it pays for.
    """
    found = {row.entry.id: row for row in queries.excerpts_about(items, shared=_SHARED)}
    found |= {row.id: Excerpt(row, list(row.postings.all())) for row in _of_operations(operations)}
    return sorted(found.values(), key=lambda row: _place(row.entry))


def _place(row: JournalEntry) -> tuple[Any, ...]:
    """Order what is booked at one moment by cause: owed before paid."""
    return row.booked_at, not row.event.endswith("_accepted"), row.id


def _of_operations(operations: Iterable[str]) -> QuerySet[JournalEntry]:
    rows = JournalEntry.objects.filter(key__in=_keys(operations))
    return rows.select_related("reverses").prefetch_related("postings__account")


def _keys(operations: Iterable[str]) -> list[str]:
    return [":".join(pair) for pair in product(_BOOKED, operations)]


def accounts(merchant_id: str, name: str | None = None) -> QuerySet[Account]:
    """A merchant's accounts; of one id or code (which there may be one of in each currency)."""
    rows = Account.objects.filter(merchant_id=merchant_id)
    return rows if name is None else rows.filter(Q(id=name) | Q(code=name))


def names(codes: Iterable[str]) -> dict[str, str]:
    """What people call these accounts: `receivable:pac_…` is "Receivable Stripe", in the language that is active."""
    parts = {code: code.partition(":") for code in codes}
    owners = {owner for _, _, owner in parts.values()}
    called = dict(ProviderAccount.objects.filter(id__in=owners).values_list("id", "name"))
    called |= dict(Channel.objects.filter(id__in=owners).values_list("id", "name"))
    return {
        code: f"{ACCOUNTS.get(kind, kind)} {called.get(owner, owner)}".strip()
        for code, (kind, _, owner) in parts.items()
    }


def entry(row: JournalEntry, *, test_mode: bool) -> Shape:
    """One entry; needs its postings and their accounts."""
    return {
        "id": row.id,
        "object": "journal_entry",
        "key": row.key,
        "event": row.event,
        "book_date": payloads.day(row.book_date),
        "occurred_at": payloads.instant(row.occurred_at),
        "booked_at": payloads.instant(row.booked_at),
        "reverses": row.reverses_id,
        "postings": [_posting(posting) for posting in sorted(row.postings.all(), key=lambda posting: posting.line)],
        "created_at": payloads.instant(row.booked_at),
        "test_mode": test_mode,
    }


def account_posting(row: Posting, account: Account) -> Shape:
    """One posting as its account lists it; needs its entry."""
    return {
        "entry": row.entry_id,
        "event": row.entry.event,
        "line": row.line,
        "item": row.item,
        **_sides(row, account),
        "book_date": payloads.day(row.entry.book_date),
        "occurred_at": payloads.instant(row.entry.occurred_at),
        "booked_at": payloads.instant(row.entry.booked_at),
    }


def _posting(row: Posting) -> Shape:
    account = row.account
    return {"line": row.line, "account": account.id, "code": account.code, "item": row.item, **_sides(row, account)}


def _sides(row: Posting, account: Account) -> Shape:
    return {"debit": max(0, row.amount), "credit": max(0, -row.amount), "currency": account.currency}

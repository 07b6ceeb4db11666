"""Reading the books for an export: what moved in a span, and its entries line by line, within one snapshot."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from django.db import connection, transaction

AT_ONCE: Final = 5_000  # postings fetched at a time

# The accounts of one merchant and currency, so that no other's entry is ever joined.
_MOVED: Final = """
    FROM ledger_journalentry e
    JOIN ledger_posting p ON p.entry_id = e.id
    JOIN unnest(%(numbers)s::int[], %(journals)s::text[]) a (number, journal) ON a.number = p.account_id
    WHERE e.merchant_id = %(merchant)s::text AND e.book_date BETWEEN %(first)s::date AND %(last)s::date
        AND (%(owner)s::text IS NULL OR EXISTS (
            SELECT FROM ledger_posting o WHERE o.entry_id = e.id AND o.account_id = ANY(%(owned)s::int[])
        ))
"""
_TOTALS: Final = f"""
    SELECT p.account_id, count(*), sum(p.amount) FILTER (WHERE p.amount > 0), sum(p.amount) FILTER (WHERE p.amount < 0)
    {_MOVED}
    GROUP BY p.account_id
"""
_ENTRIES: Final = f"SELECT count(DISTINCT e.id), max(e.booked_at) {_MOVED}"
# An entry stands in the journal of its first posting's account: that is where its money is, or what it is about.
_LINES: Final = f"""
    SELECT m.id, m.key, m.event, m.book_date, m.journal, m.account_id, m.amount, m.item FROM (
        SELECT e.id, e.key, e.event, e.book_date, p.line, p.account_id, p.amount, p.item,
            first_value(a.journal) OVER (PARTITION BY e.id ORDER BY p.line) AS journal
        {_MOVED}
    ) m
    ORDER BY CASE WHEN %(by_journal)s::bool THEN m.journal END COLLATE "C", m.book_date, m.id, m.line
"""
# Of a statement's account: what each entry changes there, and the last item it is about.
_CHANGES: Final = f"""
    SELECT e.id, e.key, e.event, e.book_date, '', p.account_id, sum(p.amount)::bigint,
        (array_agg(p.item ORDER BY p.line DESC))[1]
    {_MOVED}
    GROUP BY e.id, p.account_id
    HAVING sum(p.amount) <> 0
    ORDER BY e.book_date, e.id
"""
_CHANGE_TOTALS: Final = f"""
    SELECT account_id, count(*), sum(amount) FILTER (WHERE amount > 0), sum(amount) FILTER (WHERE amount < 0),
        count(*), max(booked_at)
    FROM (
        SELECT p.account_id, sum(p.amount) AS amount, max(e.booked_at) AS booked_at {_MOVED}
        GROUP BY e.id, p.account_id HAVING sum(p.amount) <> 0
    ) m
    GROUP BY account_id
"""
_ITEMS: Final = """
    SELECT p.entry_id, p.item FROM ledger_posting p
    WHERE p.entry_id = ANY(%s::text[]) AND p.line <= 3 AND p.item IS NOT NULL
    ORDER BY p.entry_id, p.line
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Which postings: of a merchant's accounts (by number, each with its journal), of days, maybe of one channel.

    `owned` are the channel's own accounts: entries that touch one of them count, whole.
    """

    merchant: str
    first: dt.date
    last: dt.date
    journals: Mapping[int, str]
    owned: Sequence[int] | None
    by_journal: bool
    changes: bool

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "merchant": self.merchant,
            "first": self.first,
            "last": self.last,
            "numbers": list(self.journals),
            "journals": list(self.journals.values()),
            "owner": None if self.owned is None else "channel",
            "owned": list(self.owned or ()),
            "by_journal": self.by_journal,
        }


class Moved(NamedTuple):
    """What moved on an account; credits are negative."""

    postings: int
    debit: int
    credit: int


class Row(NamedTuple):
    """One posting (or, of a statement, one entry's change of the account) with its entry."""

    entry: str
    key: str
    event: str
    book_date: dt.date
    journal: str
    account: int
    amount: int
    item: int | None


@contextmanager
def snapshot() -> Iterator[None]:
    """See the books as they are at one moment, however long reading takes; nothing is written meanwhile.

    It holds no lock, and no transaction id that would keep balances from being folded.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SELECT set_config('statement_timeout', '0', true)")
        yield


def totals(span: Span) -> tuple[dict[int, Moved], int, dt.datetime | None]:
    """What moved on each account, how many entries that were, and when the last of them was booked."""
    with connection.cursor() as cursor:
        if span.changes:
            cursor.execute(_CHANGE_TOTALS, span.parameters)
            rows = cursor.fetchall()
            moved = {row[0]: Moved(row[1], int(row[2] or 0), int(row[3] or 0)) for row in rows}
            return moved, sum(row[4] for row in rows), max((row[5] for row in rows), default=None)
        cursor.execute(_TOTALS, span.parameters)
        moved = {row[0]: Moved(row[1], int(row[2] or 0), int(row[3] or 0)) for row in cursor.fetchall()}
        cursor.execute(_ENTRIES, span.parameters)
        count, booked_at = cursor.fetchone() or (0, None)
        return moved, int(count), booked_at


def rows(span: Span) -> Iterator[Row]:
    """The postings in order, by a cursor of the server: as many as there are, some at a time."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(_CHANGES if span.changes else _LINES, span.parameters)
        while some := cursor.fetchmany(AT_ONCE):
            yield from map(Row._make, some)


def first_items(entries: Sequence[str]) -> dict[str, list[int]]:
    """What the first postings of each entry are about."""
    found: dict[str, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_ITEMS, [list(entries)])
        for entry, item in cursor.fetchall():
            found.setdefault(entry, []).append(item)
    return found

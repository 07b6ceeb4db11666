"""The only way into the books: `post()` takes many entries and books them in one statement."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NoReturn

from django.db import DEFAULT_DB_ALIAS, IntegrityError, connection, connections
from psycopg import RawCursor

from payments.core.ids import new_id
from payments.ledger import accounts, sql
from payments.ledger.entries import AccountKind, AccountSpec, Entry, Line, Posted, check, credit, debit
from payments.ledger.errors import AlreadyReversed, BooksRefused, DayClosed, KeyReused, NoSuchEntry

__all__ = ["AccountKind", "AccountSpec", "Entry", "Line", "Posted", "credit", "debit", "next_items", "post"]

_Day = tuple[str, date, tuple[str, ...]]  # a merchant's business day of some branches

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Resolved:
    """An entry with the numbers of its lines' accounts, and the digest of its content."""

    entry: Entry
    accounts: list[int]
    content: str


def post(entries: Sequence[Entry]) -> list[Posted]:
    """Book entries, all or none, and return them in the order given.

    Joins the caller's transaction, or is one of its own; either way it is one round trip (two for a single entry whose
    key is booked or whose day is closed). An entry whose key is booked with the same content comes back with
    `new=False`. Accounts are made on demand.

    Raises:
        Unbalanced, ItemMissing: an entry that cannot be booked.
        KeyReused: a key is booked with other content.
        AlreadyReversed: what an entry reverses has been reversed by another.
        NoSuchEntry: what an entry reverses is not booked.
        AccountDiffers: an account exists with another kind or rule for items.
    """
    for entry in entries:
        check(entry)
    once: dict[str, _Resolved] = {}
    for resolved in _resolve(entries):
        # One statement cannot insert a key twice, and would not say which content is the right one.
        if once.setdefault(resolved.entry.key, resolved).content != resolved.content:
            raise KeyReused(resolved.entry.key)
    return list(_in_order(entries, _book(once)))


def next_items(count: int) -> list[int]:
    """Numbers for open items, from the one sequence. In SQL: `nextval('ledger_item')`."""
    with connection.cursor() as cursor:
        cursor.execute(sql.NEXT_ITEMS, [count])
        return [number for (number,) in cursor.fetchall()]


def _resolve(entries: Sequence[Entry]) -> list[_Resolved]:
    numbers = accounts.numbers({(entry.merchant_id, line.account) for entry in entries for line in entry.lines})
    resolved = []
    for entry in entries:
        owned = [numbers[entry.merchant_id, line.account] for line in entry.lines]
        resolved.append(_Resolved(entry, owned, _content(entry, owned)))
    return resolved


def _in_order(entries: Sequence[Entry], posted: dict[str, Posted]) -> Iterable[Posted]:
    seen: set[str] = set()
    for entry in entries:
        found = posted[entry.key]
        yield replace(found, new=False) if entry.key in seen else found  # a twin in the same batch
        seen.add(entry.key)


def _book(once: dict[str, _Resolved]) -> dict[str, Posted]:
    try:
        # Less work than the general way, for what a till posts most; where it gives up, the general way says why.
        if len(once) == 1 and (posted := _book_one(*once.values())):
            return {posted.key: posted}
        # By key: two transactions that book the same keys wait for one another, never in a circle.
        return _book_many([once[key] for key in sorted(once)]) if once else {}
    except IntegrityError as error:
        _translate(error)


def _book_one(resolved: _Resolved) -> Posted | None:
    """The fast path of one entry: None, if its key is booked already or its day is closed."""
    entry, id_, day = resolved.entry, new_id("jrn"), resolved.entry.business_day
    parameters = [
        id_,
        entry.key,
        entry.event,
        entry.merchant_id,
        day.isoformat(),
        entry.occurred_at.isoformat(),
        entry.reverses,
        resolved.content,
        _numbers(resolved.accounts),
        _numbers([line.item for line in entry.lines]),
        _numbers([line.amount for line in entry.lines]),
    ]
    microseconds = _value(sql.POST_ONE, parameters)
    if microseconds is None:
        return None
    return Posted(id_, entry.key, day, EPOCH + microseconds * MICROSECOND, True)


def _value(statement: str, parameters: list[str | None]) -> Any:
    """The one value of a statement, by the driver's own cursor: Django's around it takes as long as all else here."""
    database = connections[DEFAULT_DB_ALIAS]
    database.ensure_connection()
    database.validate_no_broken_transaction()
    # Its parameters are numbered, as PostgreSQL itself takes them: no text is rewritten on the way.
    with database.wrap_database_errors, RawCursor(database.connection) as cursor:
        (value,) = cursor.execute(statement, parameters).fetchall()[0]
        return value


def _book_many(resolved: list[_Resolved]) -> dict[str, Posted]:
    entries = [row.entry for row in resolved]
    of_entries = [(entry.merchant_id, entry.business_day, entry.branches) for entry in entries]
    # Each day once, whatever the number of entries: its lock is taken and its status read once. In order of days, as
    # who closes several takes them: neither waits for the other in a circle.
    days = {day: number for number, day in enumerate(sorted(set(of_entries)))}
    numbers = [days[day] for day in of_entries]
    ids = [new_id("jrn") for _ in entries]
    with connection.cursor() as cursor:
        cursor.execute(sql.POST, _parameters(resolved, list(days), numbers, ids))
        booked_at, dates, *old = cursor.fetchall()[0]
    posted = {
        entry.key: Posted(id_, entry.key, dates[number], booked_at, True)
        for entry, id_, number in zip(entries, ids, numbers, strict=True)
    }
    if old[0] is not None:
        # Keys that were booked before come back as they stand, over what this call would have made of them.
        posted |= {key: Posted(id_, key, day, at, False) for key, id_, day, at in zip(*old, strict=True)}
    return posted


def _parameters(resolved: list[_Resolved], days: list[_Day], day_numbers: list[int], ids: list[str]) -> list[str]:
    """The parameters of `ledger_post`: the days, then the entries, then their lines, each as arrays of columns."""
    entries = [row.entry for row in resolved]
    lines = [line for entry in entries for line in entry.lines]
    return [
        _texts(merchant for merchant, _, _ in days),
        _plain(day.isoformat() for _, day, _ in days),
        _plain(ids),
        _texts(entry.key for entry in entries),
        _texts(entry.event for entry in entries),
        _texts(entry.merchant_id for entry in entries),
        _numbers(number + 1 for number in day_numbers),
        _plain([entry.occurred_at.isoformat() for entry in entries]),
        _texts(entry.reverses for entry in entries),
        _plain([row.content for row in resolved]),
        _numbers(len(entry.lines) for entry in entries),
        _plain([id_ for id_, entry in zip(ids, entries, strict=True) for _ in entry.lines]),
        _numbers(number for entry in entries for number in range(1, len(entry.lines) + 1)),
        _numbers(number for row in resolved for number in row.accounts),
        _numbers(line.item for line in lines),
        _numbers(line.amount for line in lines),
        _texts(" ".join(branches) for _, _, branches in days),
    ]


def _numbers(values: Iterable[int | None]) -> str:
    """An array as PostgreSQL writes it; the driver's own lists take several times as long."""
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def _plain(values: Iterable[str]) -> str:
    """The same of ids, digests and moments, in which there is nothing to quote."""
    return "{" + ",".join(values) + "}"


def _texts(values: Iterable[str | None]) -> str:
    return "{" + ",".join(["NULL" if value is None else _quoted(value) for value in values]) + "}"


def _quoted(value: str) -> str:
    # Rare in keys and events, so that the two copies are seldom made.
    if "\\" in value or '"' in value:
        value = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{value}"'


def _content(entry: Entry, owned: list[int]) -> str:
    """The digest of an entry's content; the audit computes the same from what is stored."""
    lines = [
        f"{number}:{'' if line.item is None else line.item}:{line.amount}"
        for number, line in zip(owned, entry.lines, strict=True)
    ]
    # Whole microseconds, as PostgreSQL stores them: a float would seal another moment than the audit reads.
    moment = str((entry.occurred_at - EPOCH) // MICROSECOND)
    text = "\n".join([entry.key, entry.event, entry.merchant_id, moment, entry.reverses or "", *lines])
    return hashlib.sha256(text.encode()).hexdigest()


def _translate(error: IntegrityError) -> NoReturn:
    """Raise the error of a violated constraint. Python checks first, so most of these are races or defects."""
    diagnosis = getattr(error.__cause__, "diag", None)
    rule = getattr(diagnosis, "constraint_name", None) or "books"
    message = getattr(diagnosis, "message_primary", None) or str(error)
    detail = getattr(diagnosis, "message_detail", None) or message
    # Another transaction booked this key with other content since we looked.
    if rule == "ledger_entry_key":
        raise KeyReused(detail) from error
    if rule == "ledger_entry_reversed_once":
        raise AlreadyReversed(detail) from error
    if rule == "ledger_entry_reverses":
        raise NoSuchEntry from error
    if rule == "ledger_day_open":
        raise DayClosed(message) from error
    if rule == "ledger_posting_account":  # a cached account number is of a database that was emptied or restored
        accounts.forget()
    # What is left cannot happen by bad input, so that it is answered with a 500 and noticed.
    raise BooksRefused(rule, message) from error

"""The audit of the books: everything recomputed from the rows, with each row that contradicts it.

Upper floors add checks of their own (`settings.LEDGER_AUDITS`, dotted paths of `Check`s); the ledger knows none of
them. All checks see one moment, and rows are streamed: the books may be larger than the memory.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from django.db import connection, transaction

from payments.ledger.audit import sql
from payments.ledger.sql import NO_TIMEOUT


@dataclass(frozen=True, slots=True)
class Violation:
    """One row that breaks a rule: which rule it breaks, what it is, and what is wrong with it."""

    rule: str
    subject: str
    detail: str


Check = Callable[[], Iterable[Violation]]


class Counts(NamedTuple):
    """How much was looked at."""

    entries: int
    postings: int


def question(rule: str, query: str) -> Check:
    """A check by a query whose rows are violations: (subject, detail)."""

    def ask() -> Iterator[Violation]:
        # Streamed: a broken table would yield as many violations as it has rows.
        with connection.chunked_cursor() as cursor:
            cursor.execute(query)
            for subject, detail in cursor:
                yield Violation(rule, subject, detail)

    return ask


CHECKS: Final[tuple[Check, ...]] = (
    question("guard_missing", sql.GUARDS_MISSING),
    question("posting_without_entry", sql.POSTINGS_WITHOUT_ENTRY),
    question("posting_on_strange_account", sql.POSTINGS_ON_STRANGE_ACCOUNTS),
    question("posting_without_item", sql.POSTINGS_WITHOUT_ITEM),
    question("entry_incomplete", sql.ENTRIES_INCOMPLETE),
    question("entry_unbalanced", sql.ENTRIES_UNBALANCED),
    question("entry_seal_broken", sql.ENTRIES_SEAL_BROKEN),
    question("entry_double", sql.ENTRIES_DOUBLE),
    question("entry_on_closed_day", sql.ENTRIES_ON_CLOSED_DAYS),
    question("reversal_wrong", sql.REVERSALS_WRONG),
    question("account_seal_broken", sql.ACCOUNTS_SEAL_BROKEN),
    question("day_seal_broken", sql.DAYS_SEAL_BROKEN),
    question("checkpoint_wrong", sql.CHECKPOINTS_WRONG),
    question("open_item_wrong", sql.OPEN_ITEMS_WRONG),
    question("cursor_ahead", sql.CURSOR_AHEAD),
)


@contextlib.contextmanager
def one_moment() -> Iterator[None]:
    """All queries inside see the books as of now, however long they take."""
    outermost = not connection.in_atomic_block  # the isolation can only be set before a transaction's first statement
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute(sql.ONE_MOMENT)
        # It reads everything there is; a request's limit would end it every time.
        cursor.execute(NO_TIMEOUT)
        yield


def counts() -> Counts:
    """How many entries and postings there are."""
    with connection.cursor() as cursor:
        cursor.execute(sql.COUNTS)
        return Counts(*cursor.fetchone())


def violations(extra: Iterable[Check] = ()) -> Iterator[Violation]:
    """Every violation found by the ledger's own checks and by `extra` ones. Call it inside `one_moment()`."""
    for check in (*CHECKS, *extra):
        yield from check()

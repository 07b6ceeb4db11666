"""A chain over every row that proves something, so that the audit names one that is missing, whatever deleted it.

Rights and guards bind the application; the owner of the tables can walk past both. In the background, a quarter of an
hour behind, rows are noted in blocks: their ids and hashes, and a digest over them and the block before, keyed with
`HASH_KEY`, which is not in the database. With the database alone no block can be forged. The last blocks can
be cut off with what they noted; so each digest is logged, too, and `audit_ledger --anchor` asks for one that was.
"""

import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction
from django.utils.module_loading import import_string

from payments.core.crypto import keyed_hash
from payments.ledger.audit import Violation
from payments.ledger.chain import sql

BLOCK: Final = 500  # rows
BEHIND: Final = timedelta(minutes=15)  # an id is given before its row is committed, by a clock that may be wrong
LONGEST: Final = 20.0  # seconds a run may take; the next goes on

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chained:
    """A table whose rows stay: when each was made (a column), and the columns (or expressions) that prove something."""

    table: str
    moment: str
    columns: tuple[str, ...]
    id_type: str = "text"


ENTRIES: Final = Chained("ledger_journalentry", "booked_at", ("id", "seal"))  # which seals its postings, too


def tables() -> list[Chained]:
    """All of them (`settings.CHAINED`)."""
    return [import_string(path) for path in settings.CHAINED]


def extend(*, behind: timedelta = BEHIND) -> int:
    """Note what has become old enough (beat); return how many rows that were. Beside another run it does nothing."""
    noted, end = 0, time.monotonic() + LONGEST
    for chained in tables():
        # A backlog after an outage is worked off in pieces: a worker is not held for an hour.
        while time.monotonic() < end:
            rows = _next_block(chained, behind)
            noted += rows
            if rows < BLOCK:
                break
    return noted


def check() -> Iterator[Violation]:
    """Name each row that was noted and is gone or another, and each block that is not the one we wrote."""
    for chained in tables():
        yield from _broken(chained)
        for subject, block, gone in _rows(sql.differing(chained), [chained.table]):
            what = "is gone" if gone else "is not what it was"
            yield Violation(
                f"row_{'missing' if gone else 'changed'}", subject, f"{chained.table}: {what} (block {block})"
            )


def has(table: str, number: int, digest: str) -> bool:
    """Tell whether this block, as it was logged once, is still there."""
    return any(found == digest for (found,) in _rows(sql.DIGEST, [table, number]))


def _next_block(chained: Chained, behind: timedelta) -> int:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.TRY_LOCK)
        if not cursor.fetchone()[0]:
            return 0
        cursor.execute(sql.LAST, [chained.table])
        # Each block covers the digest of the one before, so that none can be taken out of the middle.
        number, through, previous = cursor.fetchone() or (0, None, "")
        cursor.execute(
            sql.due(chained, begun=through is not None),
            {"after": through, "behind": f"{behind.total_seconds()} seconds", "most": BLOCK},
        )
        rows = cursor.fetchall()
        if rows:
            ids, hashes = [row[0] for row in rows], [row[1] for row in rows]
            digest = _digest(chained.table, number + 1, previous, ids, hashes)
            cursor.execute(sql.ADD, [chained.table, number + 1, ids[-1], ids, hashes, digest])
    if rows:
        logger.info("chained %s:%d:%s", chained.table, number + 1, digest)
    return len(rows)


def _broken(chained: Chained) -> Iterator[Violation]:
    expected, previous = 1, ""
    for number, ids, hashes, digest in _rows(sql.BLOCKS, [chained.table]):
        if number != expected:
            yield Violation("chain_broken", chained.table, f"block {expected} is gone")
        elif digest != _digest(chained.table, number, previous, ids, hashes):
            yield Violation("chain_broken", chained.table, f"block {number} is not the one that was written")
        expected, previous = number + 1, digest


def _digest(table: str, number: int, previous: str, ids: list[str], hashes: list[str]) -> str:
    return keyed_hash("\n".join((f"chain of {table}", str(number), previous, *ids, *hashes)))


def _rows(query: str, parameters: list[Any]) -> Iterator[Any]:
    with connection.chunked_cursor() as cursor:
        cursor.execute(query, parameters)
        yield from cursor

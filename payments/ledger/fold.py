"""Folding postings into checkpoints and open items, in the background, so that a balance is read and not added up.

Rows are taken in the order of the transactions that wrote them, and only where every transaction up to there has
ended: one that is slow is waited for, never skipped. Whole transactions are folded, so the transaction's number alone
says how far it is.
"""

from typing import Any, Final

from django.db import connection, transaction

from payments.ledger import sql
from payments.runtime.fail_points import fail_point

BATCH: Final = 20_000  # postings; a transaction that wrote more is folded whole


def fold(limit: int = BATCH) -> int:
    """Fold the next postings and return how many there were at least; 0 when there are none, or another fold runs."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.TRY_FOLD_LOCK)
        if not _one(cursor)[0]:
            return 0
        fail_point("fold.opened")
        cursor.execute(sql.NO_TIMEOUT)  # a transaction that wrote millions is folded whole, however long it takes
        cursor.execute(sql.FOLD_STATE)
        here, cluster, shift, xid = _one(cursor)
        # Another server has the database now, and counts its transactions from the start.
        if here != cluster:
            _begin_epoch(cursor, here)
            cursor.execute(sql.FOLD_STATE)
            here, cluster, shift, xid = _one(cursor)
        # How far comes first, in a statement of its own: all that follow fold exactly what it saw as ended.
        cursor.execute(sql.FOLD_UP_TO, {"xid": xid, "shift": shift, "limit": limit})
        up_to, count = _one(cursor)
        if count:
            for statement in (sql.FOLD_CHECKPOINTS, sql.FOLD_OPEN_ITEMS, sql.FOLD_CURSOR):
                cursor.execute(statement, _only(statement, xid=xid, up_to=up_to))
                fail_point("fold.writing")
        fail_point("fold.written")
    fail_point("fold.committed")
    return int(count)


def fold_all(limit: int = BATCH) -> int:
    """Fold until nothing is left that may be folded."""
    total = 0
    while count := fold(limit):
        total += count
    return total


def age() -> float:
    """How many seconds ago the oldest posting that is not folded was booked; 0 when all are. Alert when it grows."""
    with connection.cursor() as cursor:
        cursor.execute(sql.FOLD_AGE)
        return float(_one(cursor)[0])


def _begin_epoch(cursor: Any, cluster: str) -> None:
    """Start over: at first, and where a restored database is on another server."""
    for statement in (sql.EPOCH_LOCK, sql.FORGET_CHECKPOINTS, sql.FORGET_OPEN_ITEMS):
        cursor.execute(statement)
    cursor.execute(sql.NEW_EPOCH, {"cluster": cluster})


def _only(statement: str, **parameters: Any) -> dict[str, Any]:
    return {
        name: value for name, value in parameters.items() if f"%({name})s" in statement
    }  # the driver refuses a parameter that a statement does not name


def _one(cursor: Any) -> tuple[Any, ...]:
    row: tuple[Any, ...] = cursor.fetchone()
    return row

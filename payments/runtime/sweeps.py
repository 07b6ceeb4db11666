"""One bad item never stops the others: what every loop over work has in common.

    sweep = Sweep("payments.expire_payment")
    for payment in due.exclude(id__in=sweep.resting):
        with sweep.item(payment.id, merchant_id=payment.merchant_id):
            expire(payment)

An item that fails is written down (`WorkFailure`: how often, with which error), rests longer each time, and is set
aside after `ATTEMPTS` failures: from then on it is tried again only when a person says so. People see it in the admin,
monitoring in /metrics. An item that goes well is struck off the list.
"""

import logging
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, TypeVar

from django.db import DatabaseError, InterfaceError, OperationalError, connection, transaction
from django.utils import timezone

from payments.runtime import sql

# How long an item rests after each failure (the first may have been bad luck); after one more it is set aside.
PAUSES: Final = tuple(timedelta(seconds=seconds) for seconds in (0, 10, 60, 300, 1800))
ATTEMPTS: Final = len(PAUSES) + 1
LONGEST_ERROR: Final = 500

Row = TypeVar("Row")

logger = logging.getLogger(__name__)


class Sweep:
    """One round over the items of one kind of work, which has a name as `payments.recover_operation`."""

    def __init__(self, work: str) -> None:
        self.work = work
        self._failed: dict[str, datetime | None] = dict(sql.failed(work))

    @property
    def resting(self) -> list[str]:
        """The items that failed and are not due yet; a sweep excludes them before it applies its limit."""
        now = timezone.now()
        return [subject for subject, due_at in self._failed.items() if due_at is None or due_at > now]

    @property
    def failing(self) -> list[str]:
        """The items that failed and have not succeeded since, whether they are due or not."""
        return list(self._failed)

    @contextmanager
    def item(self, subject: str, *, merchant_id: str | None = None) -> Iterator[None]:
        """Do one item: whatever it raises is logged and written down, and the loop goes on."""
        try:
            yield
        except Exception as error:
            logger.exception("%s failed for %s", self.work, subject)
            if not _connection_was_lost(error):
                self.failed(subject, error, merchant_id=merchant_id)
        else:
            if subject in self._failed:
                sql.forget(self.work, subject)

    def together(
        self,
        rows: Sequence[Row],
        act: Callable[[Sequence[Row]], object],
        *,
        subject: Callable[[Row], str],
        merchant_id: str | None = None,
    ) -> None:
        """Do many items at once, in one transaction; where that fails, each by itself: only the bad ones fail."""
        if not rows:
            return
        try:
            with transaction.atomic():
                act(rows)
        except Exception as error:
            if len(rows) > 1:
                logger.exception("%s failed for %d at once; each is tried by itself", self.work, len(rows))
            _connection_was_lost(error)
        else:
            for row in rows:
                if subject(row) in self._failed:
                    sql.forget(self.work, subject(row))
            return
        for row in rows:
            with self.item(subject(row), merchant_id=merchant_id), transaction.atomic():
                act([row])

    def failed(self, subject: str, error: Exception, *, merchant_id: str | None = None) -> None:
        """Write down that an item failed, and say how long it rests."""
        try:
            with transaction.atomic():
                attempts = sql.note(self.work, subject, merchant_id, described(error))
                due_at = timezone.now() + PAUSES[attempts - 1] if attempts < ATTEMPTS else None
                # A transaction of its own: the item's has been rolled back, and would take this with it.
                sql.rest(self.work, subject, due_at)
        except DatabaseError:  # then nothing works for anybody, and this item is not to blame
            logger.exception("the failure of %s for %s could not be written down", self.work, subject)
            return
        if due_at is None:
            logger.error("%s set %s aside after %d failures", self.work, subject, attempts)


def described(error: Exception) -> str:
    """What went wrong and where, without what it went wrong about: messages may hold personal data."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else ""
    # The first line of the database's message names columns and constraints, those after it values.
    why = f": {str(error).partition(chr(10))[0]}" if isinstance(error, DatabaseError) else ""
    return f"{type(error).__name__}{where}{why}"[:LONGEST_ERROR]


def _connection_was_lost(error: Exception) -> bool:
    """Tell whether the database went away, which is no item's fault; the next one gets another connection."""
    if connection.in_atomic_block:  # within a caller's transaction the connection is the caller's
        return False
    lost = isinstance(error, OperationalError | InterfaceError) and not _is_usable()
    connection.close_if_unusable_or_obsolete()
    return lost


def _is_usable() -> bool:
    return connection.connection is not None and connection.is_usable()

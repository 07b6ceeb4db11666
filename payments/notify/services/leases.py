"""Acquire the deliverer's lease, renew it, release it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from payments.notify import models
from payments.notify.sql import ClockTime

NAME: Final = "deliver"
DURATION: Final = timedelta(seconds=5)  # how long deliveries rest after a deliverer was killed
RENEWED_EVERY: Final = 1.0  # seconds; well within the duration, so that a slow query does not lose the lease


class HeldLease:
    """The deliverer's lease, held as long as `renew` is called more often than it runs out."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._renewed = time.monotonic()

    def renew(self) -> bool:
        """Extend the lease if it was not just extended. Return False if another process holds it by now."""
        if time.monotonic() - self._renewed < RENEWED_EVERY:
            return True
        self._renewed = time.monotonic()
        held = models.Lease.objects.filter(name=NAME, holder=self._holder)
        # The database's clock on both sides: the clocks of two machines need not agree.
        return held.update(taken_until=ClockTime() + DURATION) == 1

    def release(self) -> None:
        """End the lease at once, so that another process need not wait for it to run out."""
        models.Lease.objects.filter(name=NAME, holder=self._holder).update(taken_until=ClockTime())


@contextmanager
def acquire() -> Iterator[HeldLease | None]:
    """Yield the lease, released at the end of the block; None while another process holds it."""
    holder = uuid.uuid4().hex
    free = models.Lease.objects.filter(name=NAME, taken_until__lte=ClockTime())
    lease = HeldLease(holder) if free.update(holder=holder, taken_until=ClockTime() + DURATION) else None
    try:
        yield lease
    finally:
        if lease is not None:
            lease.release()

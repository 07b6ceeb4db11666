"""Take the deliverer's seat, keep it, leave it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

from payments.notify import models
from payments.notify.sql import ClockTime

NAME: Final = "deliver"
LEASE: Final = timedelta(seconds=5)  # how long deliveries rest after a deliverer was killed
RENEWED_EVERY: Final = 1.0


class Lease:
    """A seat that is ours as long as `kept` is asked often enough."""

    def __init__(self, holder: str) -> None:
        self._holder = holder
        self._renewed = time.monotonic()

    def kept(self) -> bool:
        """Renew the lease where it is time to; False: another has the seat by now."""
        if time.monotonic() - self._renewed < RENEWED_EVERY:
            return True
        self._renewed = time.monotonic()
        held = models.Seat.objects.filter(name=NAME, holder=self._holder)
        return held.update(taken_until=ClockTime() + LEASE) == 1

    def leave(self) -> None:
        """Let another sit down at once."""
        models.Seat.objects.filter(name=NAME, holder=self._holder).update(taken_until=ClockTime())


@contextmanager
def taken() -> Iterator[Lease | None]:
    """The seat, or None while another has it."""
    holder = uuid.uuid4().hex
    free = models.Seat.objects.filter(name=NAME, taken_until__lte=ClockTime())
    seat = Lease(holder) if free.update(holder=holder, taken_until=ClockTime() + LEASE) else None
    try:
        yield seat
    finally:
        if seat is not None:
            seat.leave()

"""How requests go wrong, whoever's: planned for the next one, or at random."""

import random
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeVar

A = TypeVar("A")


class Fault(StrEnum):
    """What happens to a request. The first three after it was done, the others instead.

    `SLOW` is done after the caller has given up. What `ERROR_DONE` did and `ERROR_KEPT` did not, a provider with
    idempotency keys answers with the same 500 for as long as the key lives. Each fake says in its own words what it
    answers to those that have an answer.
    """

    TIMEOUT_DONE = "timeout_done"
    DROPPED_DONE = "dropped_done"
    ERROR_DONE = "error_done"
    TIMEOUT_NOT_DONE = "timeout_not_done"
    DROPPED_NOT_DONE = "dropped_not_done"
    SLOW = "slow"
    ERROR_NOT_DONE = "error_not_done"
    ERROR_KEPT = "error_kept"
    UNREADABLE = "unreadable"
    RATE_LIMITED = "rate_limited"
    LOCK_TIMEOUT = "lock_timeout"
    KEY_IN_USE = "key_in_use"
    NO_PERMISSION = "no_permission"

    @property
    def done(self) -> bool:
        """Whether the request is carried out first."""
        return self in (Fault.TIMEOUT_DONE, Fault.DROPPED_DONE, Fault.ERROR_DONE)


_SILENT: Final = frozenset({Fault.TIMEOUT_DONE, Fault.TIMEOUT_NOT_DONE})
_BROKEN: Final = _SILENT | {Fault.DROPPED_DONE, Fault.DROPPED_NOT_DONE}
# Those that any provider may have; what needs idempotency keys or locks is for the fakes that have them.
ANYONES: Final = (
    *(Fault.TIMEOUT_DONE, Fault.DROPPED_DONE, Fault.ERROR_DONE, Fault.TIMEOUT_NOT_DONE, Fault.DROPPED_NOT_DONE),
    *(Fault.SLOW, Fault.ERROR_NOT_DONE, Fault.UNREADABLE, Fault.RATE_LIMITED, Fault.NO_PERMISSION),
)


@dataclass(slots=True)
class Faults:
    """What goes wrong, with whom."""

    kinds: tuple[Fault, ...] = ANYONES
    planned: "deque[Fault | None]" = field(default_factory=deque)
    rate: float = 0.0
    silence: float = 1.0  # how long it is silent until the connection breaks
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def plan(self, *faults: Fault | None) -> None:
        """Of the next requests, whatever they request; None lets one pass."""
        self.planned.extend(faults)

    def next(self) -> Fault | None:
        """What happens to the next request."""
        if self.planned:
            return self.planned.popleft()
        return self.chance.choice(self.kinds) if self.rate and self.chance.random() < self.rate else None

    def strike(self, fault: Fault | None, act: Callable[[], A], answer: Callable[[Fault], A]) -> A:
        """Do what was requested unless the fault forbids it, and answer unless the fault does.

        Raises:
            ConnectionAbortedError: the connection breaks.
        """
        if fault is Fault.SLOW:
            time.sleep(self.silence)
            act()
            raise ConnectionAbortedError
        done = act() if fault is None or fault.done else None
        if fault in _SILENT:
            time.sleep(self.silence)
        if fault in _BROKEN:
            raise ConnectionAbortedError
        if fault is not None:
            return answer(fault)
        assert done is not None
        return done

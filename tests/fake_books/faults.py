"""How requests to a package go wrong, planned for the next ones that match."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Event, Lock


class Fault(StrEnum):
    """What happens to a request. Of the first three it is done first; of the others it is not."""

    DROPPED_DONE = "dropped_done"
    ERROR_DONE = "error_done"
    HANGS_DONE = "hangs_done"  # no answer until `release` is set
    DROPPED_NOT_DONE = "dropped_not_done"
    ERROR_NOT_DONE = "error_not_done"
    RATE_LIMITED = "rate_limited"
    TOKEN_EXPIRED = "token_expired"
    UNREADABLE_DONE = "unreadable_done"

    @property
    def done(self) -> bool:
        """Whether the request is carried out first."""
        return self.value.endswith("_done") and not self.value.endswith("not_done")


@dataclass
class Faults:
    """What goes wrong next; `released` lets everything go on that hangs."""

    released: Event = field(default_factory=Event)
    hanging: Event = field(default_factory=Event)
    _planned: list[tuple[str, Fault]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def plan(self, where: str, *faults: Fault) -> None:
        """Of the next requests whose `METHOD /path` holds this text."""
        with self._lock:
            self._planned += [(where, fault) for fault in faults]

    def of(self, endpoint: str) -> Fault | None:
        """What happens to this one."""
        with self._lock:
            for at, (where, fault) in enumerate(self._planned):
                if where in endpoint:
                    del self._planned[at]
                    return fault
        return None

    def hang(self, until: Callable[[float], bool] | None = None) -> None:
        """Answer nothing until released."""
        self.hanging.set()
        (until or self.released.wait)(120)

"""How requests go wrong: planned for the next one, by the ending of an amount (once a key), or at random."""

import random
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from payments.providers.simulator.magic import Ending, ending


class Fault(StrEnum):
    """What happens to a request. The first three after it was done, the others instead.

    `SLOW` is done after the caller has given up. What `ERROR_DONE` did and `ERROR_KEPT` did not, their key answers
    with the same 500 for as long as it lives.
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


ANSWERS: Final[dict[Fault, tuple[int, dict[str, Any]]]] = {
    Fault.ERROR_DONE: (500, {"type": "api_error", "message": "Something went wrong on our end."}),
    Fault.ERROR_NOT_DONE: (500, {"type": "api_error", "message": "Something went wrong on our end."}),
    Fault.ERROR_KEPT: (500, {"type": "api_error", "message": "Something went wrong on our end."}),
    Fault.RATE_LIMITED: (429, {"type": "invalid_request_error", "code": "rate_limit", "message": "Too many requests."}),
    Fault.LOCK_TIMEOUT: (
        429,
        {"type": "invalid_request_error", "code": "lock_timeout", "message": "Another request holds this object."},
    ),
    Fault.KEY_IN_USE: (
        409,
        {
            "type": "idempotency_error",
            "code": "idempotency_key_in_use",
            "message": "Another request with this key is in progress.",
        },
    ),
    Fault.NO_PERMISSION: (403, {"type": "invalid_request_error", "message": "This key may not do that."}),
}
_ENDINGS: Final = {
    Ending.TIMEOUT_DONE: Fault.TIMEOUT_DONE,
    Ending.TIMEOUT_NOT_DONE: Fault.TIMEOUT_NOT_DONE,
    Ending.DROPPED_DONE: Fault.DROPPED_DONE,
    Ending.ERROR_DONE: Fault.ERROR_DONE,
    Ending.ERROR_NOT_DONE: Fault.ERROR_NOT_DONE,
    Ending.RATE_LIMITED: Fault.RATE_LIMITED,
}


# A kept 500 lasts a day: no run waits so long.
AT_RANDOM: Final = tuple(fault for fault in Fault if fault is not Fault.ERROR_KEPT)


@dataclass(slots=True)
class Faults:
    """What goes wrong, with whom."""

    planned: "deque[Fault | None]" = field(default_factory=deque)
    rate: float = 0.0
    kinds: tuple[Fault, ...] = AT_RANDOM
    silence: float = 1.0  # how long it is silent until the connection breaks
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    _struck: set[str] = field(default_factory=set)

    def plan(self, *faults: Fault | None) -> None:
        """Of the next requests, whatever they request; None lets one pass."""
        self.planned.extend(faults)

    def of_request(self, key: str | None, params: dict[str, Any]) -> Fault | None:
        """What happens to this one."""
        if self.planned:
            return self.planned.popleft()
        if self.rate and self.chance.random() < self.rate:
            return self.chance.choice(self.kinds)
        amount = params.get("amount", params.get("amount_to_capture"))
        if key is None or not isinstance(amount, int) or key in self._struck:
            return None
        self._struck.add(key)
        return _ENDINGS.get(ending(amount))

"""How requests to Stripe go wrong: as planned, by the ending of an amount (once a key), or at random."""

from dataclasses import dataclass, field
from typing import Any, Final

from payments.providers.simulator.magic import Ending, ending
from tests.fakes.faults import Fault as Fault
from tests.fakes.faults import Faults

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
class StripeFaults(Faults):
    """Faults that an amount may ask for, too."""

    kinds: tuple[Fault, ...] = AT_RANDOM
    _struck: set[str] = field(default_factory=set)

    def of_request(self, key: str | None, params: dict[str, Any]) -> Fault | None:
        """What happens to this one."""
        if self.planned:
            return self.planned.popleft()
        at_random = self.next()
        if at_random is not None:
            return at_random
        amount = params.get("amount", params.get("amount_to_capture"))
        if key is None or not isinstance(amount, int) or key in self._struck:
            return None
        self._struck.add(key)
        return _ENDINGS.get(ending(amount))

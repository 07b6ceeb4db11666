"""Faults at random, for soak runs: the same seed gives the same row of them."""

import random
from threading import Lock
from typing import Final

import msgspec

from config.sandbox.psp.sql import Store
from payments.providers.simulator.magic import LATE, MISBEHAVIORS, Misbehavior, ending

PROMPT: Final = 0.1  # seconds between an answer and its webhook
WEBHOOK_TWICE: Final = "webhook_twice"
WEBHOOK_LATE: Final = "webhook_late"
KINDS: Final = (*Misbehavior, WEBHOOK_TWICE, WEBHOOK_LATE)


class FaultSettings(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How often (0 to 1), of which kinds (all, if none is named), and how slow every answer is."""

    rate: float = 0.0
    seed: int = 0
    kinds: list[str] = []
    delay_ms: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.rate <= 1 or self.delay_ms < 0 or not set(self.kinds) <= set(KINDS):
            raise ValueError(f"rate is 0 to 1, delay_ms not negative, kinds are of {', '.join(KINDS)}")


class Faults:
    """Decides what goes wrong. The settings outlive the process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        stored = store.read_faults()
        self._use(msgspec.json.decode(stored, type=FaultSettings) if stored else FaultSettings())

    def set(self, settings: FaultSettings) -> None:
        """Replace the settings, and restart their sequence."""
        self._store.write_faults(msgspec.json.encode(settings).decode())
        self._use(settings)

    def of_operation(self, operation_id: str, amount: int) -> Misbehavior | None:
        """Return what goes wrong with an operation: by its amount, at the first attempt only, else at random."""
        named = MISBEHAVIORS.get(ending(amount))
        if named and self._store.first_attempt(operation_id):
            return named
        return self.of_question()

    def of_question(self) -> Misbehavior | None:
        """What goes wrong with any request, at random."""
        kind = self._draw()
        return Misbehavior(kind) if kind and kind in list(Misbehavior) else None

    def of_webhook(self) -> list[float]:
        """When a webhook is sent, in seconds from now; twice if it has two elements."""
        kind = self._draw()
        with self._lock:
            late = self._random.uniform(PROMPT, LATE)
        if kind == WEBHOOK_TWICE:
            return [PROMPT, late]
        return [late] if kind == WEBHOOK_LATE else [PROMPT]

    def _draw(self) -> str | None:
        with self._lock:
            struck = self._random.random() < self.settings.rate
            return self._random.choice(self.settings.kinds or KINDS) if struck else None

    def _use(self, settings: FaultSettings) -> None:
        with self._lock:
            self.settings = settings
            self._random = random.Random(settings.seed)  # noqa: S311 (to be repeated, not to be secret)

"""What all that happens at the simulator without a request needs: the store, the log, the outbox and the processor."""

from config.sandbox.psp.effects import EffectLog
from config.sandbox.psp.faults import Faults
from config.sandbox.psp.outbox import Outbox
from config.sandbox.psp.processor import Processor
from config.sandbox.psp.sql import Store


class Happenings:
    """Makes things happen, now or when they are due, and emits their webhooks."""

    def __init__(self, store: Store, log: EffectLog, outbox: Outbox, faults: Faults, processor: Processor) -> None:
        self._store = store
        self._log = log
        self._outbox = outbox
        self._faults = faults
        self._processor = processor

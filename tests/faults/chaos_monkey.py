"""Who does the harm: programs killed with SIGKILL, the broker emptied, one after the other."""

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final

import httpx

from tests.stack import Stack

VICTIMS: Final = ("granian", "celery", "postgres", "valkey")
MOST_AT_ONCE: Final = 3  # processes of one program
BACK_WITHIN: Final = 120.0


class ChaosMonkey:
    """Kills and flushes in random order, each when the last victim has come back; `over` when all is done."""

    def __init__(
        self,
        stack: Stack,
        chance: random.Random,
        *,
        kills: int,
        flushes: int,
        victims: Sequence[str] = VICTIMS,
    ) -> None:
        self.stack, self.chance, self.victims = stack, chance, victims
        self.over = threading.Event()
        self.killed: Counter[str] = Counter()
        self.flushed = 0
        self.stuck: list[str] = []
        self._harms: list[Callable[[], None]] = [self._kill] * kills + [self._flush] * flushes
        chance.shuffle(self._harms)

    def run(self) -> None:
        """Do it all, or as much as there is time for."""
        for harm in self._harms:
            if self.over.wait(self.chance.uniform(0.5, 1.5)):
                return
            harm()
            self.until_ready()
        self.over.set()

    def until_ready(self) -> None:
        """Wait until the installation says that it is ready."""
        end = time.monotonic() + BACK_WITHIN
        while time.monotonic() < end:
            try:
                if httpx.get(f"{self.stack.url}/health/ready", trust_env=False, timeout=5).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.2)
        self.stuck.append("the stack did not come back")

    def _kill(self) -> None:
        program = self.chance.choice(self.victims)
        victims = self.stack.processes(program)
        for pid in self.chance.sample(victims, min(len(victims), self.chance.randint(1, MOST_AT_ONCE))):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.killed[program] += 1

    def _flush(self) -> None:
        self.stack.flush_broker()
        self.flushed += 1

"""How much memory processes hold, as Linux counts it."""

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event, Thread
from typing import Final

from tests.stack import Stack

LOOK_EVERY: Final = 0.1


def megabytes(pids: Iterable[int]) -> float:
    """Of the largest of these processes."""
    return max((_resident(pid) for pid in pids), default=0) / 1024


class Peak:
    """The most that any process of one program holds while it is looked at."""

    def __init__(self, stack: Stack, program: str) -> None:
        self._pids = stack.processes(program)
        self._ended = Event()
        self.megabytes = 0.0

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        thread = Thread(target=self._watch)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY):
            self.megabytes = max(self.megabytes, megabytes(self._pids))


def highest(pid: int) -> float:
    """The most megabytes that a process has held until now, as its kernel remembers it."""
    return _kilobytes(pid, "VmHWM") / 1024


def _resident(pid: int) -> int:
    """Kilobytes that it holds now."""
    return _kilobytes(pid, "VmRSS")


def _kilobytes(pid: int, name: str) -> int:
    """A process that is gone holds none."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    [line] = [line for line in status.splitlines() if line.startswith(f"{name}:")] or [f"{name}: 0 kB"]
    return int(line.split()[1])

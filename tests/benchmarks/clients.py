"""Clients: processes of their own that do the same at once, each as often as it can."""

import multiprocessing
import os
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from threading import BrokenBarrierError
from typing import Any, Final, Self

import django

Act = Callable[[], object]

PATIENCE: Final = 60  # seconds for all processes to be there
_together: Any = None


@dataclass(frozen=True, slots=True)
class Done:
    """What all clients did in one round: acts a second, and how long each act took, in milliseconds."""

    rate: float
    times: list[float]


class Clients:
    """A number of processes, kept over all rounds so that none is measured while it starts."""

    def __init__(self, count: int) -> None:
        self.count = count
        spawning = multiprocessing.get_context("spawn")
        self._pool = ProcessPoolExecutor(
            count, mp_context=spawning, initializer=_start, initargs=(spawning.Barrier(count),)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._pool.shutdown()

    def work(self, seconds: float, prepare: Callable[..., Act], *given: Any) -> Done:
        """In each process call `prepare(number, *given)`, and then what it returns until the time is over."""
        if not seconds:
            return Done(0.0, [])
        running = [self._pool.submit(_repeat, seconds, prepare, number, given) for number in range(self.count)]
        done = [each.result() for each in running]
        return Done(sum(each.rate for each in done), [one for each in done for one in each.times])


def _start(together: Any) -> None:
    global _together
    _together = together
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    django.setup()


def _repeat(seconds: float, prepare: Callable[..., Act], number: int, given: tuple[Any, ...]) -> Done:
    try:
        act = prepare(number, *given)
        act()  # connects and prepares
    except BaseException:
        _together.abort()
        raise
    try:
        _together.wait(PATIENCE)
    except BrokenBarrierError:
        raise RuntimeError("another client failed") from None
    times: list[float] = []
    began = last = time.perf_counter()
    while last - began < seconds:
        act()
        now = time.perf_counter()
        times.append((now - last) * 1000)
        last = now
    return Done(len(times) / (last - began), times)

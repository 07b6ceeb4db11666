"""Threads with connections of their own, and errors that do not get lost."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any

from django.db import connection

from payments.core.errors import Invalid


def in_thread(work: Callable[[], Any]) -> Thread:
    """Start one."""

    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = Thread(target=run)
    thread.start()
    return thread


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run all at the same time; what each returned, or the error it raised."""
    start = Barrier(len(works))

    def run(work: Callable[[], Any]) -> Any:
        try:
            start.wait(60)
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        futures = [pool.submit(run, work) for work in works]
    return [_outcome(future) for future in futures]


def crowd(times: int, work: Callable[[int], Any], *, width: int) -> list[Any]:
    """Do it `times` over, `width` of them at the same time; answers and refusals, in order."""
    width = min(times, width)
    start, numbers, outcomes = Barrier(width), iter(range(times)), [None] * times

    def one(number: int) -> Any:
        try:
            return work(number)
        except Invalid as refusal:
            return refusal

    def run(_: int) -> None:
        start.wait(60)
        try:
            for number in numbers:  # whoever is free takes the next
                outcomes[number] = one(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(width) as pool:
        list(pool.map(run, range(width)))
    return outcomes


def _outcome(future: "Future[Any]") -> Any:
    return future.exception() or future.result()

"""Threads with connections of their own, and errors that do not get lost."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any

from django.db import connection

from payments.errors import Invalid


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
    start = Barrier(min(times, width))

    def one(number: int) -> Any:
        if number < width:
            start.wait(60)
        try:
            return work(number)
        except Invalid as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(one, range(times)))


def _outcome(future: "Future[Any]") -> Any:
    return future.exception() or future.result()

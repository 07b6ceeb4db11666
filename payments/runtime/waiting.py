"""Wait for a change of some object without asking for it: woken through Redis, one subscription for a whole process.

A waiter costs an event and a place in a dictionary; it holds no thread and no connection. Who joins and then looks,
misses nothing: what is committed after the look wakes it. While Redis does not answer, waiters look again from time to
time by themselves.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import redis
import redis.asyncio
from django.conf import settings

from payments.core.errors import TooMany
from payments.runtime.wake_up import CHANNEL

LOOK_SECONDS: Final = 5.0  # between two looks of a waiter that nobody can wake
REST_SECONDS: Final = 1.0  # after Redis did not answer
HEALTH_SECONDS: Final = 15

logger = logging.getLogger(__name__)


class Waiter:
    """One who waits for a change of one object."""

    def __init__(self, bells: "_Bells") -> None:
        self._bells = bells
        self.event = asyncio.Event()

    async def wait(self, seconds: float) -> None:
        """Return when it was woken, or after so many seconds; then it is time to look."""
        longest = seconds if self._bells.heard else min(seconds, LOOK_SECONDS)
        try:
            await asyncio.wait_for(self.event.wait(), longest)
        except TimeoutError:
            return
        self.event.clear()


class _Bells:
    """The waiters of one event loop, and the task that hears what Redis says."""

    def __init__(self) -> None:
        self.heard = False
        self._waiters: dict[str, set[Waiter]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def join(self, name: str, most: int) -> Waiter:
        if len(self._waiters[name]) >= most:
            raise TooMany("too_many_streams", "Others wait for the same already. Close some of them.", retry_after=5)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._listen())
        waiter = Waiter(self)
        self._waiters[name].add(waiter)
        return waiter

    def leave(self, name: str, waiter: Waiter) -> None:
        self._waiters[name].discard(waiter)
        if not self._waiters[name]:
            del self._waiters[name]

    async def _listen(self) -> None:
        while True:
            try:
                await self._hear()
            except (redis.RedisError, OSError) as error:
                self.heard = False
                logger.warning("Redis wakes nobody; who waits looks again every few seconds. %r", error)
                await asyncio.sleep(REST_SECONDS)

    async def _hear(self) -> None:
        client = redis.asyncio.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=2, health_check_interval=HEALTH_SECONDS
        )
        async with client, client.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            async for message in subscription.listen():
                if message["type"] == "subscribe":
                    # What was said before this was heard by nobody: everybody looks once.
                    self.heard = True
                    self._wake(list(self._waiters))
                elif message["type"] == "message":
                    self._wake(message["data"].decode().split())

    def _wake(self, names: list[str]) -> None:
        for name in names:
            for waiter in self._waiters.get(name, ()):
                waiter.event.set()


_bells: Final[dict[asyncio.AbstractEventLoop, _Bells]] = {}


@asynccontextmanager
async def waiting_for(name: str, *, most: int) -> AsyncIterator[Waiter]:
    """Wait for a change of the object of this id, beside at most so many others in this process.

    Raises:
        TooMany: `too_many_streams`.
    """
    bells = _bells.setdefault(asyncio.get_running_loop(), _Bells())
    waiter = bells.join(name, most)
    try:
        yield waiter
    finally:
        bells.leave(name, waiter)

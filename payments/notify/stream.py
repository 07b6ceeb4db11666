"""The live stream of events: one thread reads for every listener of this process, and no listener skips an event.

A listener costs a queue. The database is queried once per `POLL_SECONDS` for all merchants that have a listener, and
once per `CHECK_SECONDS` whether each listener may still listen, however many events there are.
"""

import asyncio
import logging
import threading
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from django.db import connections

from payments.core.errors import TooMany
from payments.notify import payloads, queries
from payments.notify.models import Event
from payments.notify.queries import Position
from payments.people.actors import Caller
from payments.people.services.api_keys import still_valid

POLL_SECONDS: Final = 0.25
CHECK_SECONDS: Final = 0.5
REST_SECONDS: Final = 2.0  # after the database did not answer
LONGEST_QUEUE: Final = 1000  # events; a slower listener is disconnected, and comes back with its Last-Event-ID
MOST_LISTENERS: Final = 100  # of one merchant, in one process
HEARTBEAT_SECONDS: Final = 10.0

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """An event, rendered once for all listeners."""

    position: Position
    channel_id: str | None
    text: str


class _Listener:
    """One open stream. `push` and `end` are called from the reading thread, everything else in the event loop."""

    def __init__(self, merchant_id: str, ticket: Caller | None) -> None:
        self.merchant_id = merchant_id
        self.ticket = ticket
        self.queue: asyncio.Queue[StreamedEvent | None] = asyncio.Queue()
        self.ended = False  # at once, whatever is still queued
        self._too_slow = False
        self._loop = asyncio.get_running_loop()

    def push(self, events: list[StreamedEvent]) -> None:
        self._loop.call_soon_threadsafe(self._enqueue, events)  # an asyncio queue is not thread-safe

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.ended = True
        self.queue.put_nowait(None)  # wakes the task that waits for an event

    def _enqueue(self, events: list[StreamedEvent]) -> None:
        if self._too_slow:
            return
        if self.queue.qsize() + len(events) > LONGEST_QUEUE:
            self._too_slow = True
            self.queue.put_nowait(None)
            return
        for event in events:
            self.queue.put_nowait(event)


class _Reader:
    """The one thread that reads; it runs while there are listeners."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, set[_Listener]] = defaultdict(set)
        self._running = False
        self._check_at = 0.0  # of the reading thread alone

    def join(self, listener: _Listener, start: Position) -> None:
        """Push to this listener what settles from now on; if the thread does not run, it begins at `start`.

        Raises:
            TooMany: `too_many_streams`.
        """
        with self._lock:
            others = self._listeners[listener.merchant_id]
            if len(others) >= MOST_LISTENERS:
                raise TooMany("too_many_streams", "Close some of this merchant's streams first.", retry_after=10)
            others.add(listener)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, args=[start], name="event-stream", daemon=True).start()

    def leave(self, listener: _Listener) -> None:
        """Push nothing more to this listener."""
        with self._lock:
            self._listeners[listener.merchant_id].discard(listener)
            if not self._listeners[listener.merchant_id]:
                del self._listeners[listener.merchant_id]

    def _run(self, position: Position) -> None:
        pause = threading.Event()
        while merchants := self._wanted():
            try:
                self._end_revoked()
                position = self._read(position, merchants)
                pause.wait(POLL_SECONDS)
            except Exception:
                logger.exception("The event stream could not read; it goes on from where it was.")
                pause.wait(REST_SECONDS)
            finally:
                connections.close_all()  # an idle connection would be held for as long as the stream lives

    def _end_revoked(self) -> None:
        """End the streams whose key may no longer listen; at most once per `CHECK_SECONDS`."""
        if time.monotonic() < self._check_at:
            return
        self._check_at = time.monotonic() + CHECK_SECONDS
        with self._lock:
            listeners = [listener for others in self._listeners.values() for listener in others]
        valid = still_valid({listener.ticket for listener in listeners if listener.ticket is not None})
        for listener in listeners:
            if listener.ticket is not None and listener.ticket not in valid:
                listener.end()

    def _wanted(self) -> list[str]:
        with self._lock:
            self._running = bool(self._listeners)
            return list(self._listeners)

    def _read(self, position: Position, merchants: list[str]) -> Position:
        settled = queries.settled()
        while rows := queries.after(position, merchant_ids=merchants, until=settled):
            self._push(rows)
            position = _position(rows[-1])
            self._end_revoked()  # a long backlog must not keep a revoked key listening
        return settled

    def _push(self, rows: Iterable[Event]) -> None:
        by_merchant: dict[str, list[StreamedEvent]] = defaultdict(list)
        for row in rows:
            by_merchant[row.merchant_id].append(_streamed(row))
        with self._lock:
            for merchant_id, events in by_merchant.items():
                for listener in self._listeners.get(merchant_id, ()):
                    listener.push(events)


_reader = _Reader()


async def listen(
    *, merchant_id: str, channel_id: str | None, after: Position | None, ticket: Caller | None = None
) -> AsyncGenerator[StreamedEvent | None, None]:
    """Yield the events that follow `after` (None: from now on), then new ones; None at the start and as a heartbeat.

    It ends when the listener is too slow to keep up, and within two seconds after the key of the `ticket` was revoked,
    expired or lost a permission.

    Raises:
        TooMany: the merchant has too many streams open.
    """
    position: Position = await ask(queries.settled)
    listener = _Listener(merchant_id, ticket)
    _reader.join(listener, position)
    try:
        yield None
        # Joined before the past is read: what settles meanwhile is queued, and yielded once. `after` may be an event
        # that a caller knows from elsewhere and that has not settled yet; the stream still begins behind it.
        position = after or position
        async for past in _past(merchant_id, position):
            if listener.ended:
                return
            position = past.position
            if channel_id in (None, past.channel_id):
                yield past
        async for event in _present(listener):
            if event is None:
                yield None
            elif event.position > position:  # a reader that lost the database in the middle reads its page again
                position = event.position
                if channel_id in (None, event.channel_id):
                    yield event
    finally:
        _reader.leave(listener)


async def ask(question: Callable[[], Answer]) -> Answer:
    """Run a query in a thread and close its connection at once: a stream may stay open for days."""

    def query() -> Answer:
        try:
            return question()
        finally:
            connections.close_all()

    return await asyncio.to_thread(query)


async def _past(merchant_id: str, position: Position) -> AsyncIterator[StreamedEvent]:
    while rows := await ask(partial(queries.after, position, merchant_ids=[merchant_id])):
        for row in rows:
            yield _streamed(row)
        position = _position(rows[-1])


async def _present(listener: _Listener) -> AsyncIterator[StreamedEvent | None]:
    while True:
        try:
            event = await asyncio.wait_for(listener.queue.get(), HEARTBEAT_SECONDS)
        except TimeoutError:
            yield None
            continue
        if event is None or listener.ended:
            return
        yield event


def _streamed(row: Event) -> StreamedEvent:
    return StreamedEvent(_position(row), row.channel_id, f"id: {row.id}\ndata: {payloads.body(row)}\n\n")


def _position(row: Event) -> Position:
    return Position(row.xid, row.id)

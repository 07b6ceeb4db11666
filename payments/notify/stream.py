"""The feed as it happens: one thread reads for every listener of this process, each of whom skips nothing.

A listener costs a queue; the database is asked once per `POLL_SECONDS` for all merchants that have one, and once per
`CHECK_SECONDS` whether each listener may still listen: by the clock, however much or little happens.
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
LONGEST_LINE: Final = 1000  # a listener so far behind is sent away, and comes back with its Last-Event-ID
MOST_LISTENERS: Final = 100  # of one merchant, in one process
HEARTBEAT_SECONDS: Final = 10.0

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StreamedEvent:
    """An event, written once for all who listen."""

    position: Position
    channel_id: str | None
    text: str


class _Listener:
    """One open stream. `push` and `end` are called from the reading thread, everything else in the event loop."""

    def __init__(self, merchant_id: str, ticket: Caller | None) -> None:
        self.merchant_id = merchant_id
        self.ticket = ticket
        self.line: asyncio.Queue[StreamedEvent | None] = asyncio.Queue()
        self.ended = False  # at once, whatever still stands in line
        self._sent_away = False
        self._loop = asyncio.get_running_loop()

    def push(self, told: list[StreamedEvent]) -> None:
        self._loop.call_soon_threadsafe(self._queue, told)

    def end(self) -> None:
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.ended = True
        self.line.put_nowait(None)  # wakes who waits

    def _queue(self, told: list[StreamedEvent]) -> None:
        if self._sent_away:
            return
        if self.line.qsize() + len(told) > LONGEST_LINE:
            self._sent_away = True
            self.line.put_nowait(None)
            return
        for one in told:
            self.line.put_nowait(one)


class _Reader:
    """The one thread that reads; it runs while somebody listens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: dict[str, set[_Listener]] = defaultdict(set)
        self._running = False
        self._check_at = 0.0  # of the reading thread alone

    def join(self, listener: _Listener, start: Position) -> None:
        """Push to this listener whatever settles from now on; where nobody reads yet, reading begins at `start`."""
        with self._lock:
            others = self._listeners[listener.merchant_id]
            if len(others) >= MOST_LISTENERS:
                raise TooMany("too_many_streams", "Close some of this merchant's streams first.", retry_after=10)
            others.add(listener)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, args=[start], name="event-stream", daemon=True).start()

    def leave(self, listener: _Listener) -> None:
        """Push nothing more."""
        with self._lock:
            self._listeners[listener.merchant_id].discard(listener)
            if not self._listeners[listener.merchant_id]:
                del self._listeners[listener.merchant_id]

    def _run(self, position: Position) -> None:
        pause = threading.Event()
        while merchants := self._wanted():
            try:
                self._send_away()
                position = self._read(position, merchants)
                pause.wait(POLL_SECONDS)
            except Exception:
                logger.exception("The event stream could not read; it goes on from where it was.")
                pause.wait(REST_SECONDS)
            finally:
                connections.close_all()

    def _send_away(self) -> None:
        """End the streams of those who may no longer listen, if that was not looked at just now."""
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
            self._send_away()
        return settled

    def _push(self, rows: Iterable[Event]) -> None:
        told: dict[str, list[StreamedEvent]] = defaultdict(list)
        for row in rows:
            told[row.merchant_id].append(_told(row))
        with self._lock:
            for merchant_id, line in told.items():
                for listener in self._listeners.get(merchant_id, ()):
                    listener.push(line)


_reader = _Reader()


async def listen(
    *, merchant_id: str, channel_id: str | None, after: Position | None, ticket: Caller | None = None
) -> AsyncGenerator[StreamedEvent | None, None]:
    """Yield what follows `after` (None: from now on), then what happens; None once it listens, and as a heartbeat.

    It ends when the listener is too slow to keep up, and within two seconds after the key of the `ticket` was revoked,
    ran out or may less than it did.

    Raises:
        TooMany: the merchant has too many streams open.
    """
    position: Position = await ask(queries.settled)
    listener = _Listener(merchant_id, ticket)
    _reader.join(listener, position)
    try:
        yield None
        # Joined first, the past read after it: what settles meanwhile stands in line, and is told once. An event that
        # a caller knows from elsewhere may not even have settled: it is behind them all the same.
        position = after or position
        async for told in _past(merchant_id, position):
            if listener.ended:
                return
            position = told.position
            if channel_id in (None, told.channel_id):
                yield told
        async for beat in _present(listener):
            if beat is None:
                yield None
            elif beat.position > position:  # a reader that lost the database in the middle reads its page again
                position = beat.position
                if channel_id in (None, beat.channel_id):
                    yield beat
    finally:
        _reader.leave(listener)


async def ask(question: Callable[[], Answer]) -> Answer:
    """Ask the database in a thread, and give the connection back at once: a stream may stay open for days."""

    def asked() -> Answer:
        try:
            return question()
        finally:
            connections.close_all()

    return await asyncio.to_thread(asked)


async def _past(merchant_id: str, position: Position) -> AsyncIterator[StreamedEvent]:
    while rows := await ask(partial(queries.after, position, merchant_ids=[merchant_id])):
        for row in rows:
            yield _told(row)
        position = _position(rows[-1])


async def _present(listener: _Listener) -> AsyncIterator[StreamedEvent | None]:
    while True:
        try:
            told = await asyncio.wait_for(listener.line.get(), HEARTBEAT_SECONDS)
        except TimeoutError:
            yield None
            continue
        if told is None or listener.ended:
            return
        yield told


def _told(row: Event) -> StreamedEvent:
    return StreamedEvent(_position(row), row.channel_id, f"id: {row.id}\ndata: {payloads.body(row)}\n\n")


def _position(row: Event) -> Position:
    return Position(row.xid, row.id)

"""Who listens too slowly, or too often, is sent away, and the house stands."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import AsyncRequestFactory

from payments.api import event_stream
from payments.core.errors import TooMany
from payments.notify import queries, stream
from payments.notify.models import Event
from tests.notify.conftest import MERCHANT, OTHER_MERCHANT
from tests.simulator import eventually

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def nobody_listens() -> Any:
    """The reading thread has ended before the next test empties the database."""
    yield
    eventually(lambda: not any(thread.name == "event-stream" for thread in threading.enumerate()))


def listening(merchant_id: str = MERCHANT) -> Any:
    return aclosing(stream.listen(merchant_id=merchant_id, channel_id=None, after=None))


def test_who_falls_a_thousand_events_behind_is_sent_away(happen: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LONGEST_QUEUE", 50)

    async def fall_behind() -> list[Any]:
        async with listening() as slow, listening() as quick:
            assert await anext(slow) is None
            assert await anext(quick) is None
            await _hear_one(happen, slow, quick)
            for count in (40, 40):
                await asyncio.to_thread(_and_close, happen, count)
                events = [await asyncio.wait_for(anext(quick), 60) for _ in range(count)]
                assert all(events)
            return [one async for one in slow]

    heard = asyncio.run(fall_behind())
    assert len(heard) == 40
    assert Event.objects.count() == 81


def test_a_merchant_has_so_many_streams_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_LISTENERS", 3)

    async def crowd() -> None:
        async with AsyncExitStack() as open_streams:
            for _ in range(3):
                assert await anext(await open_streams.enter_async_context(listening())) is None
            with pytest.raises(TooMany) as refused:
                await anext(await open_streams.enter_async_context(listening()))
            assert refused.value.code == "too_many_streams"
            assert await anext(await open_streams.enter_async_context(listening(OTHER_MERCHANT))) is None
        async with listening() as again:
            assert await anext(again) is None

    asyncio.run(crowd())


def test_a_heartbeat_comes_when_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.1)

    async def wait() -> list[Any]:
        async with listening() as quiet:
            return [await anext(quiet) for _ in range(3)]

    assert asyncio.run(wait()) == [None, None, None]


def test_a_database_that_does_not_answer_delays_and_loses_nothing(
    happen: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "REST_SECONDS", 0.1)
    real = queries.settled
    refusals = iter([True, True])

    def settled() -> Any:
        if threading.current_thread().name == "event-stream" and next(refusals, False):
            raise ConnectionError("the database is away")
        return real()

    monkeypatch.setattr(queries, "settled", settled)

    async def listen() -> Any:
        async with listening() as feed:
            assert await anext(feed) is None
            await asyncio.to_thread(_and_close, happen, 1)
            return await asyncio.wait_for(anext(feed), 60)

    printed = asyncio.run(listen())
    assert printed is not None
    assert Event.objects.get().id in printed.text


def test_a_database_that_is_lost_between_two_pages_lets_nobody_hear_twice(
    happen: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "REST_SECONDS", 0.1)
    real = queries.after
    pages: list[str] = []

    def after(*args: Any, **values: Any) -> Any:
        if threading.current_thread().name != "event-stream":
            return real(*args, **values)
        if len(pages) == 1:
            pages.append("lost")
            raise OperationalError("the database is away")
        rows = real(*args, **values | {"limit": 3})
        pages.extend(["told"] if rows else [])
        return rows

    async def listen() -> list[Any]:
        async with listening() as feed:
            assert await anext(feed) is None
            monkeypatch.setattr(queries, "after", after)
            first = asyncio.create_task(anext(feed))
            await asyncio.sleep(1)  # until the past is read, and nothing of it is left
            await asyncio.to_thread(_and_close, happen, 10)
            return [await asyncio.wait_for(first, 60), *[await asyncio.wait_for(anext(feed), 60) for _ in range(9)]]

    printed = asyncio.run(listen())
    assert [one.position.id for one in printed] == list(
        Event.objects.order_by("xid", "id").values_list("id", flat=True)
    )


def test_while_the_database_is_away_streams_stay_and_new_ones_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: Any) -> Any:
        raise OperationalError("the database is away")

    monkeypatch.setattr(event_stream, "verify", away)
    request = AsyncRequestFactory().get("/v1/events/stream", headers={"Authorization": "Bearer ot_test_x"})
    answer = asyncio.run(event_stream.stream(request))
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


async def _hear_one(happen: Make, *feeds: Any) -> None:
    """Let both come to the present, and hear something there."""
    hearing = [asyncio.create_task(anext(feed)) for feed in feeds]
    await asyncio.sleep(1)
    await asyncio.to_thread(_and_close, happen, 1)
    assert all(await asyncio.wait_for(asyncio.gather(*hearing), 60))


def _and_close(happen: Make, count: int) -> None:
    happen(count)
    connection.close()

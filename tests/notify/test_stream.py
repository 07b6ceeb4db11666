"""The feed as server-sent events, from a real server process: nothing skipped, nothing told twice, cheap to hold."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.db import connection, transaction

from payments.notify import queries
from payments.notify.models import Event
from payments.people.models import ApiKey
from payments.people.services import api_keys
from tests.notify.conftest import MERCHANT, OTHER_MERCHANT, STORE, WEBSHOP
from tests.simulator import eventually
from tests.streaming import streaming

pytestmark = pytest.mark.django_db(transaction=True)

Make = Callable[..., Any]

FEED_SECONDS = 60  # a transaction of any other test on the same server holds the feed back


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    with streaming() as url:
        yield url


class Stream:
    """One listener: a thread that reads lines until it is closed."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.events: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.ended = False
        self.began = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()
        assert self.began.wait(60)

    def _read(self) -> None:
        try:
            for line in self.response.iter_lines():
                name, _, value = line.partition(": ")
                if name == "retry":
                    self.began.set()
                elif name == "id":
                    self.ids.append(value)
                elif name == "data":
                    self.events.append(json.loads(value))
            self.ended = True
        except (httpx.TransportError, httpx.StreamError):
            pass

    def has(self, count: int) -> bool:
        return len(self.events) >= count


@pytest.fixture
def listen(server: str) -> Iterator[Callable[..., Any]]:
    """Open a stream."""
    with httpx.Client(base_url=server, trust_env=False, timeout=30) as client:

        @contextmanager
        def opened(key: str, last: str | None = None) -> Iterator[Stream]:
            headers = {"Authorization": f"Bearer {key}"} | ({"Last-Event-ID": last} if last else {})
            with client.stream("GET", "/v1/events/stream", headers=headers) as response:
                assert response.status_code == 200, response.read()
                assert response.headers["content-type"] == "text/event-stream"
                yield Stream(response)

        yield opened


def key(**values: Any) -> str:
    given: dict[str, Any] = {
        "merchant_id": MERCHANT,
        "test_mode": True,
        "scopes": ["payments:read"],
        "actor": "system",
    } | values
    return api_keys.create(**given).text


def test_what_happens_is_told_at_once_to_whom_it_concerns(listen: Make, happen: Make) -> None:
    happen()
    # Until then it is still to be told: other tests' transactions on the same server hold it back.
    eventually(lambda: queries.settled().xid > Event.objects.get().xid, within=FEED_SECONDS)
    with (
        listen(key()) as all_of_it,
        listen(key(channel_id=STORE)) as store,
        listen(key(merchant_id=OTHER_MERCHANT)) as other,
    ):
        happen()
        eventually(lambda: all_of_it.has(1), within=FEED_SECONDS)
        happen(channel_id=STORE)
        eventually(lambda: all_of_it.has(2) and store.has(1), within=FEED_SECONDS)
        time.sleep(0.5)

        events = Event.objects.order_by("id").values_list("id", flat=True)[1:]
        assert all_of_it.ids == list(events)
        assert [event["id"] for event in all_of_it.events] == all_of_it.ids
        assert all_of_it.events[0]["data"]["object"]["amount"] == 1250
        assert len(store.events) == 1
        assert not other.events


def test_who_comes_back_misses_nothing_and_hears_nothing_twice(listen: Make, happen: Make) -> None:
    text = key()
    happen(250)
    first = Event.objects.order_by("xid", "id").first()
    assert first is not None
    with listen(text, last=first.id) as stream:
        happen(30)
        eventually(lambda: stream.has(279), within=FEED_SECONDS)
        time.sleep(0.5)
    wanted = list(Event.objects.order_by("xid", "id").values_list("id", flat=True))[1:]
    assert stream.ids == wanted


def test_many_at_once_each_hear_everything_once(listen: Make, happen: Make) -> None:
    text = key()
    writers = [threading.Thread(target=_write, args=[happen]) for _ in range(4)]
    with listen(text) as one, listen(text) as two:
        for writer in writers:
            writer.start()
        with listen(text, last=eventually(lambda: one.ids[:1])[0]) as late:
            for writer in writers:
                writer.join()
            eventually(lambda: one.has(100) and two.has(100) and late.has(99), within=FEED_SECONDS)
            time.sleep(0.5)
    assert one.ids == two.ids == [one.ids[0], *late.ids]
    assert len(set(one.ids)) == 100


def _write(happen: Make) -> None:
    for _ in range(25):
        with transaction.atomic():
            happen()
            time.sleep(0.01)
    connection.close()


def test_a_slower_transaction_is_not_skipped(listen: Make, happen: Make) -> None:
    began, may_end = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            happen(type="payment.expired")
            began.set()
            may_end.wait(30)
        connection.close()

    with listen(key()) as stream:
        thread = threading.Thread(target=slow)
        thread.start()
        began.wait(60)
        happen()
        time.sleep(0.7)
        assert not stream.events
        may_end.set()
        thread.join()
        eventually(lambda: stream.has(2), within=FEED_SECONDS)
    assert sorted(event["type"] for event in stream.events) == ["payment.captured", "payment.expired"]


ENDS: dict[str, dict[str, Any]] = {
    "revoked": {"revoked_at": datetime(2026, 1, 1, tzinfo=UTC)},
    "expired": {"expires_at": datetime(2026, 1, 1, tzinfo=UTC)},
    "narrowed in scope": {"scopes": ["refunds:read"]},
    "narrowed to a channel": {"channel_id": STORE},
}
AT_MOST = 2.0  # seconds after the key's end


@pytest.mark.parametrize("end", ENDS)
def test_a_listener_whose_key_ends_hears_nothing_after_two_seconds(server: str, happen: Make, end: str) -> None:
    """By the clock: events never pause meanwhile, so that no heartbeat gives occasion to look at the key."""
    new = api_keys.create(merchant_id=MERCHANT, test_mode=True, scopes=["payments:read"], actor="system")
    headers, over = {"Authorization": f"Bearer {new.text}"}, threading.Event()

    def go_on() -> None:
        while not over.is_set():
            happen()
            time.sleep(0.1)
        connection.close()

    writer = threading.Thread(target=go_on)
    try:
        with httpx.stream("GET", f"{server}/v1/events/stream", headers=headers, trust_env=False, timeout=30) as answer:
            stream = Stream(answer)
            writer.start()
            eventually(lambda: stream.has(1), within=FEED_SECONDS)
            ApiKey.objects.filter(id=new.key.id).update(**ENDS[end])  # in another process, as far as the server knows
            ended = time.monotonic()
            while not stream.ended and time.monotonic() < ended + 15:
                time.sleep(0.05)
            assert stream.ended
            assert time.monotonic() - ended < AT_MOST + 0.5  # of looking
    finally:
        over.set()
        writer.join()


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "authentication_required"),
        ({"Authorization": "Bearer ot_test_wrong"}, 401, "invalid_api_key"),
        ({"Authorization": "Basic abc"}, 401, "invalid_api_key"),
    ],
)
def test_without_a_key_nothing_is_told(server: str, headers: dict[str, str], status: int, code: str) -> None:
    answer = httpx.get(f"{server}/v1/events/stream", headers=headers, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_what_is_asked_wrongly_is_refused(server: str, happen: Make) -> None:
    def ask(text: str, **values: Any) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {text}", **values.pop("headers", {})}
        method = values.pop("method", "GET")
        answer = httpx.request(method, f"{server}/v1/events/stream", headers=headers, trust_env=False, **values)
        return answer.status_code, answer.json()["code"]

    happen()
    happen(merchant_id=OTHER_MERCHANT)
    event, others = Event.objects.order_by("id")
    assert ask(key(scopes=["refunds:write"])) == (403, "scope_missing")
    assert ask(key(), method="POST") == (405, "method_not_allowed")
    assert ask(key(), params={"wait": "1"}) == (422, "validation_failed")
    for last in ("evt_nothing", others.id):
        assert ask(key(), headers={"Last-Event-ID": last}) == (422, "validation_failed")
    assert ask(key(channel_id=STORE), headers={"Last-Event-ID": event.id}) == (422, "validation_failed")
    assert event.channel_id == WEBSHOP

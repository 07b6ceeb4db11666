"""Ringing: after the commit, in no time, and without any harm when the broker is gone."""

import logging
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from celery import current_app
from django.db import transaction

from config.standalone import embedded
from payments.runtime import task_queue
from tests.queues import waiting

pytestmark = pytest.mark.django_db(transaction=True)

TASK = "payments.notify.deliver"


@pytest.fixture(autouse=True)
def rested(monkeypatch: pytest.MonkeyPatch) -> None:
    """No failure of an earlier test keeps the bell quiet."""
    monkeypatch.setattr(task_queue, "_resting_until", 0.0)


@contextmanager
def broker(url: str) -> Iterator[None]:
    """Ring at another broker than the running one."""
    before = current_app.conf.broker_write_url
    current_app.conf["broker_write_url"] = url
    try:
        yield
    finally:
        current_app.conf["broker_write_url"] = before


def test_the_bell_rings_after_the_commit_and_not_before() -> None:
    before = waiting()
    with transaction.atomic():
        task_queue.enqueue_on_commit(TASK)
        assert waiting() == before
    assert waiting() == before + 1


def test_what_is_rolled_back_rings_no_bell() -> None:
    before = waiting()
    with transaction.atomic():
        task_queue.enqueue_on_commit(TASK)
        transaction.set_rollback(True)
    assert waiting() == before


@pytest.fixture
def long_rest(monkeypatch: pytest.MonkeyPatch) -> float:
    """So long that no machine is too slow for it."""
    monkeypatch.setattr(task_queue, "REST_SECONDS", 600.0)
    return 600.0


def test_a_broker_that_is_gone_costs_a_moment_once(caplog: pytest.LogCaptureFixture, long_rest: float) -> None:
    with broker("redis://127.0.0.1:9/0"), caplog.at_level(logging.WARNING):
        began = time.monotonic()
        for _ in range(50):
            task_queue.enqueue_on_commit(TASK, "op_1")
        assert time.monotonic() - began < 10
    assert len([record for record in caplog.records if "sweep" in record.message]) == 1


def test_a_broker_that_hangs_costs_a_moment_once(long_rest: float) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, broker(f"redis://127.0.0.1:{silent.getsockname()[1]}/0"):
        began = time.monotonic()
        for _ in range(50):
            task_queue.enqueue_on_commit(TASK, "op_1")
        assert time.monotonic() - began < 50 * task_queue.WAIT_SECONDS / 2


def test_the_bell_is_tried_again_after_a_while(monkeypatch: pytest.MonkeyPatch, long_rest: float) -> None:
    with broker("redis://127.0.0.1:9/0"):
        task_queue.enqueue_on_commit(TASK)
    before = waiting()
    task_queue.enqueue_on_commit(TASK)
    assert waiting() == before
    monkeypatch.setattr(task_queue, "_resting_until", task_queue._resting_until - long_rest)
    task_queue.enqueue_on_commit(TASK)
    assert waiting() == before + 1


def test_a_broker_that_was_restarted_hears_the_bell_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_queue, "REST_SECONDS", 0.0)
    valkey = embedded.Valkey(tmp_path)
    heard = []
    with broker(valkey.url.replace("unix://", "redis+socket://")):
        for _ in range(2):
            process = valkey.start()
            task_queue.enqueue_on_commit(TASK)
            with redis.Redis.from_url(valkey.url) as client:
                heard.append(client.llen(current_app.conf.broker_transport_options["global_keyprefix"] + "realtime"))
            process.kill()
            process.wait(10)
            task_queue.enqueue_on_commit(TASK)
    assert heard == [1, 1]

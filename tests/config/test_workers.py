"""Workers keep their database session from task to task, and get over its loss."""

import os
from collections.abc import Iterator

import psycopg
import pytest
from celery import shared_task
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from django.db import connection
from pytest_django import Settings

from config.celery import app
from config.standalone import embedded
from tests import sql
from tests.simulator import eventually
from tests.stack import Shop, Stack

REFUNDS = 20
heard: list[int] = []


@shared_task(name="tests.who_am_i")
def who_am_i(*, fail: bool = False) -> None:
    """Note which session of the server this task has."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        heard.append(cursor.fetchone()[0])
        if fail:
            cursor.execute("SELECT pg_advisory_lock(4711)")
            raise RuntimeError


@pytest.fixture
def worker(transactional_db: None, settings: Settings) -> Iterator[None]:
    """A worker of our own app, in a thread."""
    heard.clear()
    with start_worker(app, pool="solo", perform_ping_check=False, queues=["tests.workers"]):
        yield


def ring(**arguments: bool) -> int:
    """Have the task done, and return the session it had."""
    done = len(heard)
    who_am_i.apply_async(kwargs=arguments, queue="tests.workers")
    eventually(lambda: len(heard) > done)
    return heard[-1]


def test_the_session_outlives_the_task(worker: None) -> None:
    assert len({ring() for _ in range(5)}) == 1


def test_a_task_after_the_server_was_gone_has_a_session_again(worker: None) -> None:
    before = ring()
    sql.disconnect(os.environ["DATABASE_URL"], before)
    assert ring() != before


def test_a_task_that_failed_leaves_nothing_of_its_session(worker: None) -> None:
    """No lock of the session and no setting stays with a worker that knows nothing of them."""
    before = ring(fail=True)
    assert ring() != before
    with psycopg.connect(settings.DATABASE_URL) as other:
        assert other.execute("SELECT pg_try_advisory_lock(4711)").fetchone() == (True,)


def sessions(stack: Stack) -> int:
    """How many the server has opened so far."""
    with psycopg.connect(embedded.Postgres(stack.home).url("postgres", "postgres")) as server:
        row = server.execute("SELECT sessions FROM pg_stat_database WHERE datname = 'onetill'").fetchone()
    assert row is not None
    return int(row[0])


def give_back(shop: Shop) -> None:
    body = {"amount": 1250, "currency": "EUR", "order_reference": os.urandom(8).hex(), "method": "card"}
    paid = shop.api.post("/v1/payments", body | {"channel": shop.web}).json()["id"]
    requested = shop.api.post("/v1/refunds", {"payment": paid, "reason": "Too small", "channel": shop.store})
    refund = requested.json()["id"]
    eventually(lambda: shop.api.get(f"/v1/refunds/{refund}")["status"] == "succeeded", within=60)


def test_refunds_open_no_sessions(shop: Shop) -> None:
    give_back(shop)
    before = sessions(shop.stack)
    for _ in range(REFUNDS):
        give_back(shop)
    assert sessions(shop.stack) - before < REFUNDS  # 4 processes renew theirs each minute, and other clocks tick


def test_workers_get_over_the_loss_of_every_session(shop: Shop) -> None:
    give_back(shop)
    with psycopg.connect(embedded.Postgres(shop.stack.home).url("postgres", "postgres"), autocommit=True) as server:
        # Waits for each to end: a request that begins on a session that is just dying is told 503, and is not what this asks.
        server.execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = 'onetill'")
    for _ in range(8):  # more than there are processes
        give_back(shop)

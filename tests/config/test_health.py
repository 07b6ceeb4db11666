"""Monitoring hears whether a process lives, which part of the installation does not answer, and what waits."""

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import connection
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from config.celery import app
from config.observability import components, heartbeat
from config.sql import OPEN_DISCREPANCIES, WAITING
from payments import statistics
from payments.ledger import fold as ledger
from payments.models import Discrepancy, Operation, StatisticDelta
from payments.runtime.metrics import PROVIDER_CALLS, REQUESTS
from tests.builders import open_shop
from tests.simulator import Receiver, RunningSimulator


@pytest.fixture(autouse=True)
def everybody_is_there(django_db_setup: None, settings: Settings) -> Iterator[None]:
    """No worker runs beside these tests; they say so themselves."""
    for name in components.WORKERS.values():
        heartbeat.beat(name)
    url = settings.REDIS_URL
    yield
    with redis.Redis.from_url(url) as client:
        client.delete(*(f"{settings.REDIS_PREFIX}onetill:alive:{name}" for name in components.WORKERS.values()))


def test_a_process_lives_even_where_nothing_else_does(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert client.get("/health/live").json() == {"status": "ok"}


@pytest.mark.django_db
def test_it_is_ready_when_database_and_redis_answer(client: Client) -> None:
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "down": []})


@pytest.mark.django_db
def test_a_silent_redis_is_named(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "down": ["redis"]})


@pytest.mark.django_db(transaction=True)
def test_a_silent_database_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    connection.close()
    monkeypatch.setitem(connection.settings_dict, "HOST", "/nowhere")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "unavailable", "down": ["database"]})


@pytest.mark.django_db
@pytest.mark.parametrize("part", components.WORKERS)
def test_a_silent_worker_is_named(client: Client, settings: Settings, part: str) -> None:
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        assert (
            0
            < server.ttl(f"{settings.REDIS_PREFIX}onetill:alive:{components.WORKERS[part]}")
            <= heartbeat.LIVES_SECONDS
        )
        server.delete(f"{settings.REDIS_PREFIX}onetill:alive:{components.WORKERS[part]}")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["down"]) == (503, [part])


@pytest.mark.django_db(transaction=True)
def test_a_database_that_lacks_a_migration_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = components._migrations()
    monkeypatch.setattr(components, "_migrations", lambda: ours | {("payments", "9999_to_come")})
    assert client.get("/health/ready").json()["down"] == ["migrations"]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("fold", ["ledger", "statistics"])
def test_a_fold_that_lies_behind_is_named(client: Client, monkeypatch: pytest.MonkeyPatch, fold: str) -> None:
    open_shop().pin(1000)
    if fold == "statistics":
        ledger.fold_all()
    else:
        statistics.fold_all()
    assert client.get("/health/ready").json()["down"] == []
    monkeypatch.setattr(components, "FOLD_LIMIT", 0.0)
    assert client.get("/health/ready").json()["down"] == ["fold"]


@pytest.mark.django_db
def test_the_simulator_is_missed_only_in_a_demo(client: Client, settings: Settings) -> None:
    settings.SIMULATOR_URL = "http://127.0.0.1:1"
    assert client.get("/health/ready").json()["down"] == []
    settings.DEMO = True
    assert client.get("/health/ready").json()["down"] == ["simulator"]


@pytest.mark.django_db
def test_a_load_balancer_asks_only_for_what_it_needs(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    assert client.get("/health/ready?only=database,migrations").json() == {"status": "ok", "down": []}
    assert client.get("/health/ready?only=redis").json()["down"] == ["redis"]
    assert client.get("/health/ready?only=databas").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_nobody_waits_long_for_the_answer(client: Client, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that takes connections and says nothing is worse than one that refuses them."""
    silent = Receiver()  # an HTTP server: it never speaks PostgreSQL's or Redis' language
    port = silent.url.split(":")[2].split("/")[0]
    monkeypatch.setitem(connection.settings_dict, "HOST", "127.0.0.1")
    monkeypatch.setitem(connection.settings_dict, "PORT", port)
    settings.REDIS_URL = f"redis://127.0.0.1:{port}/0"
    began = time.monotonic()
    assert client.get("/health/ready").json()["down"] == ["database", "redis"]
    assert time.monotonic() - began < 60  # two patient tries, on a busy machine
    silent.close()


@pytest.mark.django_db
def test_figures_tell_how_requests_went_and_what_waits(client: Client) -> None:
    client.get("/v1/payments")
    answer = client.get("/metrics")
    assert answer["Content-Type"].startswith("text/plain")
    assert 'onetill_request_seconds_count{method="GET",route="v1/payments",status="401"}' in answer.text
    for kind in ("operations_pending", "provider_events", "webhook_deliveries", "mails", "imports"):
        assert f'onetill_waiting{{kind="{kind}"}} 0.0' in answer.text
    assert 'onetill_queue_messages{queue="realtime"}' in answer.text
    assert "onetill_fold_age_seconds 0.0" in answer.text
    assert "onetill_statistics_fold_age_seconds 0.0" in answer.text
    assert 'onetill_up{part="database"} 1.0' in answer.text


@pytest.mark.django_db
def test_messages_that_no_worker_takes_are_counted(client: Client, settings: Settings) -> None:
    before = figures(client)['onetill_queue_messages{queue="batch"}']
    for _ in range(3):
        app.send_task("tests.nothing", queue="batch")
    assert figures(client)['onetill_queue_messages{queue="batch"}'] == before + 3
    with redis.Redis.from_url(settings.REDIS_URL) as server:
        server.delete(f"{settings.REDIS_PREFIX}batch")
    assert figures(client)['onetill_queue_messages{queue="batch"}'] == 0


@pytest.mark.django_db
def test_figures_come_also_where_a_server_is_down(client: Client, settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert 'onetill_up{part="redis"} 0.0' in answer.text
    assert 'onetill_waiting{kind="imports"} 0.0' in answer.text
    assert "onetill_queue_messages{" not in answer.text


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_told_with_its_age(client: Client) -> None:
    shop = open_shop()
    payment = shop.pin(1000)
    made = timezone.now() - timedelta(hours=2)
    Operation.objects.filter(payment=payment).update(
        created_at=made, outcome="unknown", due_at=timezone.now() - timedelta(hours=1)
    )
    StatisticDelta.objects.update(made_at=made)
    found = figures(client)
    assert found['onetill_waiting{kind="operations_unknown"}'] == 1
    assert found['onetill_waiting{kind="operations_pending"}'] == 0
    assert 7200 <= found['onetill_waiting_seconds{kind="operations_unknown"}'] < 7500
    assert 3600 <= found['onetill_overdue_seconds{kind="operations_unknown"}'] < 3900
    assert 7200 <= found["onetill_statistics_fold_age_seconds"] < 7500
    assert found["onetill_fold_age_seconds"] > 0


@pytest.mark.django_db(transaction=True)
def test_open_discrepancies_are_told_by_kind(client: Client) -> None:
    about = {"merchant": open_shop().merchant, "key": "a", "kind": "overpaid"}
    Discrepancy.objects.create(**about, created_at=timezone.now() - timedelta(days=1))
    Discrepancy.objects.create(**about | {"key": "b"}, status="resolved", created_at=timezone.now() - timedelta(days=9))
    found = figures(client)
    assert found['onetill_discrepancies{kind="overpaid"}'] == 1
    assert 86_400 <= found['onetill_discrepancies_seconds{kind="overpaid"}'] < 90_000


@pytest.mark.django_db
@pytest.mark.parametrize("statement", [WAITING, OPEN_DISCREPANCIES])
def test_no_figure_reads_a_table_that_grows(statement: str) -> None:
    """Each is found by a partial index over what waits: none other can be used once sequential scans are forbidden."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN (FORMAT JSON) {statement}")
        used = set(_indexes(cursor.fetchone()[0][0]["Plan"]))
        cursor.execute("SELECT indexrelid::regclass::text FROM pg_index WHERE indpred IS NOT NULL")
        partial = {name for (name,) in cursor.fetchall()}
    assert used
    assert used <= partial


def _indexes(plan: dict[str, Any]) -> Iterator[str]:
    assert plan["Node Type"] != "Seq Scan", plan
    if "Index Name" in plan:
        yield plan["Index Name"]
    for each in plan.get("Plans", ()):
        yield from _indexes(each)


@pytest.mark.django_db(transaction=True)
def test_calls_to_providers_are_measured_by_kind_and_name_nobody(client: Client, simulator: RunningSimulator) -> None:
    shop = open_shop()
    before = _calls("sale", "succeeded")
    shop.pay(1000, description="for jan@shop.example")
    assert _calls("sale", "succeeded") == before + 1
    text = client.get("/metrics").text
    assert not [part for part in ("pay_", "op_", "mer_", "@", "ot_test", "jan") if part in text]


def _calls(verb: str, outcome: str) -> float:
    return sum(
        sample.value
        for sample in next(iter(PROVIDER_CALLS.collect())).samples
        if sample.name.endswith("_count") and (sample.labels["verb"], sample.labels["outcome"]) == (verb, outcome)
    )


def figures(client: Client) -> dict[str, float]:
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_an_address_nobody_serves_makes_no_series_of_its_own(client: Client) -> None:
    client.generic("BREW", "/nowhere/at/all/7")
    labels = {value for sample in next(iter(REQUESTS.collect())).samples for value in sample.labels.values()}
    assert not any("nowhere" in value or value == "BREW" for value in labels)

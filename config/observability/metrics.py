"""Prometheus metrics: what the processes measured, and how long background work has been waiting.

Every query here uses a partial index over what waits, however long the tables are.
"""

import os
from collections.abc import Iterable, Iterator
from typing import Final

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from config import sql
from config.observability import components, heartbeat
from payments.ledger import fold

QUEUES: Final = ("realtime", "batch")


class Waiting(Collector):
    """Counts the rows that wait, at each scrape."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        states = components.states()
        up = GaugeMetricFamily("onetill_up", "Whether each part of the installation answers.", labels=["part"])
        for name, answers in states.items():
            up.add_metric([name], float(answers))
        yield up
        if states["redis"]:
            yield from _broker()
        if states["database"]:
            yield from _database()


def text() -> bytes:
    """Return all metrics in Prometheus' text format, those of all processes if they share a folder."""
    registry = CollectorRegistry()
    registry.register(Waiting())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    return generate_latest(REGISTRY) + generate_latest(registry)


def _broker() -> Iterator[GaugeMetricFamily]:
    depth = GaugeMetricFamily("onetill_queue_messages", "Messages no worker has taken yet.", labels=["queue"])
    try:
        with heartbeat.broker() as client:
            for queue in QUEUES:
                depth.add_metric([queue], float(client.llen(f"{settings.REDIS_PREFIX}{queue}")))
    except redis.RedisError:
        return
    yield depth


def _database() -> Iterator[GaugeMetricFamily]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql.WAITING)
            waiting = cursor.fetchall()
            cursor.execute(sql.OPEN_DISCREPANCIES)
            discrepancies = cursor.fetchall()
            cursor.execute(sql.FAILED_WORK)
            failed = cursor.fetchall()
            cursor.execute(sql.STATISTICS_FOLD_AGE)
            statistics = cursor.fetchone()
        ledger = fold.age()
    except DatabaseError:
        return
    yield _gauge("onetill_waiting", "How many rows of each kind wait.", "kind", (row[:2] for row in waiting))
    ages = ((kind, since) for kind, _, since, _ in waiting)
    yield _gauge("onetill_waiting_seconds", "Age of the oldest of them.", "kind", ages)
    overdue = ((kind, due) for kind, _, _, due in waiting)
    yield _gauge("onetill_overdue_seconds", "For how long the first of them has been due.", "kind", overdue)
    yield _gauge("onetill_discrepancies", "Open discrepancies.", "kind", (row[:2] for row in discrepancies))
    ages = ((kind, since) for kind, _, since in discrepancies)
    yield _gauge("onetill_discrepancies_seconds", "Age of the oldest open one.", "kind", ages)
    yield _gauge("onetill_failed_work", "Items of background work that failed.", "work", (row[:2] for row in failed))
    about = "Those of them that are tried again only when a person retries them."
    yield _gauge("onetill_set_aside_work", about, "work", ((work, aside) for work, _, aside, _ in failed))
    ages = ((work, since) for work, _, _, since in failed)
    yield _gauge("onetill_failed_work_seconds", "For how long the oldest of them has been failing.", "work", ages)
    yield _single("onetill_fold_age_seconds", "Age of the oldest posting not folded into balances.", ledger)
    about = "Age of the oldest change not folded into statistics."
    yield _single("onetill_statistics_fold_age_seconds", about, statistics[0])


def _gauge(name: str, about: str, label: str, figures: Iterable[tuple[str, float]]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, about, labels=[label])
    for key, value in figures:
        gauge.add_metric([key], float(value))
    return gauge


def _single(name: str, about: str, value: float) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, about)
    gauge.add_metric([], float(value))
    return gauge

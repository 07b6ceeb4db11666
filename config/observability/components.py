"""The parts of an installation, and whether each of them answers: within seconds, also where nothing does."""

import contextlib
import urllib.error
import urllib.request
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

import psycopg
import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.loader import MigrationLoader

from config import sql
from config.observability import heartbeat
from payments.ledger import sql as ledger

PATIENCE: Final = 2  # seconds
FOLD_LIMIT: Final = 300.0  # how far balances or statistics may lie behind before somebody should look

# By name, and the heartbeat it is known by.
WORKERS: Final[Mapping[str, str]] = {
    "worker_realtime": "realtime",
    "worker_batch": "batch",
    "beat": heartbeat.BEAT,
}
DATABASE: Final = ("database", "migrations", "fold")
BROKER: Final = ("redis", *WORKERS)
SIMULATOR: Final = "simulator"


def names() -> tuple[str, ...]:
    """Every part that this installation should have."""
    return (*DATABASE, *BROKER, *([SIMULATOR] if settings.DEMO else []))


def states(wanted: Collection[str] | None = None) -> dict[str, bool]:
    """Which of the wanted parts answer. Where a server is down, what can be asked only of it is left out."""
    wanted = names() if wanted is None else wanted
    found: dict[str, bool] = {}
    if any(name in DATABASE for name in wanted):
        found |= _database()
    if any(name in BROKER for name in wanted):
        found |= _broker()
    if SIMULATOR in wanted and settings.DEMO:
        found[SIMULATOR] = _simulator_answers()
    return {name: answers for name, answers in found.items() if name in wanted or not answers}


def _database() -> dict[str, bool]:
    """Over a connection of its own: one that waits in a busy pool would say nothing in time."""
    options: dict[str, Any] = connection.get_connection_params() | {
        "connect_timeout": PATIENCE,
        "options": f"-c statement_timeout={PATIENCE * 1000}",
    }
    found = {"database": False}
    with contextlib.suppress(psycopg.Error), psycopg.connect(**options, autocommit=True) as ours:
        ours.execute("SELECT 1")
        found["database"] = True
        found["migrations"] = _is_migrated(ours)
        if found["migrations"]:
            ages = [ours.execute(statement).fetchone() for statement in (ledger.FOLD_AGE, sql.STATISTICS_FOLD_AGE)]
            found["fold"] = all(row is not None and row[0] < FOLD_LIMIT for row in ages)
    return found


def _is_migrated(ours: psycopg.Connection[Any]) -> bool:
    try:
        return _migrations() <= set(ours.execute(sql.APPLIED_MIGRATIONS).fetchall())
    except psycopg.errors.UndefinedTable:
        return False


@cache
def _migrations() -> frozenset[tuple[str, str]]:
    """Those this program came with."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return frozenset(loader.disk_migrations or {})


def _broker() -> dict[str, bool]:
    try:
        heard = heartbeat.heard(tuple(WORKERS.values()))
    except redis.RedisError:
        return {"redis": False}
    return {"redis": True, **{name: heard[beat] for name, beat in WORKERS.items()}}


def _simulator_answers() -> bool:
    try:
        with urllib.request.urlopen(f"{settings.SIMULATOR_URL}/health", timeout=PATIENCE) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

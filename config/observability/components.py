"""The parts of an installation, and whether each answers; the check takes a few seconds at most, also if none does."""

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
FOLD_LIMIT: Final = 300.0  # seconds that balances or statistics may lag behind before it is an alarm

# Each part's name, and its heartbeat's.
WORKERS: Final[Mapping[str, str]] = {
    "worker_realtime": "realtime",
    "worker_batch": "batch",
    "beat": heartbeat.BEAT,
}
DATABASE: Final = ("database", "migrations", "fold")
BROKER: Final = ("redis", *WORKERS)
SIMULATOR: Final = "simulator"


def names() -> tuple[str, ...]:
    """Return the names of all parts that this installation should have."""
    return (*DATABASE, *BROKER, *([SIMULATOR] if settings.DEMO else []))


def states(wanted: Collection[str] | None = None) -> dict[str, bool]:
    """Return whether each wanted part answers (None: all). What only a server that is down could tell is left out."""
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
    """Check over a new connection: waiting for one of a busy pool would take too long."""
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
    """Return the migrations on disk, as (app, name)."""
    loader = MigrationLoader(None, load=False)
    loader.load_disk()
    return frozenset(loader.disk_migrations or {})


def _broker() -> dict[str, bool]:
    try:
        alive = heartbeat.alive(tuple(WORKERS.values()))
    except redis.RedisError:
        return {"redis": False}
    return {"redis": True, **{name: alive[beat] for name, beat in WORKERS.items()}}


def _simulator_answers() -> bool:
    try:
        with urllib.request.urlopen(f"{settings.SIMULATOR_URL}/health", timeout=PATIENCE) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False

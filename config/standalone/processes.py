"""The processes of an installation on one machine, as the supervisor runs them."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.core.management import get_commands

from config.standalone import embedded, home
from config.standalone.supervisor import Program

SERVERS: Final = 1
PROGRAMS: Final = 2
TRAFFIC: Final = 3

_BEAT_FILE: Final = "beat-schedule"
# Celery warns of pickles as root; our tasks are JSON.
_AS_ROOT: Final = {"PYTHONWARNINGS": "ignore:You're running the worker with superuser"}


def postgres(server: embedded.Postgres) -> Program:
    """PostgreSQL; a fast shutdown breaks off what still runs and loses nothing committed."""
    return Program(
        "postgres",
        server.command(),
        SERVERS,
        identity=server.identity(),
        end_signal=signal.SIGINT,
        grace=12,
        expected_at_end="FATAL:  the database system is shutting down",  # to a second shell that still asks
    )


def valkey(server: embedded.Valkey) -> Program:
    """Valkey."""
    return Program("valkey", server.command(), SERVERS, grace=3)


def programs() -> Iterator[Program]:
    """Everything that works on what the servers hold."""
    threads = str(settings.WEB_THREADS)
    pool = {"DATABASE_POOL": str(settings.WEB_THREADS + 1), "PREFER_INDEXES": "1"}
    workers = ["--workers", str(settings.WEB_WORKERS), "--blocking-threads", threads, "--no-ws"]
    yield Program("web", _granian("wsgi", "config.wsgi:application", 0, *workers), PROGRAMS, environment=pool)
    yield Program("stream", _granian("asginl", "config.asgi:application", 1, "--no-ws"), PROGRAMS, environment=pool)
    # Tasks that talk to providers wait more than they compute; imports compute.
    hurried = _AS_ROOT | {"STATEMENT_TIMEOUT_MS": "30000", "PREFER_INDEXES": "1"}
    yield Program("realtime", _worker("realtime", processes=4, seconds=90), PROGRAMS, environment=hurried)
    yield Program("batch", _worker("batch", processes=2, seconds=3000), PROGRAMS, environment=_AS_ROOT)
    schedule = f"--schedule={settings.ONETILL_HOME / _BEAT_FILE}"
    yield Program("beat", _celery("beat", schedule, "--loglevel=warning", "--pidfile="), PROGRAMS)
    if "simulator" in get_commands():
        yield Program("simulator", manage("simulator", "--port", str(settings.PORT + 2)), PROGRAMS)


def manage(*arguments: str) -> list[str]:
    """One of our own commands."""
    return [sys.executable, str(home.PROJECT / "manage.py"), *arguments]


def _granian(interface: str, target: str, offset: int, *options: str) -> list[str]:
    address = ["--host", settings.HOST, "--port", str(settings.PORT + offset), "--working-dir", str(home.PROJECT)]
    common = ["--log-level", "error", "--respawn-failed-workers", "--workers-kill-timeout", "5"]
    return [_script("granian"), "--interface", interface, *address, *common, *options, target]


def _worker(queue: str, *, processes: int, seconds: int) -> list[str]:
    limits = [f"--soft-time-limit={seconds - 15}", f"--time-limit={seconds}"]
    names = [f"--queues={queue}", f"--hostname={queue}@{settings.PORT}"]
    return _celery("worker", *names, f"--concurrency={processes}", *limits, "--loglevel=warning", "--without-mingle")


def _celery(*arguments: str) -> list[str]:
    return [_script("celery"), f"--workdir={home.PROJECT}", "--app=config.celery:app", "--quiet", *arguments]


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))

"""The servers that are measured: a PostgreSQL of our own with normal durability, or a whole installation."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django
import psycopg
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from config.standalone import embedded
from tests.benchmarks import sql
from tests.stack import PROJECT, Stack


@contextlib.contextmanager
def database() -> Iterator[Path]:
    """PostgreSQL and Valkey in a home that is thrown away, migrated, and Django set up for them."""
    with tempfile.TemporaryDirectory(prefix="onetill-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        home.chmod(0o755)  # the servers' own user must reach what lies below
        for name in ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "DATABASE_POOL"):
            os.environ.pop(name, None)
        os.environ |= {"PREFER_INDEXES": "1", "ONETILL_HOME": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        postgres = embedded.Postgres(home)
        os.environ["DATABASE_OWNER_URL"] = postgres.url(embedded.OWNER)  # which only commands that need it look up
        postgres.start()
        valkey = embedded.Valkey(home).start()
        try:
            django.setup()
            call_command("migrate", verbosity=0)
            yield home
        finally:
            valkey.terminate()
            valkey.wait(10)
            stop_database(home)


def stop_database(home: Path) -> None:
    """Stop PostgreSQL, so that nothing of it disturbs what is measured next."""
    connections.close_all()
    embedded.Postgres(home).stop()


@contextlib.contextmanager
def raw_tables() -> Iterator[None]:
    """The schema `bench`: the tables of `raw.sql`, and room for copies."""
    with owner() as connection:
        connection.execute(sql.MAKE_RAW)
    try:
        yield
    finally:
        with owner() as connection:
            connection.execute(sql.DROP_ALL)


def owner() -> psycopg.Connection:
    """The database as its owner sees it."""
    return psycopg.connect(settings.DATABASE_OWNER_URL, autocommit=True)


@contextlib.contextmanager
def installation() -> Iterator[Stack]:
    """Everything, as `make run DEMO=0` starts it."""
    with tempfile.TemporaryDirectory(prefix="onetill-bench-", ignore_cleanup_errors=True) as home:
        Path(home).chmod(0o755)
        stack = Stack(Path(home))
        stack.start()
        try:
            yield stack
        finally:
            stack.stop()


@contextlib.contextmanager
def granian(target: str, port: int, environment: dict[str, str]) -> Iterator[None]:
    """Another WSGI application, served with the options that `config.standalone.processes` gives to ours."""
    options = ["--workers", str(settings.WEB_WORKERS), "--blocking-threads", str(settings.WEB_THREADS), "--no-ws"]
    program = [str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--log-level", "error"]
    process = subprocess.Popen(
        [*program, "--port", str(port), *options, target],
        cwd=PROJECT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)

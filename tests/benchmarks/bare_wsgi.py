"""The floor of (g): decodes a body with msgspec and writes as many rows of the same size in one statement, no more."""

import os
from collections.abc import Callable, Iterable
from threading import local
from typing import Any, Final

import msgspec
import psycopg

from tests.benchmarks import sql

_rows: Final = ["x" * int(os.environ["BARE_BYTES"])] * int(os.environ["BARE_ROWS"])
_kept: Final = local()


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """Answer what was sent."""
    answer = msgspec.json.decode(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    _connection().execute(sql.WRITE_BARE, [_rows], prepare=True)
    body = msgspec.json.encode(answer)
    start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]


def _connection() -> psycopg.Connection:
    """One for each thread, for as long as it lives."""
    if not hasattr(_kept, "connection"):
        _kept.connection = psycopg.connect(os.environ["BARE_DATABASE_URL"], autocommit=True)
    connection: psycopg.Connection = _kept.connection
    return connection

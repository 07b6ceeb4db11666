"""Statements of the test plumbing: making databases, and emptying them past the guards, as the owner may."""

import contextlib
import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import psycopg
from django.db import DatabaseError, InternalError
from psycopg.sql import SQL, Identifier

# Ids of our advisory locks on the maintenance database, chosen freely.
TEMPLATES = 74_123_001
READY = "migrated"


@contextlib.contextmanager
def exclusive(connection: psycopg.Connection) -> Iterator[None]:
    """One test process at a time."""
    connection.execute("SELECT pg_advisory_lock(%s)", [TEMPLATES])
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [TEMPLATES])


def create_database(connection: psycopg.Connection, name: str, template: str = "template0") -> None:
    connection.execute(SQL("CREATE DATABASE {} TEMPLATE {}").format(Identifier(name), Identifier(template)))


def drop_database(connection: psycopg.Connection, name: str) -> None:
    connection.execute(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(name)))


def end_own_connections(url: str) -> None:
    """End what this role left open in its database, which no other role may do."""
    mine = "datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {mine}")


def is_ready_template(connection: psycopg.Connection, name: str) -> bool:
    query = "SELECT 1 FROM pg_database WHERE datname = %s AND shobj_description(oid, 'pg_database') = %s"
    return connection.execute(query, [name, READY]).fetchone() is not None


def mark_ready_template(connection: psycopg.Connection, name: str) -> None:
    connection.execute(SQL("COMMENT ON DATABASE {} IS {}").format(Identifier(name), READY))


def drop_old_templates(connection: psycopg.Connection, kept: int) -> None:
    query = r"SELECT datname FROM pg_database WHERE datname LIKE 'template\_%%' ORDER BY oid DESC OFFSET %s"
    for (name,) in connection.execute(query, [kept]).fetchall():
        drop_database(connection, name)


def keep_seed(url: str) -> None:
    """Keep aside what the migrations themselves have put into tables: every test begins with it."""
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA seed")
        for table in _filled(connection, _tables(connection)):
            copy = SQL("CREATE TABLE seed.{} AS TABLE public.{}").format(Identifier(table), Identifier(table))
            connection.execute(copy)


def let_pass_guards(superuser_url: str, role: str) -> None:
    """Let a role switch off triggers for a transaction of its own: switching off each table's costs a statement a table."""
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        connection.execute(SQL("GRANT SET ON PARAMETER session_replication_role TO {}").format(Identifier(role)))


def empty(url: str) -> None:
    """Bring every table back to what the migrations left, as its owner, with its guards off for this transaction."""
    try:
        _empty(_session(url))
    except psycopg.OperationalError:  # a test has ended the server's sessions
        _session.cache_clear()
        _empty(_session(url))


@cache
def _session(url: str) -> psycopg.Connection:
    """Kept from test to test: a session of its own cost each of them more than what it did."""
    return psycopg.connect(url, options="-c lock_timeout=10000", autocommit=True, prepare_threshold=1)


def _empty(connection: psycopg.Connection) -> None:
    with connection.transaction():
        seeded = set(_tables(connection, "seed"))
        tables = _tables(connection)
        changed = _differing(connection, [table for table in tables if table in seeded])
        changed += _filled(connection, [table for table in tables if table not in seeded])
        with _guards_off(connection, changed):
            _run(connection, "DELETE FROM public.{}", changed)
            _run(connection, "INSERT INTO public.{0} OVERRIDING SYSTEM VALUE TABLE seed.{0}", [*seeded & {*changed}])


@contextlib.contextmanager
def _guards_off(connection: psycopg.Connection, tables: list[str]) -> Iterator[None]:
    """All triggers of the transaction where the role may, otherwise those of each table."""
    allowed = connection.execute("SELECT has_parameter_privilege('session_replication_role', 'SET')").fetchone()
    if allowed == (True,):
        connection.execute("SET LOCAL session_replication_role = replica")
        yield
        return
    _run(connection, "ALTER TABLE public.{} DISABLE TRIGGER USER", tables)
    yield
    connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
    _run(connection, "ALTER TABLE public.{} ENABLE TRIGGER USER", tables)


def _run(connection: psycopg.Connection, statement: str, tables: list[str]) -> None:
    for table in tables:
        connection.execute(SQL(statement).format(Identifier(table)))


def _tables(connection: psycopg.Connection, schema: str = "public") -> list[str]:
    query = """
        SELECT relname FROM pg_class
        WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition ORDER BY relname
    """
    return [name for (name,) in connection.execute(query, [schema])]


def _filled(connection: psycopg.Connection, tables: list[str]) -> list[str]:
    return _those(connection, tables, "EXISTS (SELECT FROM public.{0})")


def _differing(connection: psycopg.Connection, tables: list[str]) -> list[str]:
    condition = """
        EXISTS (SELECT t::text FROM public.{0} t EXCEPT ALL SELECT s::text FROM seed.{0} s)
        OR EXISTS (SELECT s::text FROM seed.{0} s EXCEPT ALL SELECT t::text FROM public.{0} t)
    """
    return _those(connection, tables, condition)


def _those(connection: psycopg.Connection, tables: list[str], condition: str) -> list[str]:
    """Of which tables this is true, in one statement."""
    if not tables:
        return []
    each = SQL(" UNION ALL ").join(
        SQL("SELECT {} WHERE ").format(table) + SQL(condition).format(Identifier(table)) for table in tables
    )
    return [name for (name,) in connection.execute(each)]


def time_out(connection: Any) -> None:
    """Have a statement of this (Django) connection take longer than it may."""
    with connection.cursor() as cursor:
        if connection.in_atomic_block:
            cursor.execute("SET LOCAL statement_timeout = '1ms'")
            cursor.execute("SELECT pg_sleep(10)")
        cursor.execute("SET statement_timeout = '1ms'")
        try:
            cursor.execute("SELECT pg_sleep(10)")
        finally:
            cursor.execute("RESET statement_timeout")


def cancel(url: str, pid: int) -> None:
    """Cancel what a session of one's own role is just doing."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_cancel_backend(%s)", [pid])


def disconnect(url: str, pid: int) -> None:
    """End a session of one's own role, and wait until it is gone."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 10000)", [pid])


def session_locks(connection: Any) -> int:
    """How many advisory locks this (Django) connection still holds."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
        return int(cursor.fetchone()[0])


def analyze(owner_url: str) -> None:
    """Let the planner know what is there, whatever the tests before left it to believe."""
    with psycopg.connect(owner_url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def plan(connection: Any, statement: str, values: dict[str, Any]) -> str:
    """How a statement finds its rows through indexes, as it would were the tables large."""
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off; SET enable_bitmapscan = off")
        try:
            cursor.execute(f"EXPLAIN {statement}", values)
            return "\n".join(row[0] for row in cursor.fetchall())
        finally:
            cursor.execute("RESET enable_seqscan; RESET enable_bitmapscan")


def lied(
    connection: psycopg.Connection,
    table: str,
    change: str | None,
    where: str,
    chance: float,
    named: Callable[[], list[str]],
) -> bool:
    """Change one row (or delete it) past every guard, tell whether the audit names it, and take it back.

    It is named where a finding has one of the row's own values in it: its id, or what it belongs to.
    """
    with connection.transaction(force_rollback=True):
        connection.execute("SET LOCAL session_replication_role = replica")
        choose = f"SELECT ctid, to_jsonb(t) FROM {table} t WHERE {where} ORDER BY ctid"
        rows = connection.execute(choose).fetchall()
        assert rows, f"no {table} where {where}"
        place, before = rows[int(chance * len(rows))]
        verb = f"DELETE FROM {table}" if change is None else f"UPDATE {table} SET {change}"
        try:
            after = connection.execute(f"{verb} WHERE ctid = %s RETURNING to_jsonb({table})", [place]).fetchone()
        except psycopg.errors.CheckViolation:
            return True  # the table itself will not have it, whoever asks
        assert after is not None
        tokens = {token for row in (before, after[0]) for token in _names(connection, row)}
        return any(token in finding for finding in named() for token in tokens)


def _names(connection: psycopg.Connection, row: dict[str, Any]) -> Iterator[str]:
    """By what a finding may name a row."""
    yield from (value for value in row.values() if isinstance(value, str) and len(value) > 8)
    if row.get("item") is not None:
        yield f"item {row['item']}"
    if "statement_id" in row:
        yield f"bank line {row['id']}"
    if "settlement_id" in row:
        query = "SELECT reference FROM reconciliation_settlement WHERE id = %s"
        yield from (name for (name,) in connection.execute(query, [row["settlement_id"]]))


def is_refused(connection: Any, statement: str) -> bool:
    """Whether this (Django) connection's role may not do this, or a guard keeps it from doing so."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    except (DatabaseError, InternalError):
        return True
    return False


def everything(connection: Any) -> Iterator[tuple[str, str]]:
    """Every text that is stored: (table and column, value), bytes as far as they are text."""
    query = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('text', 'character varying', 'character', 'json', 'jsonb', 'bytea')
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        columns = cursor.fetchall()
        for table, column, kind in columns:
            text = f"encode(\"{column}\", 'escape')" if kind == "bytea" else f'"{column}"::text'
            cursor.execute(f'SELECT {text} FROM "{table}" WHERE "{column}" IS NOT NULL')
            for (value,) in cursor:
                yield f"{table}.{column}", value


def columns_holding(connection: Any, pattern: str) -> set[str]:
    """The text columns in which anything is like this."""
    query = """
        SELECT table_name, column_name FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type IN ('text', 'character varying')
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        columns = cursor.fetchall()
        found = set()
        for table, column in columns:
            cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}" WHERE "{column}" LIKE %s)', [pattern])
            if cursor.fetchone()[0]:
                found.add(f"{table}.{column}")
        return found


def past_guards(table: str, statement: str, values: Sequence[Any] = ()) -> None:
    """What only the owner of the tables can do, with the table's guards switched off."""
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"]) as owner:
        owner.execute(SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(Identifier(table)))
        owner.execute(statement, values)
        owner.execute(SQL("ALTER TABLE {} ENABLE TRIGGER USER").format(Identifier(table)))

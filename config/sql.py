"""The statements that set up roles, databases and rights, and those that empty a test's database."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

import psycopg
from django.db.backends.utils import CursorWrapper
from psycopg import Connection
from psycopg.sql import SQL, Identifier, Literal


def ensure_role(connection: Connection, name: str, password: str, *, may_create_databases: bool = False) -> None:
    """Make a login role, or give it its password again (a home's secrets are the truth)."""
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone()
    statement = SQL("{verb} ROLE {name} LOGIN NOSUPERUSER {createdb} PASSWORD {password}").format(
        verb=SQL("ALTER" if known else "CREATE"),
        name=Identifier(name),
        createdb=SQL("CREATEDB" if may_create_databases else "NOCREATEDB"),
        password=Literal(password),
    )
    connection.execute(statement)


def ensure_database(connection: Connection, name: str, owner: str) -> None:
    """Make a database, unless there is one."""
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
        connection.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(name), Identifier(owner)))


def grant_by_default(cursor: CursorWrapper, role: str) -> None:
    """Let `role` read and write the tables that the current role is going to make; migrations take some of it back."""
    for rights in ("SELECT, INSERT, UPDATE, DELETE ON TABLES", "USAGE, SELECT ON SEQUENCES"):
        statement = "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {} TO {}"
        cursor.execute(SQL(statement).format(SQL(rights), Identifier(role)))


def has_live_merchant(cursor: CursorWrapper) -> bool:
    """Return whether a live merchant exists in this database."""
    cursor.execute("SELECT to_regclass('public.payments_merchant') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return False
    cursor.execute("SELECT EXISTS (SELECT FROM payments_merchant WHERE mode = 'live')")
    return bool(cursor.fetchone()[0])


def drop_everything(cursor: CursorWrapper) -> None:
    """Leave an empty schema, with the rights a new one has."""
    cursor.execute("DROP SCHEMA public CASCADE")
    cursor.execute("CREATE SCHEMA public")
    cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")


# What the application may add to and never delete, and the columns it may still write; the migrations of their apps
# say so first (`payments.db.rights`).
APPEND_ONLY: Final[Mapping[str, Sequence[str]]] = {
    "ledger_account": (),
    "ledger_journalentry": (),
    "ledger_posting": (),
    "ledger_bookday": (),
    "ledger_chainblock": (),
    "reconciliation_periodchange": (),
    "people_auditlog": (),
    "people_approval": ("behind", "alone", "secrets", "decided_by_id", "decided_at", "decision", "note"),
    "notify_event": (),
    "payments_tillmovement": (),
    "payments_transition": (),
    "payments_cardevidence": ("payment_id", "operation_id", "settled"),
    "payments_providerevent": ("status", "detail", "deliveries", "attempts", "due_at", "applied_at"),
}
# A restore that fails can be taken back: what was there is renamed, not dropped.
ASIDE: Final = "onetill_before_restore"


def keep_from_changing(cursor: CursorWrapper, role: str) -> None:
    """Take from `role` what the migrations took from it, where rights came by default alone."""
    for table, changing in APPEND_ONLY.items():
        statement = SQL("REVOKE UPDATE, DELETE, TRUNCATE ON {} FROM {}")
        cursor.execute(statement.format(Identifier(table), Identifier(role)))
        if changing:
            columns = SQL(", ").join(map(Identifier, changing))
            grant = SQL("GRANT UPDATE ({}) ON {} TO {}")
            cursor.execute(grant.format(columns, Identifier(table), Identifier(role)))


def may_make_tables(cursor: CursorWrapper) -> bool:
    """Return whether the current role may migrate."""
    cursor.execute("SELECT has_schema_privilege('public', 'CREATE')")
    return bool(cursor.fetchone()[0])


def keep_from_migrating(cursor: CursorWrapper, role: str) -> None:
    """Grant `role` to read the applied migrations, which health checks need, and nothing else."""
    statement = SQL("REVOKE INSERT, UPDATE, DELETE, TRUNCATE ON django_migrations FROM {}")
    cursor.execute(statement.format(Identifier(role)))


def step_aside(cursor: CursorWrapper) -> None:
    """Keep everything under another name, beside an empty schema."""
    cursor.execute(SQL("ALTER SCHEMA public RENAME TO {}").format(Identifier(ASIDE)))
    cursor.execute("CREATE SCHEMA public")
    cursor.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")


def step_back(cursor: CursorWrapper) -> None:
    """Put what stepped aside, if anything did, in its place again."""
    cursor.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", [ASIDE])
    if cursor.fetchone() is None:
        return
    cursor.execute("DROP SCHEMA public CASCADE")
    cursor.execute(SQL("ALTER SCHEMA {} RENAME TO public").format(Identifier(ASIDE)))


def drop_aside(cursor: CursorWrapper) -> None:
    """Forget what stepped aside."""
    cursor.execute(SQL("DROP SCHEMA {} CASCADE").format(Identifier(ASIDE)))


# Sessions, codes and tokens: no backup holds them, and a restore voids them.
LEFT_OUT: Final = ("django_session", "people_signin", "people_onetimelink", "terminals_countersignin")
REDACTED: Final[Mapping[str, Mapping[str, str]]] = {
    "terminals_terminal": {"pairing_code_hash": "NULL", "pairing_expires_at": "NULL"},
    "terminals_counterbrowser": {"pairing_code_hash": "NULL", "pairing_expires_at": "NULL", "token_hash": "NULL"},
    "notify_mail": {"sealed": "NULL"},  # one-time links
}


class Snapshot:
    """A snapshot of the database, exported so that other sessions can use it by its `name`."""

    def __init__(self, connection: Connection) -> None:
        # The first statement of the transaction, or the level could no longer be set.
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        self.name = str(row[0])
        self._connection = connection

    def redacted(self, table: str) -> Iterator[bytes]:
        """The rows of a table without what `REDACTED` names, as a script for psql that puts them back."""
        query = "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        names = [row[0] for row in self._connection.execute(f"{query} ORDER BY attnum", [f"public.{table}"])]
        columns = SQL(", ").join(map(Identifier, names))
        instead = REDACTED[table]
        values = SQL(", ").join(SQL(instead[name]) if name in instead else Identifier(name) for name in names)
        yield SQL("COPY public.{} ({}) FROM stdin;\n").format(Identifier(table), columns).as_string().encode()
        statement = SQL("COPY (SELECT {} FROM public.{}) TO STDOUT").format(values, Identifier(table))
        with self._connection.cursor() as cursor, cursor.copy(statement) as copy:
            yield from map(bytes, copy)
        yield b"\\.\n"


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Hold one moment for as long as it takes to copy it."""
    with psycopg.connect(url) as connection:
        yield Snapshot(connection)
        connection.rollback()


def void(cursor: CursorWrapper) -> None:
    """End every session, and take back every code and token that has not been used."""
    for table in LEFT_OUT:
        cursor.execute(SQL("DELETE FROM {}").format(Identifier(table)))
    for table, columns in REDACTED.items():
        changes = SQL(", ").join(SQL("{} = {}").format(Identifier(name), SQL(value)) for name, value in columns.items())
        cursor.execute(SQL("UPDATE {} SET {}").format(Identifier(table), changes))


def other_connections(cursor: CursorWrapper) -> int:
    """How many connections to this database there are beside this one."""
    cursor.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND usename IS NOT NULL"  # the server's own have none
    )
    return int(cursor.fetchone()[0])


def analyze(cursor: CursorWrapper) -> None:
    """Let the planner learn what a restored database holds."""
    cursor.execute("ANALYZE")


# What waits: kind, how many, age of the oldest, and for how long the first has been due. Each part names the condition
# of a partial index literally, so that its plan never depends on how long the table is.
WAITING: Final = """
    SELECT kind, rows, COALESCE(greatest(0, extract(epoch FROM clock_timestamp() - made)), 0)::float,
        COALESCE(greatest(0, extract(epoch FROM clock_timestamp() - due)), 0)::float
    FROM (
        SELECT 'operations_pending' AS kind, count(*) AS rows, min(created_at) AS made, min(due_at) AS due
        FROM payments_operation WHERE due_at IS NOT NULL AND outcome IS DISTINCT FROM 'unknown'
        UNION ALL
        SELECT 'operations_unknown', count(*), min(created_at), min(due_at)
        FROM payments_operation WHERE due_at IS NOT NULL AND outcome = 'unknown'
        UNION ALL
        SELECT 'provider_events', count(*), min(created_at), min(due_at)
        FROM payments_providerevent WHERE due_at IS NOT NULL
        UNION ALL
        SELECT 'webhook_deliveries', count(*), min(created_at), min(next_attempt_at)
        FROM notify_webhookdelivery WHERE status = 'pending'
        UNION ALL
        SELECT 'mails', count(*), min(created_at), min(next_attempt_at) FROM notify_mail WHERE status = 'pending'
        UNION ALL
        SELECT 'imports', count(*), min(created_at), min(due_at)
        FROM reconciliation_settlementfile WHERE due_at IS NOT NULL
        UNION ALL
        SELECT 'terminal_transactions', count(*), min(recorded_at), NULL
        FROM terminals_terminaltransaction WHERE status = 'waiting'
    ) w
"""
# What failed, by kind of work: how many, how many of them set aside, and since when the oldest.
FAILED_WORK: Final = """
    SELECT work, count(*), count(*) FILTER (WHERE due_at IS NULL),
        greatest(0, extract(epoch FROM clock_timestamp() - min(first_failed_at)))::float
    FROM payments_workfailure GROUP BY work ORDER BY work
"""
OPEN_DISCREPANCIES: Final = """
    SELECT kind, count(*), greatest(0, extract(epoch FROM clock_timestamp() - min(created_at)))::float
    FROM payments_discrepancy WHERE status <> 'resolved' GROUP BY kind ORDER BY kind
"""
STATISTICS_FOLD_AGE: Final = """
    SELECT COALESCE((
        SELECT greatest(0, extract(epoch FROM clock_timestamp() - d.made_at))
        FROM payments_statisticdelta d ORDER BY d.id LIMIT 1
    ), 0)::float
"""

APPLIED_MIGRATIONS: Final = "SELECT app, name FROM django_migrations"

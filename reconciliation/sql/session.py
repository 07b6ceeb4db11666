"""Temporary tables of a session, into which lines are copied to be matched as sets, and the session's locks.

Both vanish with the connection, so that an import which dies leaves nothing behind and simply starts again.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, Final

from django.db import connection

from payments.runtime.fail_points import fail_point

PIECE: Final = 5_000  # lines copied in one transaction
SETTLEMENT_COLUMNS: Final = (
    "position",
    "settlement",
    "line_id",
    "number",
    "type",
    "reference",
    "payment_reference",
    "reported_operation",
    "rrn",
    "tid",
    "stan",
    "authorization_code",
    "occurred_at",
    "currency",
    "gross",
    "fee",
    "vat",
    "order_reference",
    "fee_parts",
    "card_last4",
)
STATEMENT_COLUMNS: Final = (
    "position",
    "statement",
    "number",
    "amount",
    "currency",
    "booked_on",
    "valued_on",
    "reversal",
    "bank_reference",
    "end_to_end_id",
    "batch",
    "counterparty_name",
    "counterparty_iban",
    "remittance",
    "code",
)
_CREATE: Final = (
    """
CREATE TEMPORARY TABLE staged_settlement_line (
    position int NOT NULL, settlement int NOT NULL, line_id bigint, number int NOT NULL, type varchar NOT NULL,
    reference varchar NOT NULL, payment_reference varchar NOT NULL, reported_operation varchar COLLATE "C" NOT NULL,
    rrn varchar NOT NULL, tid varchar NOT NULL, stan varchar NOT NULL, authorization_code varchar NOT NULL,
    occurred_at timestamptz NOT NULL, currency char(3) NOT NULL, gross bigint NOT NULL, fee bigint NOT NULL,
    vat bigint NOT NULL, order_reference varchar NOT NULL, fee_parts jsonb,
    card_last4 varchar NOT NULL
)""",
    """
CREATE TEMPORARY TABLE staged_settlement_match (
    position int NOT NULL, state varchar NOT NULL, operation_id varchar COLLATE "C",
    payment_id varchar COLLATE "C", item bigint, expected bigint, expected_currency char(3),
    differs bigint, evidence_id varchar COLLATE "C", proven boolean, rule varchar NOT NULL
)""",
    """
CREATE TEMPORARY TABLE staged_statement_line (
    position int NOT NULL, statement int NOT NULL, number int NOT NULL, amount bigint NOT NULL,
    currency char(3) NOT NULL, booked_on date NOT NULL, valued_on date, reversal boolean NOT NULL,
    bank_reference varchar NOT NULL, end_to_end_id varchar COLLATE "C" NOT NULL, batch varchar NOT NULL,
    counterparty_name varchar NOT NULL, counterparty_iban varchar NOT NULL, remittance varchar NOT NULL,
    code varchar NOT NULL
)""",
    """
CREATE TEMPORARY TABLE staged_statement_match (
    position int PRIMARY KEY, state varchar NOT NULL, payout_id varchar COLLATE "C",
    operation_id varchar COLLATE "C", transfer_batch_id varchar COLLATE "C", provider_account_id varchar COLLATE "C",
    booked_before boolean NOT NULL
)""",
    """
CREATE TEMPORARY TABLE staged_payout_provider (position bigint NOT NULL, id varchar COLLATE "C" NOT NULL)""",
    """
CREATE TEMPORARY TABLE staged_payout_name (
    position bigint NOT NULL, amount bigint NOT NULL, payout_id varchar COLLATE "C" NOT NULL,
    provider_account_id varchar COLLATE "C" NOT NULL, status varchar NOT NULL, whole bigint NOT NULL,
    owed bigint NOT NULL, longest int NOT NULL, word boolean NOT NULL, telling boolean NOT NULL,
    lettered boolean NOT NULL, by_provider boolean NOT NULL, alone boolean NOT NULL
)""",
    """
CREATE TEMPORARY TABLE staged_payout_part (
    position bigint NOT NULL, payout_id varchar COLLATE "C" NOT NULL, amount bigint NOT NULL
)""",
)
_DROP: Final = """
DROP TABLE IF EXISTS staged_settlement_line, staged_settlement_match, staged_statement_line, staged_statement_match,
    staged_payout_provider, staged_payout_name, staged_payout_part;
"""
# A set is matched by reading tables whole, and sorted in memory: one import at a time has a merchant's lock. What is
# staged is looked at by a sample that is enough to plan by; the usual one would cost a small file a fifth of its time.
_SETTINGS: Final = """
SELECT set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false),
       set_config('enable_seqscan', 'on', false), set_config('work_mem', '64MB', false),
       set_config('default_statistics_target', '10', false)
"""
_CHANGED: Final = ("statement_timeout", "lock_timeout", "enable_seqscan", "work_mem", "default_statistics_target")


@contextmanager
def staging() -> Iterator[None]:
    """Have the temporary tables for a while, and as much time and memory as the work needs."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP)
        for statement in _CREATE:  # one at a time: a prepared statement holds no more
            cursor.execute(statement)
        cursor.execute(_SETTINGS)
    try:
        yield
    finally:
        # A connection that is lost has taken the tables along; one that must roll back takes no statement any more.
        if connection.is_usable() and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute(_DROP)
                for name in _CHANGED:
                    cursor.execute(f"RESET {name}")


@contextmanager
def session_lock(name: str) -> Iterator[bool]:
    """Hold an advisory lock of the session, which ends with its connection. Yield False if another session holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [f"reconciliation:{name}"])
        row = cursor.fetchone()
    held = bool(row and row[0])
    try:
        yield held
    finally:
        if held and connection.is_usable() and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended(%s, 0))", [f"reconciliation:{name}"])


def stage_settlement_lines(rows: Iterable[tuple[Any, ...]]) -> None:
    """Copy rows of `SETTLEMENT_COLUMNS` in."""
    _copy("staged_settlement_line", SETTLEMENT_COLUMNS, rows)


def stage_statement_lines(rows: Iterable[tuple[Any, ...]]) -> None:
    """Copy rows of `STATEMENT_COLUMNS` in."""
    _copy("staged_statement_line", STATEMENT_COLUMNS, rows)


def leave_out_statements(places: Collection[int]) -> int:
    """Forget the staged lines of these statements of the file. Return how many those were."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM staged_statement_line WHERE statement = ANY(%s)", [list(places)])
        return int(cursor.rowcount)


def _copy(table: str, columns: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    """In pieces, each a transaction: while one is open, no event is streamed and no balance folded."""
    left = iter(rows)
    with connection.cursor() as cursor:
        while piece := list(islice(left, PIECE)):
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                fail_point("import.copying")
                for row in piece:
                    copy.write_row(row)
        cursor.execute(f"ANALYZE {table}")

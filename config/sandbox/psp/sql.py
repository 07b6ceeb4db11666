"""The simulator's storage: one SQLite file beside the installation's data, and all its SQL.

Write-ahead logging makes a commit survive the process being killed, so that what was acknowledged is never forgotten.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any, Final, TypeAlias

Row: TypeAlias = sqlite3.Row

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS accounts (id TEXT PRIMARY KEY, webhook_secret TEXT, webhook_url TEXT);
CREATE TABLE IF NOT EXISTS payments (
    reference TEXT PRIMARY KEY, account TEXT NOT NULL, payment_id TEXT NOT NULL, currency TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS operations (
    id TEXT PRIMARY KEY, account TEXT NOT NULL, reference TEXT NOT NULL UNIQUE, payment_reference TEXT,
    verb TEXT NOT NULL, amount INTEGER NOT NULL, currency TEXT NOT NULL, method TEXT, final INTEGER NOT NULL,
    fingerprint TEXT NOT NULL, holder TEXT NOT NULL, card TEXT, return_url TEXT, token TEXT UNIQUE, page TEXT,
    description TEXT, outcome TEXT NOT NULL, code TEXT, detail TEXT, occurred_at TEXT
);
CREATE INDEX IF NOT EXISTS operations_payment ON operations (payment_reference);
CREATE TABLE IF NOT EXISTS effects (
    number INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, operation_id TEXT, reference TEXT NOT NULL UNIQUE,
    payment_reference TEXT, verb TEXT NOT NULL, amount INTEGER NOT NULL CHECK (amount >= 0), net INTEGER NOT NULL,
    currency TEXT NOT NULL, method TEXT, brand TEXT, at TEXT NOT NULL, settlement TEXT
);
CREATE INDEX IF NOT EXISTS effects_payment ON effects (payment_reference);
CREATE INDEX IF NOT EXISTS effects_operation ON effects (operation_id);
CREATE INDEX IF NOT EXISTS effects_unsettled ON effects (account, currency) WHERE settlement IS NULL AND net <> 0;
CREATE TABLE IF NOT EXISTS chargebacks (
    reference TEXT PRIMARY KEY, operation_id TEXT NOT NULL, amount INTEGER NOT NULL, state TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT 'chargeback'
);
CREATE TABLE IF NOT EXISTS attempts (operation_id TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_due ON jobs (due);
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, event TEXT NOT NULL, account TEXT NOT NULL, operation_id TEXT,
    body BLOB NOT NULL, due REAL NOT NULL, attempts INTEGER NOT NULL DEFAULT 0, delivered INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (due) WHERE NOT delivered;
CREATE INDEX IF NOT EXISTS deliveries_operation ON deliveries (operation_id) WHERE NOT delivered;
CREATE TABLE IF NOT EXISTS settlements (
    number INTEGER PRIMARY KEY AUTOINCREMENT, reference TEXT UNIQUE, account TEXT NOT NULL, currency TEXT NOT NULL,
    lines INTEGER, gross INTEGER, fee INTEGER, vat INTEGER, net INTEGER,
    payout_reference TEXT, payout_date TEXT, csv TEXT
);
CREATE TABLE IF NOT EXISTS statements (
    number INTEGER PRIMARY KEY AUTOINCREMENT, iban TEXT NOT NULL, sequence INTEGER NOT NULL, closing INTEGER NOT NULL,
    UNIQUE (iban, sequence)
);
CREATE TABLE IF NOT EXISTS faults (settings TEXT NOT NULL);
"""


class Store:
    """One connection behind one lock: SQLite has one writer anyway, and nothing here waits while holding it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = RLock()
        self._connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(SCHEMA)
        self._upgrade()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, one at a time; inside another it is part of that one."""
        with self._lock:
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def add(self, table: str, **values: Any) -> int:
        """Insert one row; return its number."""
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        return self._run(f"INSERT INTO {table} ({names}) VALUES ({marks})", values).lastrowid or 0

    def change(self, table: str, key: str, value: Any, **values: Any) -> None:
        """Update the row whose `key` column is `value`."""
        sets = ", ".join(f"{name} = :{name}" for name in values)
        self._run(f"UPDATE {table} SET {sets} WHERE {key} = :_key", {**values, "_key": value})

    def find(self, table: str, key: str, value: Any) -> Row | None:
        """Return the first row whose `key` column is `value`."""
        return self._one(f"SELECT * FROM {table} WHERE {key} = :value ORDER BY rowid LIMIT 1", value=value)

    def know_account(self, account: str, webhook_secret: str | None, webhook_url: str | None) -> None:
        """Remember where this account's webhooks go; what is not given stays as it was."""
        self._run(
            "INSERT INTO accounts VALUES (:account, :secret, :url) ON CONFLICT (id) DO UPDATE SET"
            " webhook_secret = coalesce(excluded.webhook_secret, webhook_secret),"
            " webhook_url = coalesce(excluded.webhook_url, webhook_url)"
            " WHERE coalesce(excluded.webhook_secret, webhook_secret) IS NOT webhook_secret"
            " OR coalesce(excluded.webhook_url, webhook_url) IS NOT webhook_url",
            {"account": account, "secret": webhook_secret, "url": webhook_url},
        )

    def first_attempt(self, operation_id: str) -> bool:
        """Return whether this is the first attempt of an operation, and store that there was one."""
        sql = "INSERT OR IGNORE INTO attempts VALUES (:operation_id)"
        return self._run(sql, {"operation_id": operation_id}).rowcount == 1

    def effect_sums(self, payment_reference: str) -> dict[str, int]:
        """Return the sum of this payment's effects by verb."""
        sql = "SELECT verb, sum(amount) AS total FROM effects WHERE payment_reference = :reference GROUP BY verb"
        return {row["verb"]: row["total"] for row in self._all(sql, reference=payment_reference)}

    def pending(self, payment_reference: str) -> dict[str, int]:
        """Return the sum of this payment's operations that may still move money, by verb."""
        sql = (
            "SELECT verb, sum(amount) AS total FROM operations"
            " WHERE payment_reference = :reference AND outcome = 'pending' GROUP BY verb"
        )
        return {row["verb"]: row["total"] for row in self._all(sql, reference=payment_reference)}

    def charges(self, payment_reference: str) -> list[Row]:
        """Return the operations that took (or may yet take) this payment's money, the first first."""
        sql = (
            "SELECT * FROM operations WHERE payment_reference = :reference"
            " AND verb IN ('sale', 'authorize', 'capture') AND outcome IN ('succeeded', 'pending') ORDER BY rowid"
        )
        return self._all(sql, reference=payment_reference)

    def effects(self, *, account: str | None, after: int, limit: int) -> list[Row]:
        """Return the log from a number on, of one account or of all."""
        sql = (
            "SELECT * FROM effects WHERE number > :after AND (:account IS NULL OR account = :account)"
            " ORDER BY number LIMIT :limit"
        )
        return self._all(sql, after=after, account=account, limit=limit)

    def unsettled(self, *, account: str, currency: str | None, until: str | None) -> list[Row]:
        """Return the effects that are in no settlement yet."""
        sql = (
            "SELECT * FROM effects WHERE settlement IS NULL AND net <> 0 AND account = :account"
            " AND (:currency IS NULL OR currency = :currency) AND (:until IS NULL OR at < :until) ORDER BY number"
        )
        return self._all(sql, account=account, currency=currency, until=until)

    def settle(self, settlement: str, effects: list[Row]) -> None:
        """Mark these effects as settled."""
        self._connection.executemany(
            "UPDATE effects SET settlement = ? WHERE number = ?", [(settlement, row["number"]) for row in effects]
        )

    def settlements(self, account: str | None) -> list[Row]:
        """Return the closed settlements, the first first."""
        sql = "SELECT * FROM settlements WHERE :account IS NULL OR account = :account ORDER BY number"
        return self._all(sql, account=account)

    def last_statement(self, iban: str) -> Row | None:
        """Return the newest statement of a bank account."""
        return self._one("SELECT * FROM statements WHERE iban = :iban ORDER BY sequence DESC LIMIT 1", iban=iban)

    def due_jobs(self, now: float) -> list[Row]:
        """Return what should happen by now, in order."""
        return self._all("SELECT * FROM jobs WHERE due <= :now ORDER BY due, number LIMIT 500", now=now)

    def forget_job(self, number: int) -> None:
        """Remove a job that was done."""
        self._run("DELETE FROM jobs WHERE number = :number", {"number": number})

    def due_deliveries(self, now: float) -> list[Row]:
        """Return the webhooks to send by now, in order, with where they go."""
        sql = (
            "SELECT deliveries.*, webhook_secret, webhook_url FROM deliveries JOIN accounts ON accounts.id = account"
            " WHERE NOT delivered AND due <= :now ORDER BY due, number LIMIT 500"
        )
        return self._all(sql, now=now)

    def undelivered(self, operation_id: str) -> bool:
        """Return whether a webhook about this operation is not delivered yet."""
        sql = "SELECT 1 FROM deliveries WHERE operation_id = :operation_id AND NOT delivered"
        return self._one(sql, operation_id=operation_id) is not None

    def read_faults(self) -> str | None:
        """Return the settings of random faults, as they were written."""
        row = self._one("SELECT settings FROM faults")
        return row["settings"] if row else None

    def write_faults(self, settings: str) -> None:
        """Replace the settings of random faults."""
        with self.transaction():
            self._run("DELETE FROM faults", {})
            self._run("INSERT INTO faults VALUES (:settings)", {"settings": settings})

    def _upgrade(self) -> None:
        """Give an older file's tables the columns that came later."""
        if "stage" not in {row["name"] for row in self._all("PRAGMA table_info(chargebacks)")}:
            self._run("ALTER TABLE chargebacks ADD COLUMN stage TEXT NOT NULL DEFAULT 'chargeback'", {})

    def _run(self, sql: str, values: Mapping[str, Any]) -> sqlite3.Cursor:
        with self._lock:
            return self._connection.execute(sql, values)

    def _all(self, sql: str, **values: Any) -> list[Row]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def _one(self, sql: str, **values: Any) -> Row | None:
        with self._lock:
            row: Row | None = self._connection.execute(sql, values).fetchone()
            return row

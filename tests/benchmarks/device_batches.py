"""(f) Terminal transactions through the service, with all that belongs to them, against raw and against bare COPY.

COPY is given the very rows that one batch of the service wrote, for tables with the same columns, checks and indexes
but without triggers and foreign keys.
"""

from collections.abc import Iterator
from itertools import count

import psycopg
from django.db import connection, transaction
from django.utils import timezone

from payments.providers.base import Card
from payments.services.card_present.register import register
from payments.services.card_present.types import AcquirerReferences, DeviceOutcome, DeviceTransaction, Kind
from tests.benchmarks import raw, server, sql
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Size, in_turn, milliseconds, rate
from tests.builders import Shop, open_shop

CARD = Card(brand="maestro", last4="4242", fingerprint="card_anna", entry_mode="contactless")
Rows = dict[str, bytes]


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    shop, sequence = open_shop("Bench"), count(1)

    def batch() -> None:
        _register(shop, [_sale(next(sequence)) for _ in range(size.device_batch)])

    batch()
    with transaction.atomic():
        batch()
        rows = _written_now()
    with server.owner() as owner:
        for table in rows:
            owner.execute(sql.MAKE_COPY.format(table))
        measured = in_turn(
            size.rounds,
            raw=lambda: raw.rate(size.seconds),
            copy=lambda: _copy(owner, rows, size),
            service=lambda: rate(batch, size.seconds, each=size.device_batch),
        )
    yield Figure("f.device_batches_to_raw", measured["service"], "transactions/s", measured["raw"])
    yield Figure("f.device_batches_to_copy", measured["service"], "transactions/s", measured["copy"])
    lines = sum(copied.count(b"\n") for copied in rows.values())
    yield Figure("f.rows_each", lines / size.device_batch, "rows/transaction")


def _register(shop: Shop, sales: list[DeviceTransaction]) -> None:
    device = shop.terminal
    register(merchant=shop.merchant, device=device, transactions=sales, actor=device.terminal_id, now=timezone.now())


def _sale(sequence: int) -> DeviceTransaction:
    posted = {
        "sequence": sequence,
        "type": "sale",
        "amount": 1250,
        "currency": "EUR",
        "outcome": "approved",
        "card": {"brand": "maestro", "last4": "4242", "fingerprint": "card_anna"},
        "entry_mode": "contactless",
        "verification": "online_pin",
        "authorization_code": "A1B2C3",
        "rrn": f"{sequence:012d}",
    }
    return DeviceTransaction(
        sequence=sequence,
        kind=Kind.SALE,
        outcome=DeviceOutcome.APPROVED,
        amount=1250,
        currency="EUR",
        occurred_at=timezone.now(),
        posted=posted,
        card=CARD,
        references=AcquirerReferences(rrn=f"{sequence:012d}", authorization_code="A1B2C3"),
    )


def _written_now() -> Rows:
    """Every row that this transaction has written, by table."""
    with connection.cursor() as cursor:
        cursor.execute(sql.TABLES)
        tables = [table for (table,) in cursor.fetchall()]
        written = {}
        for table in tables:
            with cursor.copy(sql.WRITTEN_NOW.format(table)) as rows:
                written[table] = b"".join(bytes(part) for part in rows)
    return {table: rows for table, rows in written.items() if rows}


def _copy(owner: psycopg.Connection, rows: Rows, size: Size) -> float:
    """Transactions a second; making room for the same rows again is not counted."""
    spent = 0.0
    batches = 0
    while spent < size.seconds * 500:
        for table in rows:
            owner.execute(sql.EMPTY.format(table))
        spent += milliseconds(lambda: _copy_once(owner, rows))
        batches += 1
    return batches * size.device_batch / spent * 1000


def _copy_once(owner: psycopg.Connection, rows: Rows) -> None:
    with owner.transaction(), owner.cursor() as cursor:
        for table, content in rows.items():
            with cursor.copy(sql.COPY.format(table)) as copy:
                copy.write(content)

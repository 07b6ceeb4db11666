"""A backup made while customers pay is the books of one moment; restored on another server they go on."""

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from threading import Event, Thread
from typing import Any

import psycopg
import pytest

from config.standalone import embedded
from tests.config.test_backup import Installation
from tests.simulator import eventually
from tests.stack import Shop, Stack

BALANCES = """
    SELECT a.code, sum(p.amount)::bigint FROM ledger_posting p JOIN ledger_account a ON a.number = p.account_id
    WHERE p.entry_id = ANY(%s) GROUP BY a.code ORDER BY a.code
"""
# Books a sale on the restored server, folds, and tells whether what is read agrees with what is added up.
GO_ON = """
import json
from django.db.models import Sum
from payments.ledger import fold
from payments.ledger.models import BalanceCheckpoint, FoldCursor, Posting
from tests.builders import open_shop
shop = open_shop("Restored")
shop.pay_cash(1250)
fold.fold_all()
print(json.dumps({
    "folded": BalanceCheckpoint.objects.aggregate(n=Sum("postings"))["n"],
    "postings": Posting.objects.count(),
    "age": fold.age(),
    "epoch": FoldCursor.objects.get().epoch,
}))
"""


@contextmanager
def customers(shop: Shop) -> Iterator[None]:
    """They pay, and bring things back, until the end."""
    ending = Event()

    def come(number: int) -> None:
        for turn in count():
            if ending.is_set():
                return
            body = {"amount": 2500, "currency": "EUR", "order_reference": f"{number}-{turn}"}
            paid = shop.api.post("/v1/payments", body | {"method": "card", "channel": shop.web})
            shop.api.post("/v1/refunds", {"payment": paid.json()["id"], "reason": "Too small", "channel": shop.store})

    threads = [Thread(target=come, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()


def upload(shop: Shop, content: bytes) -> str:
    files = {"file": ("statement.csv", content)}
    answer = shop.api.http.post("/v1/settlement_files", files=files, headers={"Idempotency-Key": "file-1"})
    assert answer.status_code == 202, answer.text
    made: str = answer.json()["id"]
    return made


def entries(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute("SELECT id FROM ledger_journalentry ORDER BY id")]


def balances(url: str, of: list[str]) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(BALANCES, [of]).fetchall()


@pytest.fixture
def elsewhere(stack: Stack) -> Iterator[Installation]:
    """A new machine, to which only the keys were brought from the safe."""
    with tempfile.TemporaryDirectory(prefix="onetill-") as folder:
        shutil.copy(stack.home / "secrets.json", folder)
        installation = Installation(Path(folder))
        yield installation
        installation.postgres.stop()


def test_books_of_one_moment_go_on_on_another_server(
    stack: Stack, shop: Shop, elsewhere: Installation, tmp_path: Path
) -> None:
    target, source = tmp_path / "onetill.backup", embedded.Postgres(stack.home).url()
    file = upload(shop, b"no format that anybody knows\n" * 100)
    with customers(shop):
        eventually(lambda: len(entries(source)) > 10, within=120)
        done = Installation(stack.home).manage("backup", str(target))
        assert done.returncode == 0, done.stderr
        there = entries(source)
    assert len(entries(source)) >= len(there)

    shutil.copytree(stack.home / "backup-key", elsewhere.folder / "backup-key")  # made with the first backup
    elsewhere.postgres.start()
    done = elsewhere.manage("restore", str(target))
    assert done.returncode == 0, done.stderr
    restored = entries(elsewhere.postgres.url())
    assert len(restored) > 10
    assert balances(elsewhere.postgres.url(), restored) == balances(source, restored)
    assert [path.read_bytes() for path in elsewhere.folder.glob(f"files/**/{file}")] == [
        b"no format that anybody knows\n" * 100
    ]
    audit = elsewhere.manage("audit_ledger", "--json")
    assert (audit.returncode, json.loads(audit.stdout)["violations"]) == (0, [])
    assert json.loads(audit.stdout)["entries"] == len(restored)
    went_on = json.loads(elsewhere.manage("shell", "-v0", "-c", GO_ON).stdout.splitlines()[-1])
    assert went_on["folded"] == went_on["postings"]
    assert went_on["age"] == 0
    assert went_on["epoch"] > 1  # transactions are counted anew there

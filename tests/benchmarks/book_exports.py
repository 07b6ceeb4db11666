"""(x) Exporting a merchant's books: postings a second by kind, and the memory of the process, beside a tenth of them.

Each export is a process of its own, `manage.py export`, so that its memory is nobody else's.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from payments.ledger.balances import fold_age, fold_all
from payments.ledger.posting import post
from payments.models import Merchant
from payments.services import create_setup
from tests.benchmarks import memory, server, sql
from tests.benchmarks.books import RECEIVABLE, captures
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import FLAT, Figure, Goal, Size
from tests.stack import PROJECT

KINDS: Final = ("journal_csv", "journal_xlsx", "xaf40", "beancount", "camt053")
LOOK_EVERY: Final = 0.02
FLAT_MEMORY: Final = Goal(1.15, at_least=False)


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    few, many = (_merchant(postings, size.batch) for postings in (size.exported // 10, size.exported))
    while fold_age() > 0:
        fold_all()
    with server.owner() as owner:
        owner.execute(sql.ANALYZE)
    for kind in KINDS:
        (short, lower), (long, peak) = _exported(kind, few), _exported(kind, many)
        # Of the time of a second export of nothing but more of the same, so that the start of a process is not in it.
        rate = (size.exported - size.exported // 10) / max(long - short, 0.001)
        yield Figure(f"x.{kind}", rate, "postings/s")
        yield Figure(f"x.{kind}_seconds", long, "s", 10 * short, goal=FLAT)
        yield Figure(f"x.{kind}_memory", peak, "MB", lower, goal=FLAT_MEMORY)


def _merchant(postings: int, batch: int) -> Merchant:
    """One with so many postings, of sales that have two each."""
    merchant = create_setup.create_merchant(name=f"Bench {postings}", actor="bench")
    for _ in range(0, postings // 2, batch):
        post(captures([merchant.id] * min(batch, postings // 2)))
    return merchant


def _exported(kind: str, merchant: Merchant) -> tuple[float, float]:
    """Seconds and megabytes of an export of all of it."""
    today = date.today()
    days = ["--from", str(today - timedelta(days=1)), "--to", str(today + timedelta(days=1))]
    account = ["--account", RECEIVABLE.code] if kind == "camt053" else []
    command = [sys.executable, "manage.py", "export", kind, *days, *account, "--merchant", merchant.id, "--json"]
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        peak = max(peak, memory.highest(process.pid))
        time.sleep(LOOK_EVERY)
    assert process.returncode == 0, f"{kind} was not released"
    return time.perf_counter() - began, peak

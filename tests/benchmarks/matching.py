"""(n) The lines of a settlement: read, matched as a set and booked; against COPY of the rows they become, and a loop.

Half of them are a PIN acquirer's, known by the numbers on a receipt, half are known by the provider's reference. COPY is
given the very rows that the lines are stored as, for a table with the same columns, checks and indexes. Both are told by
the clock and by the processor time of the PostgreSQL process that does them: beside other work only the latter says much.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple, TypeVar

import psycopg
from django.conf import settings
from django.core.files import File
from django.db import connection, transaction

from payments.models import CardEvidence, Operation
from payments.services.card_present.types import AcquirerReferences
from reconciliation.formats.simulator_csv import COLUMNS
from reconciliation.models import SettlementFile
from reconciliation.services import settlements
from reconciliation.services.keep_masked import keep_masked
from reconciliation.services.staging import Reading, stage
from reconciliation.services.upload import upload
from reconciliation.sql import session
from tests.benchmarks import processor_time, server, sql
from tests.benchmarks.clients import Clients
from tests.benchmarks.measure import Figure, Goal, Size
from tests.builders import BY, Shop, open_shop
from tests.names import reference

DAY: Final = "2026-11-20T12:00:00Z"
TID: Final = "TID-1"
GROSS, FEE = Decimal("12.50"), Decimal("0.25")
LOOPED: Final = 300  # lines that are looked up one at a time; a million would take hours
TABLE: Final = "reconciliation_settlementline"
Result = TypeVar("Result")


class Spent(NamedTuple):
    """Seconds by the clock, and of PostgreSQL's processor."""

    clock: float
    processor: float


def run(size: Size, clients: Clients) -> Iterator[Figure]:
    each: dict[int, Spent] = {}
    with server.owner() as owner, tempfile.TemporaryDirectory(prefix="onetill-bench-") as folder:
        owner.execute(sql.MAKE_COPY.format(TABLE))
        settings.MEDIA_ROOT = folder
        for lines in sorted({max(2, size.import_lines // part) for part in (100, 10, 1)}):
            took, copied = _took(lines, Path(folder), owner, rounds=size.rounds if lines < 500_000 else 1)
            each[lines] = Spent(*(spent / lines * 1e6 for spent in took["match"]))
            yield from _figures(lines, took, copied)
    few, many = each[min(each)], each[max(each)]
    yield Figure("n.loop", took["loop"].clock * 1e6, "µs/line", many.clock, goal=Goal(25))
    yield Figure("n.linear", many.clock, "µs/line", few.clock, goal=Goal(1.5, at_least=False))
    yield Figure("n.linear_processor", many.processor, "µs/line", few.processor, goal=Goal(1.5, at_least=False))
    together = took["stage"].clock + took["match"].clock
    yield Figure("n.import_and_match", together, "s", 20, goal=Goal(1, at_least=False))


def _figures(lines: int, took: dict[str, Spent], copied: Spent) -> Iterator[Figure]:
    goal = Goal(2.5, at_least=False)
    yield Figure(f"n.match_at_{lines}", took["match"].clock, "s", copied.clock, goal=goal)
    yield Figure(f"n.match_processor_at_{lines}", took["match"].processor, "s", copied.processor, goal=goal)
    yield Figure(f"n.read_at_{lines}", took["stage"].clock, "s", copied.clock)
    yield Figure(f"n.book_at_{lines}", took["book"].clock, "s", copied.clock)


def _took(lines: int, folder: Path, owner: psycopg.Connection, *, rounds: int) -> tuple[dict[str, Spent], Spent]:
    """What each step takes for so many lines, and COPY; nothing of it is kept."""
    shop = open_shop(f"Bench {lines}")
    name = _sold(shop, lines, owner)
    path = folder / f"{name}.csv"
    with path.open("w") as text:
        text.writelines(",".join(map(str, row)) + "\n" for row in _rows(name, lines))
    with path.open("rb") as content:
        account = shop.account("external")
        row = upload(merchant=shop.merchant, file=File(content), name=path.name, actor=BY, provider_account=account)
    assert keep_masked(row)
    file = SettlementFile.objects.select_related("merchant", "provider_account").get(id=row.id)
    with session.staging():
        process = _process()
        staged, reading = _timed(lambda: stage(file), process)
        matched = _matched(file, reading, rounds, process)
        with transaction.atomic():
            booked, _ = _timed(lambda: settlements.book(file, reading), process)
            rows = folder / "rows"
            _write(rows, file)
            transaction.set_rollback(True)
    took = {"stage": staged, "match": matched, "book": booked, "loop": _loop(shop, name, lines)}
    return took, _median([_copied(owner, rows) for _ in range(rounds)])


def _sold(shop: Shop, lines: int, owner: psycopg.Connection) -> str:
    """As many card sales as there will be lines: copies of one, past the ledger's door."""
    sale = shop.pin(1_250, references=AcquirerReferences(rrn="R", stan="S", authorization_code="C", acquirer_tid=TID))
    name = reference()[:6]
    for statement in (*sql.COPY_PAYMENT, *sql.COPY_EVIDENCE):
        owner.execute(statement, {"payment": sale.id, "name": name, "count": lines})
    return name


def _rows(name: str, lines: int) -> Iterator[list[Any]]:
    """One settlement: every second line is known by a receipt's numbers, the others by the provider's reference."""
    net = GROSS - FEE
    yield list(COLUMNS)
    yield ["H", name, "", "", "", "", DAY, "EUR", "", "", "", "", "", ""]
    for number in range(1, lines + 1):
        if number % 2:
            known = [f"copy_{name}_{number}", "", ""]
        else:
            known = [f"A{number}", f"{number:012}", f"{TID}/{number % 1_000_000:06}/{number:08}"]
        kind = "sale" if number % 2 else "terminal_sale"
        yield ["L", name, kind, *known, DAY, "EUR", GROSS, FEE, "0.00", net, "", ""]
    yield ["T", name, "", "", "", "", "", "EUR", GROSS * lines, FEE * lines, "0.00", net * lines, "", ""]


def _process() -> int:
    """The id of the PostgreSQL process that does what Django asks for."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def _matched(file: SettlementFile, reading: Reading, rounds: int, process: int) -> Spent:
    took = []
    for _ in range(rounds):
        with connection.cursor() as cursor:
            cursor.execute(sql.MATCHES_AGAIN)
        spent, problems = _timed(lambda: settlements.match(file, reading), process)
        assert problems == []
        took.append(spent)
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT state FROM staged_settlement_match")
        assert cursor.fetchall() == [("matched",)]
    return _median(took)


def _write(path: Path, file: SettlementFile) -> None:
    with path.open("wb") as out, connection.cursor() as cursor, cursor.copy(sql.STORED_LINES.format(file.id)) as rows:
        for part in rows:
            out.write(part)


def _copied(owner: psycopg.Connection, path: Path) -> Spent:
    def copy() -> None:
        with path.open("rb") as rows, owner.cursor() as cursor, cursor.copy(sql.COPY.format(TABLE)) as copying:
            while part := rows.read(1 << 20):
                copying.write(part)

    owner.execute(sql.EMPTY.format(TABLE))
    return _timed(copy, owner.info.backend_pid)[0]


def _loop(shop: Shop, name: str, lines: int) -> Spent:
    """Seconds a line, where each is looked up by itself."""
    account, looked = shop.account("external").id, min(LOOPED, lines)
    began = time.perf_counter()
    for number in range(1, looked + 1):
        if number % 2:
            found = Operation.objects.filter(provider_account_id=account, provider_reference=f"copy_{name}_{number}")
            assert len(found.select_related("payment")) == 1
        else:
            proof = {"rrn": f"{number:012}", "acquirer_tid": TID}
            evidence = CardEvidence.objects.filter(merchant=shop.merchant, **proof)
            assert len(evidence.select_related("operation", "payment")) == 1
    return Spent((time.perf_counter() - began) / looked, 0)


def _timed(work: Callable[[], Result], process: int) -> tuple[Spent, Result]:
    began, used = time.perf_counter(), processor_time.used(process)
    result = work()
    return Spent(time.perf_counter() - began, (processor_time.used(process) - used) / 1000), result


def _median(rounds: list[Spent]) -> Spent:
    return Spent(*map(median, zip(*rounds, strict=True)))

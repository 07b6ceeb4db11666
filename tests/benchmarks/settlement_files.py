"""Settlement files of any number of lines, about payments that are made for them past the ledger's door.

The payments are copies of one real payment, inserted as sets by the database's owner: an import reads them, and nobody
adds them up.
"""

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import httpx
import psycopg

from config.standalone import embedded
from reconciliation.formats.simulator_csv import COLUMNS
from tests.benchmarks import sql
from tests.names import reference
from tests.stack import Shop

DAY: Final = "2026-11-20T12:00:00Z"
GROSS: Final = Decimal("12.50")
FEE: Final = Decimal("0.25")
VAT: Final = Decimal("0.05")
NET: Final = GROSS - FEE - VAT
ENDED: Final = frozenset({"imported", "refused", "duplicate"})


@dataclass(frozen=True, slots=True)
class SettlementFile:
    """A file on disk, and how many lines it has."""

    path: Path
    lines: int


def written(shop: Shop, payment: str, folder: Path, *, sales: int, lines: int) -> SettlementFile:
    """A file of `lines`: the first of them sales of copies of `payment`, made for it, the others fees."""
    name = reference()[:6]
    with psycopg.connect(embedded.Postgres(shop.stack.home).url(embedded.OWNER)) as connection:
        for statement in sql.COPY_PAYMENT:
            connection.execute(statement, {"payment": payment, "name": name, "count": sales})
    path = folder / f"{name}.csv"
    with path.open("w") as file:
        file.writelines(",".join(map(str, row)) + "\n" for row in _rows(name, sales, lines))
    return SettlementFile(path, lines)


def sent(shop: Shop, file: SettlementFile) -> str:
    """Upload it; the import begins at once. Returns its id."""
    with file.path.open("rb") as stream:
        answer = shop.api.http.post(
            "/v1/settlement_files",
            files={"file": (file.path.name, stream, "text/csv")},
            headers={"Idempotency-Key": uuid.uuid4().hex},
            timeout=120,
        )
    assert answer.status_code == 202, answer.text
    sent_id: str = answer.json()["id"]
    return sent_id


def state(shop: Shop, file_id: str) -> dict[str, Any]:
    """What is known of the file by now, whoever is busy."""
    while True:
        try:
            told: dict[str, Any] = shop.api.get(f"/v1/settlement_files/{file_id}")
        except httpx.TimeoutException:
            time.sleep(0.1)
        else:
            return told


def _rows(name: str, sales: int, lines: int) -> Iterator[list[Any]]:
    """One settlement that is paid out: each sale costs a fee, each fee line takes a cent."""
    cent = Decimal("0.01")
    gross, fee, vat = GROSS * sales - cent * (lines - sales), FEE * sales, VAT * sales
    yield COLUMNS
    yield ["H", f"STL-{name}", "", "", "", "", DAY, "EUR", "", "", "", "", "", ""]
    for number in range(1, sales + 1):
        reference = f"copy_{name}_{number}"
        yield ["L", f"STL-{name}", "sale", reference, "", reference, DAY, "EUR", GROSS, FEE, VAT, NET, "", ""]
    for number in range(sales + 1, lines + 1):
        yield ["L", f"STL-{name}", "fee", f"fee_{number}", "", "", DAY, "EUR", -cent, "0.00", "0.00", -cent, "", ""]
    yield ["T", f"STL-{name}", "", "", "", "", "", "EUR", gross, fee, vat, gross - fee - vat, "", ""]

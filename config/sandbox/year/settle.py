"""What the provider and the PIN acquirer settle for a month: a file as they send it, imported as any other."""

import csv
import tempfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any, Final

from django.core.files import File
from django.db.models import QuerySet

from config.sandbox.year.shop import ACTOR, Shop
from payments.models import CardEvidence, Operation
from reconciliation.formats.simulator_csv import COLUMNS
from reconciliation.models import SettlementFile
from reconciliation.services.import_file import import_file
from reconciliation.services.upload import upload

CENT: Final = Decimal("0.01")
VAT: Final = Decimal("0.21")
_RATES: Final = {"ideal": (29, 0), "card": (10, 120), "pin": (5, 20)}  # cents, and basis points
_OTHER: Final = (15, 90)
Line = list[Any]


def month(shop: Shop, last: date) -> int:
    """Settle the month that ends with this day, for each account; return how many lines there were."""
    zone = shop.merchant.zone
    first, end = (datetime.combine(day, time.min, zone) for day in (last.replace(day=1), last + timedelta(days=1)))
    online = Operation.objects.filter(provider_account=shop.online, outcome="succeeded", verb__in=["sale", "refund"])
    lines = _send(shop, "web", last, _online(online.filter(occurred_at__gte=first, occurred_at__lt=end)))
    at_tills = CardEvidence.objects.filter(terminal_id__in=shop.tills.values(), posted__outcome="approved")
    return lines + _send(shop, "pin", last, _by_card(at_tills.filter(occurred_at__gte=first, occurred_at__lt=end)))


def _online(rows: QuerySet[Operation]) -> Iterator[Line]:
    chosen = rows.order_by("id").values_list(
        "verb", "provider_reference", "id", "payment__provider_reference", "occurred_at", "amount", "payment__method"
    )
    for verb, reference, operation, payment, at, amount, method in chosen.iterator():
        yield [verb, reference, operation, payment, at, *_sums(verb, amount, method)]


def _by_card(rows: QuerySet[CardEvidence]) -> Iterator[Line]:
    chosen = rows.order_by("id").values_list(
        "type", "id", "rrn", "acquirer_tid", "stan", "authorization_code", "occurred_at", "amount"
    )
    for kind, reference, rrn, tid, stan, code, at, amount in chosen.iterator():
        yield [f"terminal_{kind}", reference, rrn, f"{tid}/{stan}/{code}", at, *_sums(kind, amount, "pin")]


def _sums(verb: str, cents: int, method: str | None) -> tuple[Decimal, Decimal, Decimal]:
    """Gross, fee and VAT on it; a refund costs nothing."""
    gross = Decimal(cents) * CENT
    if verb == "refund":
        return -gross, Decimal(0), Decimal(0)
    fixed, points = _RATES.get(method or "", _OTHER)
    fee = (fixed * CENT + gross * points / 10_000).quantize(CENT, ROUND_HALF_UP)
    return gross, fee, (fee * VAT).quantize(CENT, ROUND_HALF_UP)


def _send(shop: Shop, name: str, day: date, lines: Iterator[Line]) -> int:
    settlement = f"YEAR-{shop.merchant.id[-6:]}-{name}-{day:%Y%m%d}"
    with tempfile.TemporaryDirectory(prefix="onetill-year-") as folder:
        path = Path(folder) / f"{settlement}.csv"
        count = _write(path, settlement, day, lines)
        if count:
            _import(shop, path)
    return count


def _write(path: Path, settlement: str, day: date, lines: Iterator[Line]) -> int:
    count, sums = 0, [Decimal(0)] * 3
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerow(["H", settlement, "", "", "", "", f"{day}T23:59:59Z", "EUR", *[""] * 6])
        for kind, reference, operation, payment, at, *amounts in lines:
            moment = at.strftime("%Y-%m-%dT%H:%M:%SZ")
            cells = ["L", settlement, kind, reference, operation, payment, moment, "EUR"]
            writer.writerow([*cells, *_columns(amounts), "", ""])
            sums = [total + amount for total, amount in zip(sums, amounts, strict=True)]
            count += 1
        writer.writerow(["T", settlement, "", "", "", "", "", "EUR", *_columns(sums), "", ""])
    return count


def _columns(amounts: list[Decimal]) -> list[str]:
    gross, fee, vat = amounts
    return [f"{value:.2f}" for value in (gross, fee, vat, gross - fee - vat)]


def _import(shop: Shop, path: Path) -> None:
    with path.open("rb") as content:
        row = upload(merchant=shop.merchant, file=File(content, name=path.name), name=path.name, actor=ACTOR)
    while row.status == SettlementFile.Status.PROCESSING:
        import_file(row.id)
        row.refresh_from_db()
    if row.status != SettlementFile.Status.IMPORTED:
        raise RuntimeError(f"{path.name} is {row.status}: {row.problems}")

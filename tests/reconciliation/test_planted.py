"""A week of look-alikes with every kind of fault in it: all of them are found and named, and nothing else is.

`SALES` is how many card sales there are (as many as in `make test`, if it is not set), `SEED` which week it is.
"""

import os
import random
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Final

import pytest
from django.utils import timezone

from payments.models import Discrepancy
from payments.runtime.fail_points import fail_points_enabled
from reconciliation.models import BankStatementLine, Payout, SettlementFile, SettlementLine
from reconciliation.services.import_file import import_file
from reconciliation.services.line_discrepancies import line_of
from reconciliation.services.overdue import raise_overdue
from reconciliation.services.rematch import rematch
from tests.reconciliation.conftest import Shop, violations
from tests.reconciliation.planted.faults import FAULTS
from tests.reconciliation.planted.week import Expected, Week

SALES: Final = int(os.environ.get("SALES", "160"))
SEED: Final = int(os.environ.get("SEED") or 1)
OF_A_SETTLEMENT: Final = 40


class Struck(Exception):
    """What ends an import in the middle of it."""


def week_of(shop: Shop, seed: int, *faults: Callable[[Week], None]) -> Week:
    week = Week(shop, random.Random(seed))
    week.opens()
    week.sells(in_store=SALES, online=max(12, SALES // 10))
    week.is_settled(of=OF_A_SETTLEMENT)
    for fault in faults:
        fault(week)
    week.rest()
    return week


def come_in(week: Week, order: random.Random, *, again: bool = False, struck: bool = False) -> None:
    """Send all files in some order, perhaps some of them twice and each import ended in the middle, and go the rounds."""
    files = week.files()
    order.shuffle(files)
    for text in files:
        file = week.shop.uploads(text)
        if struck:
            is_struck(file.id, order)
        import_file(file.id)
        if again and order.random() < 0.5:
            assert week.shop.sends(text).status == SettlementFile.Status.DUPLICATE
    assert set(SettlementFile.objects.values_list("status", flat=True)) <= {"imported", "duplicate"}
    for _ in range(2):  # the second round finds nothing more to do
        rematch()
        raise_overdue(now=timezone.now() + timedelta(days=10))


def is_struck(file_id: str, chance: random.Random) -> None:
    """Begin the import of a file twice, and end it at one of its points, or let it go on to its end."""

    def strike(point: str) -> None:
        if point.startswith(("import.", "finish.")) and chance.random() < 0.2:
            raise Struck(point)

    for _ in range(2):
        with fail_points_enabled(strike), suppress(Struck):
            import_file(file_id)


def found(shop: Shop) -> set[Expected]:
    return {Expected(row.kind, about(row)) for row in shop.disagreements()}


def about(row: Discrepancy) -> str:
    """What a person would call it: the acquirer's line, the bank's, the payout, the payment or the terminal."""
    line = line_of(row)
    key = row.key.partition(":")[2]
    if line is not None:
        return line.reference
    if key.startswith("bank:"):
        return BankStatementLine.objects.get(id=key.removeprefix("bank:")).bank_reference
    if key.startswith("pyo_"):
        return Payout.objects.get(id=key).reference
    return row.payment_id or row.terminal_id or key


def wrongly_matched(week: Week) -> list[str]:
    """Lines that were taken for another payment than they are about."""
    lines = SettlementLine.objects.filter(
        settlement__merchant=week.shop.merchant, state=SettlementLine.State.MATCHED
    ).exclude(type="fee")
    return [f"{line.reference} by {line.rule}" for line in lines if week.settles.get(line.reference) != line.payment_id]


def assert_found(week: Week) -> None:
    shown, expected = found(week.shop), week.expected
    either = {name: row for row in expected for name in row.about.split("|")}
    named = {Expected(row.kind, either[row.about].about) if row.about in either else row for row in shown}
    assert (named - expected, expected - named) == (set(), set())
    assert len(shown) == len(named)  # each once
    assert wrongly_matched(week) == []
    assert violations() == []


@pytest.mark.parametrize("struck", [False, True], ids=["replayed", "struck"])
def test_every_fault_is_told_and_nothing_else(shop: Shop, struck: bool) -> None:
    week = week_of(shop, SEED, *FAULTS)
    come_in(week, random.Random(SEED + struck), again=True, struck=struck)
    assert_found(week)


def test_where_nothing_is_wrong_nothing_is_told(shop: Shop) -> None:
    week = week_of(shop, SEED)
    come_in(week, random.Random(SEED))
    assert_found(week)
    states = SettlementLine.objects.exclude(type="fee").values_list("state", flat=True)
    assert set(states) == {SettlementLine.State.MATCHED}
    assert shop.balance("receivable") == 0
